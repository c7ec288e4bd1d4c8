"""The parts of the suite with fakes for neighbours; the store is the real one, on SQLite."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.reception import Reception
from orthanc_plugins.services import Services, UploadLimits
from orthanc_plugins.store import Store, create_store_engine, migrate
from tests.fakes import FakeOrthancRest, MemoryQueue
from tests.unit.arrivals import begin, go_without, store_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orthanc_plugins.identifiers import JobId

UPLOAD_LIMITS = UploadLimits(largest_file_bytes=1_000_000, largest_total_bytes=4_000_000)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("store") / "empty.sqlite"
    engine = create_store_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture
def store(migrated_database: Path, tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "pacs.sqlite"
    shutil.copy(migrated_database, path)
    store = Store(create_store_engine(f"sqlite:///{path}"))
    yield store
    store.close()


@pytest.fixture
def orthanc() -> FakeOrthancRest:
    return FakeOrthancRest()


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def reception(orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue) -> Reception:
    return Reception(orthanc, store, queue)


@pytest.fixture
def services(orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, tmp_path: Path) -> Services:
    return Services(
        orthanc=orthanc,
        store=store,
        queue=queue,
        exports=tmp_path / "exports",
        viewer_url="http://viewer.invalid",
        formats=("nifti", "stl", "json", "png"),
        dose_metrics=("D95%", "V20Gy"),
        compare_regions=True,
        require_same_frame_of_reference=True,
        mesh_detail="full",
        mesh_frame="LPS",
        partial_volume=False,
        upload_limits=UPLOAD_LIMITS,
        data=tmp_path,
    )


@pytest.fixture
def waiting(orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception) -> JobId:
    """A job that waits for two images of which none is there."""
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    begin(queue, store, job_id, instance)
    go_without(queue, store, job_id)
    return job_id
