"""A study in a real Orthanc and in DCM4CHEE's stand-in, and repairs of it, for contract tests."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import requests
from pydicom import dcmread

from orthanc_plugins.archives.base import ArchiveName, StoreState, Transport
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.identifiers import JobId, StudyUid
from orthanc_plugins.rules import RepairPolicy
from orthanc_plugins.services import build_services
from orthanc_plugins.settings import Settings
from orthanc_plugins.store import RepairFiles, RepairState, create_store_engine, migrate
from orthanc_plugins.sync.actions import RepairPlan
from orthanc_plugins.workflows import repair_jobs
from orthanc_plugins.workflows.compared_copies import compare_copies
from tests.standin_objects import build_series, content_of, new_uid
from tests.unit.workflows.repaired import ORTHANC, UNLIMITED

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from orthanc_plugins.archives.base import Archive
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import RepairRecord
    from tests.standin import PlainOrthanc, StandIn
    from tests.unit.workflows.repaired import DurableSteps


@dataclass
class Pair:
    """Both archives, a study of a test's own in them, and repairs run step by step."""

    services: Services
    orthanc: PlainOrthanc
    standin: StandIn
    steps: DurableSteps
    study_uid: StudyUid
    uids: list[str]

    def archive(self, name: ArchiveName) -> Archive:
        return self.services.archives[name]

    def send(self, name: ArchiveName, *contents: bytes) -> None:
        files = [described(content) for content in contents]
        outcomes = list(self.archive(name).store(files, Transport.STOW))
        assert [one.state for one in outcomes] == [StoreState.STORED] * len(files), outcomes

    def fill(self, count: int = 3, **attributes: Any) -> None:
        """Put a series into both archives."""
        made = [content_of(one) for one in build_series(count, StudyInstanceUID=self.study_uid, **attributes)]
        for name in ArchiveName:
            self.send(name, *made)
        self.uids += [described(content).sop_instance_uid for content in made]

    def content(self, name: ArchiveName, uid: str) -> bytes:
        archive = self.archive(name)
        wanted = [one for one in archive.instances(self.study_uid) if one.sop_instance_uid == uid]
        (file,) = list(archive.retrieve(self.study_uid, wanted))
        return file.content

    def contents(self, name: ArchiveName) -> dict[str, bytes]:
        held = self.archive(name).instances(self.study_uid)
        if not held:
            return {}
        return {file.sop_instance_uid: file.content for file in self.archive(name).retrieve(self.study_uid)}

    def read(self, name: ArchiveName, uid: str) -> FileDataset:
        return dcmread(BytesIO(self.content(name, uid)))

    def alter(self, name: ArchiveName, uid: str, **attributes: Any) -> None:
        """Have an archive's stored file say something else, past everything that would keep it from it."""
        data_set = self.read(name, uid)
        for keyword, value in attributes.items():
            setattr(data_set, keyword, value)
        root = self.orthanc.url if name is ORTHANC else self.standin.orthanc_url
        found = requests.post(f"{root}/tools/lookup", data=uid, timeout=30).json()
        (instance,) = [one["ID"] for one in found if one["Type"] == "Instance"]
        requests.delete(f"{root}/instances/{instance}", timeout=30).raise_for_status()
        requests.post(f"{root}/instances", data=content_of(data_set), timeout=30).raise_for_status()

    def lose(self, name: ArchiveName, uid: str) -> None:
        archive = self.archive(name)
        wanted = [one for one in archive.instances(self.study_uid) if one.sop_instance_uid == uid]
        assert archive.remove(self.study_uid, wanted) == 1

    def plan(self, **policy: Any) -> str:
        repair_id = uuid.uuid4().hex
        text = RepairPolicy(**policy).model_dump_json()
        self.services.store.repairs.request(repair_id, self.study_uid, text, JobId("plan"), "test")
        self.steps.forget()
        repair_jobs.plan_repair(self.services, repair_id, "plan")
        return repair_id

    def plan_of(self, repair_id: str) -> RepairPlan:
        content = RepairFiles(self.services.data).read(repair_id, "plan")
        assert content is not None
        return RepairPlan.from_json(content)

    def apply(self, repair_id: str) -> RepairRecord:
        self._begin(repair_id, RepairState.APPLYING)
        repair_jobs.repair_study(self.services, UNLIMITED, f"worker.{repair_id}", repair_id)
        return self.services.store.repairs.repair(repair_id)

    def undo(self, repair_id: str) -> RepairRecord:
        self._begin(repair_id, RepairState.UNDOING)
        repair_jobs.undo_repair(self.services, UNLIMITED, f"worker.{repair_id}", repair_id)
        return self.services.store.repairs.repair(repair_id)

    def _begin(self, repair_id: str, state: RepairState) -> None:
        among = [one for one in RepairState if not one.at_work]
        assert self.services.store.repairs.begin(repair_id, state, JobId("job"), "test", among=among)
        self.steps.forget()

    def told(self, repair_id: str) -> list[tuple[str, str, str]]:
        return [
            (one.kind, one.state.value, one.detail) for one in self.services.store.repairs.actions(repair_id)
        ]

    def equal(self) -> bool:
        return compare_copies(self.services.archives, self.study_uid).equal


def settings(orthanc: PlainOrthanc, dcm4chee_url: str, dicom_port: int, data: Path) -> Settings:
    return Settings.model_validate(
        {
            "DataDirectory": str(data),
            "Orthanc": {"Url": orthanc.url},
            "Dcm4chee": {"Url": dcm4chee_url, "DicomPort": dicom_port},
        }
    )


def pair_of(
    orthanc: PlainOrthanc, standin: StandIn, data: Path, steps: DurableSteps, dcm4chee_url: str = ""
) -> Pair:
    """Return both archives with a store of a test's own; ``dcm4chee_url`` is another way to the stand-in."""
    wanted = settings(orthanc, dcm4chee_url or standin.url, standin.dicom_port, data)
    (data / "store").mkdir(parents=True)
    engine = create_store_engine(wanted.store_url)
    migrate(engine)
    engine.dispose()
    services = build_services(wanted, None)
    return Pair(services, orthanc, standin, steps, StudyUid(new_uid()), [])
