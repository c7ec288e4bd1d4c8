"""The real neighbours: a PostgreSQL of the tests' own, and databases in it or in a file."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.contract.queue_rigs import DbosRig, MemoryRig, Rig, new_rig
from tests.contract.real_orthanc import SCRIPT, running_orthanc
from tests.contract.waiting import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.queue_rigs import DbosRig, Rig
from tests.contract.real_orthanc import RealOrthanc


class Postgres:
    """A PostgreSQL server on loopback whose data nobody keeps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        # PostgreSQL refuses to run as root.
        self._user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self._user:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self._port = free_port()
        self._log = (folder / "log").open("wb")
        self._run(
            "initdb",
            "-D",
            str(folder / "data"),
            "-U",
            "pacs",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
            "--locale=C",
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "max_connections": "60",
            "shared_buffers": "16MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._server = subprocess.Popen(
            [str(self._programs / "postgres"), "-D", str(folder / "data"), "-p", str(self._port), *options],
            stdout=self._log,
            stderr=self._log,
            **self._user,
        )
        self._admin = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        eventually(self._answers, "PostgreSQL answers")

    def url(self, database: str) -> str:
        return f"postgresql://pacs@127.0.0.1:{self._port}/{database}"

    def new_database(self, name: str = "") -> str:
        """Make an empty database, of a name of its own when none is given, and return its address."""
        name = name or f"test_{uuid.uuid4().hex}"
        with self._admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return self.url(name)

    def close(self) -> None:
        self._admin.dispose()
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(20)
        self._log.close()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, stdout=self._log, stderr=self._log, cwd="/", **self._user)

    def _answers(self) -> bool:
        assert self._server.poll() is None, (self._folder / "log").read_text(encoding="utf-8")
        try:
            self._admin.connect().close()
        except OperationalError:
            return False
        return True


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
