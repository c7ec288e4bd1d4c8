"""The routes with fakes for neighbours, asked as Orthanc asks them: below the mount."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.identifiers import JobId, OrthancId, SeriesUid, StudyUid
from orthanc_plugins.jobs import extract_structures_request
from orthanc_plugins.store import AwaitedImages, ResultRecord
from tests.unit.arrivals import IMAGES, SET, SETS, STUDY, begin, store_set

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI

    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue

REGIONS: tuple[dict[str, Any], ...] = (
    {
        "number": 1,
        "name": "Lung/../left \N{GREEK SMALL LETTER ALPHA}",
        "state": "ok",
        "volume_cc": 12.5,
        "surface_cm2": 30.0,
        "mask_path": "masks/001.nii.gz",
        "partial_path": "masks/001.partial.nii.gz",
        "stl_path": "meshes/001.stl",
        "preview_path": "previews/001.png",
        "dvh_path": "dose/001.json",
    },
    {"number": 2, "name": "", "state": "failed", "volume_cc": None, "surface_cm2": None},
)


@dataclass
class World:
    """What the routes work with, and what happens around them."""

    services: Services
    orthanc: FakeOrthancRest
    queue: MemoryQueue

    def receive(
        self, uid: str = SET, *, series: str = SETS, study: str = STUDY, content: bytes = b"set"
    ) -> OrthancId:
        """Orthanc receives a structure set."""
        return store_set(self.orthanc, uid, content, series=series, study=study)

    def ask(self, instance: OrthancId, *, uid: str = SET, series: str = SETS, study: str = STUDY) -> JobId:
        """Ask for a job and begin it, as event and worker do."""
        job_id = self.queue.submit(extract_structures_request(instance, self.orthanc.file_md5(instance)))
        begin(self.queue, self.services.store, job_id, instance, uid=uid, series=series, study=study)
        return job_id

    def wait(self, job_id: JobId) -> None:
        """Have a job wait for images."""
        awaited = AwaitedImages(
            StudyUid(STUDY),
            SeriesUid(IMAGES),
            3,
            57,
            "It is arriving.",
            blocking=True,
            since=datetime.now(UTC),
        )
        self.services.store.await_images(job_id, awaited)
        self.queue.wait(job_id)

    def publish(
        self,
        job_id: JobId,
        regions: Sequence[Mapping[str, Any]] = REGIONS,
        problems: Sequence[Mapping[str, Any]] = (),
    ) -> ResultRecord:
        """Make a job's results known, with files of a few bytes."""
        store = self.services.store
        subject = store.subjects([job_id])[job_id]
        folder = f"{subject.study_uid}/{subject.series_uid}/{subject.sop_instance_uid}"
        result = ResultRecord(subject, job_id, folder, len(regions), 1, datetime.now(UTC))
        store.begin_phase(job_id, 0, "receive")
        store.end_phase(job_id, 0, 0.25)
        self._write_files(folder, regions, problems)
        store.publish_result(result)
        self.queue.finish_step(job_id, "find_images")
        self.queue.succeed(job_id, folder=folder)
        return result

    def _write_files(
        self, folder: str, regions: Sequence[Mapping[str, Any]], problems: Sequence[Mapping[str, Any]]
    ) -> None:
        place = self.services.exports / folder
        written = [value for region in regions for key, value in region.items() if key.endswith("_path")]
        for name in (*written, "contours.json", "masks/labels.nii.gz", "previews/overview.png"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(f"content of {name}".encode())
        of_regions = [problem for region in regions for problem in region.get("problems", ())]
        content = {
            "sources": {"structure_set_uid": place.name},
            "regions": regions,
            "problems": [*problems, *of_regions],
        }
        (place / "results.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def world(services: Services, orthanc: FakeOrthancRest, queue: MemoryQueue) -> World:
    services.exports.mkdir()
    return World(services, orthanc, queue)


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services)


class Client:
    """Asks the application below the mount; what escapes it is status 500, as behind the bridge.

    A path with a slash in front, as answers tell it, is followed as it stands.
    """

    def __init__(self, app: FastAPI, mount: str = "/pacs") -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False, root_path=mount)
        self._mount = mount

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        address = path if path.startswith("/") else f"{self._mount}/{path}"

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport) as client:
                return await client.request(method, f"http://orthanc.invalid{address}", **options)

        return asyncio.run(ask())


@pytest.fixture
def client(app: FastAPI) -> Client:
    return Client(app)
