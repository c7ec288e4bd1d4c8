"""Patients of both archives: found by one search, each marked with where it is."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from orthanc_plugins.api.both_archives import ArchiveAnswer, BothAnswers, answers, ask_both
from orthanc_plugins.api.dependencies import Joined, PageParameters
from orthanc_plugins.archives.base import ArchiveName, StudyQuery
from orthanc_plugins.services import Services
from orthanc_plugins.store import PatientSummary
from orthanc_plugins.sync.federation import FederatedPatient, FoundIn, merge_patients

router = APIRouter(prefix="/patients", tags=["both archives"])


class PatientQuery(PageParameters):
    """Whom to look for."""

    search: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="A part of the name, or the whole PatientID; asked of both archives now. Without it the "
        "inventory is listed.",
    )


class Patient(BaseModel):
    """A patient, told by PatientID alone."""

    patient_id: str
    patient_name: str
    studies_count: int = Field(description="Studies that either archive holds.")
    dcm4chee_present: bool | None = Field(description="null: DCM4CHEE did not answer.")
    orthanc_present: bool | None = Field(description="null: Orthanc did not answer.")
    found_in: FoundIn
    last_sync: datetime | None = Field(description="When the inventory last heard of a study of the patient.")


class PatientPage(BaseModel):
    """A page of patients. ``source`` tells whether the archives were asked or the inventory was read."""

    patients: list[Patient]
    total: int
    limit: int
    offset: int
    source: Literal["archives", "inventory"]
    archives: BothAnswers


@router.get("", summary="Find patients in both archives")
def list_patients(services: Joined, wanted: Annotated[PatientQuery, Query()]) -> PatientPage:
    """List patients of both archives, or find those whose name holds the text or whose PatientID it is."""
    if wanted.search is None:
        return _inventory(services, wanted)
    return _search(services, wanted, wanted.search)


def _search(services: Services, wanted: PatientQuery, text: str) -> PatientPage:
    found = ask_both(services, (StudyQuery(patient_name=f"*{text.strip('*')}*"), StudyQuery(patient_id=text)))
    merged = merge_patients(found[ArchiveName.ORTHANC].studies, found[ArchiveName.DCM4CHEE].studies)
    page = merged[wanted.offset : wanted.offset + wanted.limit]
    return PatientPage(
        patients=[_found(services, patient) for patient in page],
        total=len(merged),
        limit=wanted.limit,
        offset=wanted.offset,
        source="archives",
        archives=answers(found),
    )


def _found(services: Services, patient: FederatedPatient) -> Patient:
    pairs = services.store.inventory.pairs([study.study_uid for study in patient.studies]).values()
    heard = [row.listed_at for pair in pairs for row in (pair.left, pair.right) if row is not None]
    return Patient(
        patient_id=patient.patient_id,
        patient_name=patient.patient_name,
        studies_count=len(patient.studies),
        dcm4chee_present=patient.right_present,
        orthanc_present=patient.left_present,
        found_in=patient.found_in,
        last_sync=max(heard, default=None),
    )


def _inventory(services: Services, wanted: PatientQuery) -> PatientPage:
    page = services.store.inventory.patients(limit=wanted.limit, offset=wanted.offset)
    states = {name: _known(services, name) for name in ArchiveName}
    return PatientPage(
        patients=[_listed(patient, states) for patient in page.entries],
        total=page.total,
        limit=wanted.limit,
        offset=wanted.offset,
        source="inventory",
        archives=BothAnswers(orthanc=states[ArchiveName.ORTHANC], dcm4chee=states[ArchiveName.DCM4CHEE]),
    )


def _known(services: Services, name: ArchiveName) -> ArchiveAnswer:
    """Return how far the inventory knows an archive."""
    if name not in services.archives:
        detail = "No second archive is set: see Dcm4chee.Url in the settings."
        return ArchiveAnswer(state="not_configured", detail=detail, duration_ms=None)
    position = services.store.inventory.position(name)
    if position.full_pass_at is None:
        detail = position.error or "It has not been listed to its end yet."
        return ArchiveAnswer(state="unavailable", detail=detail, duration_ms=None)
    return ArchiveAnswer(state="answered", detail=position.error or None, duration_ms=None)


def _listed(patient: PatientSummary, states: dict[ArchiveName, ArchiveAnswer]) -> Patient:
    left = _presence(patient.left_studies, states[ArchiveName.ORTHANC])
    right = _presence(patient.right_studies, states[ArchiveName.DCM4CHEE])
    return Patient(
        patient_id=patient.patient_id,
        patient_name=patient.patient_name,
        studies_count=patient.studies,
        dcm4chee_present=right,
        orthanc_present=left,
        found_in=FoundIn.of(left, right),
        last_sync=patient.listed_at,
    )


def _presence(studies: int, state: ArchiveAnswer) -> bool | None:
    return True if studies else None if state.state != "answered" else False
