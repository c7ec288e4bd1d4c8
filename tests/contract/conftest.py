"""The real neighbours: a PostgreSQL of the tests' own, and databases in it or in a file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.store import Store, create_store_engine, migrate
from tests.contract.dcm4chee_studies import client
from tests.contract.queue_rigs import DbosRig, MemoryRig, Rig, new_rig
from tests.contract.real_orthanc import SCRIPT, RealOrthanc, running_orthanc
from tests.postgresql import Postgres
from tests.standin import running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives import Dcm4cheeArchive
    from orthanc_plugins.store import Inventory
    from tests.standin import StandIn


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="pacs-postgresql-"))
    server = Postgres(folder)
    yield server
    server.close()
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database.sqlite'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    engine = create_store_engine(database)
    migrate(engine)
    store = Store(engine)
    yield store
    store.close()


@pytest.fixture
def inventory(store: Store) -> Inventory:
    return store.inventory


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """What stands in DCM4CHEE's place, for the tests of one module; each has studies of its own."""
    with running_standin(tmp_path_factory.mktemp("dcm4chee") / "standin") as standin:
        yield standin


@pytest.fixture
def archive(standin: StandIn) -> Iterator[Dcm4cheeArchive]:
    """A client of the stand-in for DCM4CHEE."""
    archive = client(standin, standin.url)
    yield archive
    archive.close()


@pytest.fixture(scope="session")
def real_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealOrthanc]:
    """An Orthanc with the bridge, with events that call back and with routes that could deadlock."""
    with running_orthanc(tmp_path_factory.mktemp("orthanc"), SCRIPT) as orthanc:
        yield orthanc


@pytest.fixture(params=["sqlite", "postgresql"])
def worked(request: pytest.FixtureRequest) -> DbosRig:
    """A queue with one worker that all tests share."""
    rig: DbosRig = request.getfixturevalue(f"{request.param}_rig")
    return rig


@pytest.fixture(params=["sqlite", "postgresql"])
def unworked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbosRig]:
    """A queue of one test's own, whose workers the test starts."""
    rig = new_rig(request.param, tmp_path_factory, request)
    yield rig
    rig.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        yield MemoryRig()
        return
    shared: DbosRig = request.getfixturevalue(f"{request.param}_rig")
    shared.close_gate()
    yield shared
    shared.open_gate()


@pytest.fixture(scope="session")
def sqlite_rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbosRig]:
    rig = new_rig("sqlite", tmp_path_factory, request)
    rig.start_worker()
    yield rig
    rig.close()


@pytest.fixture(scope="session")
def postgresql_rig(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DbosRig]:
    rig = new_rig("postgresql", tmp_path_factory, request)
    rig.start_worker()
    yield rig
    rig.close()
