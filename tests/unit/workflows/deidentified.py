"""A study in a fake Orthanc, a project with its key, and the steps of its job run as a worker runs them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData, select

from orthanc_plugins.certificates import create_signing_key
from orthanc_plugins.jobs import DeidentificationOrder
from orthanc_plugins.orthanc_facts import contents_of
from orthanc_plugins.projects import Custodian, Deidentification, release_id_of
from orthanc_plugins.rules import DeidentificationProject
from orthanc_plugins.workflows.deidentification_workflows import run_deidentification
from orthanc_plugins.workflows.deidentify_study import StudyDeidentification
from tests.fakes.destination import MemoryDestination
from tests.fakes.orthanc_rest import orthanc_id
from tests.standin_objects import content_of
from tests.unit.release.studies import ANNE, objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from orthanc_plugins.identifiers import OrthancId
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import ReleaseRecord, Store
    from tests.fakes import FakeOrthancRest
    from tests.unit.workflows.repaired import DurableSteps

PROJECT = "trial"
SETTINGS = DeidentificationProject.model_validate(
    {
        "name": PROJECT,
        "profile": "research_rt",
        "longitudinal_profile": "longitudinal",
        "more_profiles": ["strict"],
        "patients": "numbered",
    }
)


@dataclass
class Rig:
    """All that a job of de-identification works with."""

    services: Services
    orthanc: FakeOrthancRest
    steps: DurableSteps
    destination: MemoryDestination = field(default_factory=MemoryDestination)
    made: list[FileDataset] = field(default_factory=objects)

    @property
    def study(self) -> OrthancId:
        return orthanc_id(str(self.made[0].StudyInstanceUID))

    @property
    def custodian(self) -> Custodian:
        return self.services.deidentification.custodian

    @property
    def work(self) -> Path:
        return self.services.data / "deidentification"

    def receive(self, made: list[FileDataset] | None = None) -> None:
        """Have Orthanc receive objects."""
        for one in self.made if made is None else made:
            self.orthanc.store(
                str(one.StudyInstanceUID),
                str(one.SeriesInstanceUID),
                str(one.SOPInstanceUID),
                modality=str(one.Modality),
                sop_class=str(one.SOPClassUID),
                content=content_of(one),
                study_tags={"PatientID": ANNE.patient_id, "StudyDescription": str(one.StudyDescription)},
            )

    def order(self, **changes: Any) -> DeidentificationOrder:
        content = contents_of(self.orthanc, self.study)
        order = DeidentificationOrder(self.study, PROJECT, "research_rt", reversible=False, content=content)
        return replace(order, **changes)

    def job(self, order: DeidentificationOrder | None = None) -> StudyDeidentification:
        return StudyDeidentification(self.services, order or self.order(), self.destination.opened)

    def run(self, order: DeidentificationOrder | None = None) -> dict[str, Any]:
        """Run a job from its beginning."""
        self.steps.forget()
        return dict(run_deidentification(self.job(order)))

    def release(self, order: DeidentificationOrder | None = None) -> ReleaseRecord:
        """Return the record of a release."""
        release_id = release_id_of(self.custodian.pseudonyms(PROJECT), order or self.order())
        record = self.services.store.releases.find(release_id)
        assert record is not None
        return record


def new_rig(
    services: Services, orthanc: FakeOrthancRest, steps: DurableSteps, settings: Any = SETTINGS
) -> Rig:
    """Return a rig whose project was created, and whose Orthanc holds a study."""
    custodian = Custodian(services.data / "custody", services.data / "audit")
    custodian.create(PROJECT, reversible=settings.reversible, patients=settings.patients)
    create_signing_key(custodian.folder)
    chosen = Deidentification(custodian, {PROJECT: settings}, PROJECT)
    rig = Rig(replace(services, deidentification=chosen), orthanc, steps)
    rig.receive()
    return rig


def rows_of(store: Store) -> Iterator[str]:
    """Yield every row of every table, as text."""
    tables = MetaData()
    tables.reflect(store._engine)
    with store._engine.connect() as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)):
                yield f"{table.name}: {tuple(row)}"
