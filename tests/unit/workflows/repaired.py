"""A study in two archives in memory, whose copies differ, and repairs of it run as the worker runs them."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom import dcmread

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import PacsSuiteError
from orthanc_plugins.identifiers import JobId, StudyUid
from orthanc_plugins.jobs import plan_repair_request
from orthanc_plugins.rules import RepairPolicy
from orthanc_plugins.store import RepairFiles, RepairState
from orthanc_plugins.sync.actions import RepairPlan
from orthanc_plugins.transfers import Limiter
from orthanc_plugins.workflows import repair_jobs
from orthanc_plugins.workflows.compared_copies import compare_copies
from tests.fakes import MemoryArchive
from tests.standin_objects import build_object, build_series, content_of, new_uid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from orthanc_plugins.archives.base import DicomFile, StoreOutcome
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import RepairRecord, Repairs

ORTHANC, DCM4CHEE = ArchiveName.ORTHANC, ArchiveName.DCM4CHEE
UNLIMITED = Limiter(None, time.monotonic, time.sleep)
POLICY: dict[str, Any] = {"default": "prefer_orthanc", "attributes": {"SliceThickness": "prefer_dcm4chee"}}


class StudyMemoryArchive(MemoryArchive):
    """An archive that keeps its first copies and has attributes of a study changed as DCM4CHEE does."""

    def __init__(self) -> None:
        super().__init__(ArchiveName.DCM4CHEE)
        self.updates: list[dict[str, str]] = []

    def update_study(self, study_uid: StudyUid, attributes: dict[str, str]) -> None:
        self._ask("update_study")
        self.updates.append(dict(attributes))
        for held in self._held.values():
            if held.entry.study_uid == study_uid:
                data_set = dcmread(BytesIO(held.content))
                for keyword, value in attributes.items():
                    setattr(data_set, keyword, value)
                held.content = content_of(data_set)


class DeletingArchive(MemoryArchive):
    """An archive that has to delete an instance before it takes another in its place."""

    def replace(self, file: DicomFile) -> StoreOutcome:
        self._ask("replace")
        if file.sop_instance_uid in self._held:
            self.lose(file.sop_instance_uid)
        self._hook("between")
        return self._receive(file)


class DurableSteps:
    """Runs steps as the durable engine does: those that have ended are not run again after a restart."""

    def __init__(self) -> None:
        self._ended: list[tuple[object, PacsSuiteError | None]] = []
        self._position = 0

    def __call__[**P, R](self, name: str, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Any:
        self._position += 1
        if self._position > len(self._ended):
            try:
                self._ended.append((step(*args, **kwargs), None))
            except PacsSuiteError as error:
                self._ended.append((None, error))
        result, failure = self._ended[self._position - 1]
        if failure is not None:
            raise failure
        return result

    def restart(self) -> None:
        """Begin the workflow at hand anew, in another process."""
        self._position = 0

    def forget(self) -> None:
        """Begin another workflow."""
        self._ended, self._position = [], 0


@dataclass
class World:
    """Both archives, and what repairs work with."""

    services: Services
    orthanc: MemoryArchive
    dcm4chee: MemoryArchive
    steps: DurableSteps
    study_uid: StudyUid = field(default_factory=lambda: StudyUid(new_uid()))
    uids: list[str] = field(default_factory=list)

    def archive(self, name: ArchiveName) -> MemoryArchive:
        return self.orthanc if name is ORTHANC else self.dcm4chee

    def fill(self, count: int = 3, **attributes: Any) -> None:
        """Put a series into both archives."""
        for data_set in build_series(count, StudyInstanceUID=self.study_uid, **attributes):
            uid = str(data_set.SOPInstanceUID)
            self.uids.append(uid)
            for archive in (self.orthanc, self.dcm4chee):
                self.put(archive, uid, content_of(data_set))

    def add(self, archive: MemoryArchive, **attributes: Any) -> str:
        """Put an instance into one archive."""
        data_set = build_object(StudyInstanceUID=self.study_uid, **attributes)
        uid = str(data_set.SOPInstanceUID)
        self.put(archive, uid, content_of(data_set))
        return uid

    def put(self, archive: MemoryArchive, uid: str, content: bytes) -> None:
        data_set = dcmread(BytesIO(content))
        archive.put(
            uid,
            study=self.study_uid,
            series=str(data_set.SeriesInstanceUID),
            modality=str(data_set.Modality),
            sop_class=str(data_set.SOPClassUID),
            content=content,
            transfer_syntax=str(data_set.file_meta.TransferSyntaxUID),
        )

    def alter(self, archive: MemoryArchive, uid: str, **attributes: Any) -> None:
        """Have an archive's copy say something else."""
        data_set = self.read(archive, uid)
        for keyword, value in attributes.items():
            setattr(data_set, keyword, value)
        self.put(archive, uid, content_of(data_set))

    def read(self, archive: MemoryArchive, uid: str) -> FileDataset:
        return dcmread(BytesIO(archive.content(uid)))

    # As the routes ask and the worker runs

    def plan(self, **policy: Any) -> str:
        """Plan a repair, and return its identifier."""
        repair_id = uuid.uuid4().hex
        text = RepairPolicy(**policy).model_dump_json()
        job_id = plan_repair_request(repair_id, apply=False).job_id
        self.repairs.request(repair_id, self.study_uid, text, job_id, "test")
        self.steps.forget()
        repair_jobs.plan_repair(self.services, repair_id, "plan")
        return repair_id

    def apply(self, repair_id: str) -> RepairRecord:
        """Carry out what is planned, and return the repair."""
        self.begin(repair_id, RepairState.APPLYING)
        return self.go_on_applying(repair_id)

    def go_on_applying(self, repair_id: str) -> RepairRecord:
        """Run the workflow, or what is left of it after its worker's end."""
        repair_jobs.repair_study(self.services, UNLIMITED, f"worker.{repair_id}", repair_id)
        return self.record(repair_id)

    def undo(self, repair_id: str) -> RepairRecord:
        """Undo a repair, and return it."""
        self.begin(repair_id, RepairState.UNDOING)
        return self.go_on_undoing(repair_id)

    def go_on_undoing(self, repair_id: str) -> RepairRecord:
        """Run the workflow, or what is left of it."""
        repair_jobs.undo_repair(self.services, UNLIMITED, f"worker.{repair_id}", repair_id)
        return self.record(repair_id)

    def begin(self, repair_id: str, state: RepairState) -> None:
        among = [one for one in RepairState if not one.at_work]
        assert self.repairs.begin(repair_id, state, JobId("job"), "test", among=among)
        self.steps.forget()

    def record(self, repair_id: str) -> RepairRecord:
        return self.repairs.repair(repair_id)

    @property
    def repairs(self) -> Repairs:
        return self.services.store.repairs

    def states(self, repair_id: str) -> list[str]:
        return [one.state.value for one in self.repairs.actions(repair_id)]

    def detail(self, repair_id: str, ordinal: int) -> str:
        return str(self.repairs.actions(repair_id)[ordinal - 1].detail)


def new_world(
    services: Services, tmp_path: Path, steps: DurableSteps, orthanc: MemoryArchive, dcm4chee: MemoryArchive
) -> World:
    made = replace(services, archives={ORTHANC: orthanc, DCM4CHEE: dcm4chee}, data=tmp_path / "data")
    return World(made, orthanc, dcm4chee, steps)


def damage(world: World) -> str:
    """Lose an instance on each side, change attributes on each; return what Orthanc has lost."""
    world.orthanc.lose(world.uids[0])
    world.dcm4chee.lose(world.uids[1])
    world.fill(2)
    world.alter(world.dcm4chee, world.uids[3], PatientSex="M", SliceThickness="3")
    world.alter(world.orthanc, world.uids[4], PatientComments="checked")
    return world.uids[0]


def equal(world: World) -> bool:
    return compare_copies(world.services.archives, world.study_uid).equal


def plan_of(world: World, repair_id: str) -> RepairPlan:
    content = RepairFiles(world.services.data).read(repair_id, "plan")
    assert content is not None
    return RepairPlan.from_json(content)


def contents(world: World) -> dict[str, dict[str, bytes]]:
    return {
        archive.name: {uid: archive.content(uid) for uid in archive.held()}
        for archive in (world.orthanc, world.dcm4chee)
    }


class KilledError(BaseException):
    """The worker's process ends here."""


def killed_at(number: int) -> Callable[[str], None]:
    """Return a hook that ends the process at the so many-th thing an archive is asked to do."""
    left = [number]

    def hook(_called: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KilledError

    return hook
