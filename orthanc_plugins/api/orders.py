"""A study that is ordered to be de-identified: for which project, by which profile, and by whom.

Whoever asks for the same gets the same job. Everyone who asks is noted with the release, and in the audit
trail: whoever work begins for by the job's own records, all others here.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from orthanc_plugins.api.problems import Problem
from orthanc_plugins.api.standing import is_held
from orthanc_plugins.audit.codes import Action
from orthanc_plugins.audit.events import Occasion, instances_accessed
from orthanc_plugins.audit.parties import AuditSource, Participant, PatientObject, StudyObject
from orthanc_plugins.errors import JobActive
from orthanc_plugins.identifiers import OrthancId, is_orthanc_id
from orthanc_plugins.jobs import DeidentificationOrder, JobState, deidentify_study_request
from orthanc_plugins.orthanc_facts import contents_of
from orthanc_plugins.projects import SUITE, release_id_of
from orthanc_plugins.pseudonyms import PatientKey
from orthanc_plugins.store import ReleaseState

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import Job
    from orthanc_plugins.rules import DeidentificationProject
    from orthanc_plugins.services import Services

PROJECT_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
_PROFILE_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"


class Choices(BaseModel):
    """How a study is to be de-identified; what is left out is as the project has it."""

    model_config = ConfigDict(extra="forbid")

    keep_series_date: bool = Field(
        default=False,
        description="By the project's profile with longitudinal dates (PS3.15 E.3.6): whether that moves or "
        "keeps them is in the answer's `dates`.",
    )
    profile: str | None = Field(
        default=None, pattern=_PROFILE_PATTERN, description="Another profile that the project allows."
    )
    project: str | None = Field(default=None, pattern=PROJECT_PATTERN, description="For which project.")
    reversible: bool | None = Field(
        default=None, description="Whether the custodian keeps who it is; true only where the project does."
    )
    one_person: bool = Field(
        default=False,
        description="It was held because two persons seemed to share an identifier; somebody has looked, and "
        "it is one.",
    )
    again: bool = Field(
        default=False,
        description="Do it anew whatever became of it: it failed, was kept back, or was certified. "
        "Without it, too, what was certified and is at its destination no more is delivered anew.",
    )


@dataclass(frozen=True)
class Asked:
    """What was asked for, and the job that does it."""

    project: DeidentificationProject
    order: DeidentificationOrder
    release_id: str
    patient_id: str
    job_id: JobId


def submit(
    services: Services, study_id: str, patient_id: str | None, wishes: Choices, user: str | None
) -> Asked:
    """Ask for the job; what was cancelled or has gone from its destination, or what is wished, is done again.

    Raises
    ------
    Problem
        There is no such study or project, several may be meant, or the project does not allow what is wished.
    AuditError
        It cannot be recorded that somebody asked.
    """
    asked = asked_for(services, study_id, patient_id, wishes, user)
    request = deidentify_study_request(asked.order)
    known = services.queue.jobs(job_ids=[request.job_id])
    begins = not known or _is_done_again(services, asked, known[0], again=wishes.again)
    _note(services, asked, begins=begins)
    services.queue.submit(request)
    if known and begins:
        with suppress(JobActive):  # it is being done at this moment
            services.queue.run_again(request.job_id)
    return asked


def asked_for(
    services: Services, study_id: str, patient_id: str | None, wishes: Choices, user: str | None
) -> Asked:
    """Return what is asked for, as `submit` does, without asking."""
    project = project_of(services, wishes.project)
    study, original = _meant(services, study_id, patient_id)
    order = DeidentificationOrder(
        study,
        project.name,
        _profile(project, wishes),
        reversible=_reversible(project, wishes),
        content=contents_of(services.orthanc, study),
        one_person=wishes.one_person,
        asker=user or "",
    )
    release_id = release_id_of(services.deidentification.custodian.pseudonyms(project.name), order)
    return Asked(project, order, release_id, original, deidentify_study_request(order).job_id)


def _is_done_again(services: Services, asked: Asked, job: Job, *, again: bool) -> bool:
    if job.state is JobState.CANCELLED or (again and job.state.ended):
        return True
    return job.state is JobState.SUCCEEDED and _has_gone(services, asked.project, asked.release_id)


def _note(services: Services, asked: Asked, *, begins: bool) -> None:
    """Note who asks; who asks for the first time, and gets the job of another, is recorded before."""
    releases, asker = services.store.releases, asked.order.asker
    known = {one.asker for one in releases.askers([asked.release_id]).get(asked.release_id, ())}
    if asker in known and not begins:
        return
    if not begins:
        _record(services, asked)
    releases.note_asker(asked.release_id, asker, begins=begins)


def _record(services: Services, asked: Asked) -> None:
    """Record that somebody asked for what is released already, or is going to be (PS3.15 A.5.3.6)."""
    custodian = services.deidentification.custodian
    pseudonyms = custodian.pseudonyms(asked.project.name)
    study_uid = services.orthanc.study_uid(asked.order.study)
    release = services.store.releases.find(asked.release_id)
    pseudonym = "" if release is None else release.pseudonym
    event = instances_accessed(
        Occasion(datetime.now(UTC), AuditSource(SUITE), reason="asked_as_well"),
        action=Action.READ,
        people=[Participant(SUITE), Participant(asked.order.asker or "unknown", is_requestor=True)],
        studies=[StudyObject(pseudonyms.uid(study_uid), {})],
        patient=PatientObject(pseudonym or pseudonyms.patient(PatientKey.of_study(study_uid))),
    )
    custodian.trail().append(event)


def _has_gone(services: Services, project: DeidentificationProject, release_id: str) -> bool:
    """Return whether a release was certified and is at its destination no more."""
    release = services.store.releases.find(release_id)
    if release is None or release.state is not ReleaseState.CERTIFIED:
        return False
    return not is_held(project, services.deidentification.xnat, release)


def project_of(services: Services, name: str | None) -> DeidentificationProject:
    """Return a project by its name, the default one where none is named.

    Raises
    ------
    Problem
        There is none.
    """
    chosen = services.deidentification
    wanted = name or chosen.default_project
    if wanted is None:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "Name a project, as none is Deidentification.DefaultProject: "
            f"{', '.join(chosen.projects) or 'the settings have none'}.",
        )
    project = chosen.projects.get(wanted)
    if project is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"There is no project {wanted}: {', '.join(chosen.projects) or 'the settings have none'}.",
        )
    return project


def _meant(services: Services, study_id: str, patient_id: str | None) -> tuple[OrthancId, str]:
    """Return the study that is meant, and its PatientID."""
    orthanc = services.orthanc
    found = [OrthancId(study_id)] if is_orthanc_id(study_id) else orthanc.lookup(study_id, "Study")
    patients = {study: orthanc.study(study).tags.get("PatientID", "") for study in found}
    meant = [study for study in found if patient_id in {None, patients[study]}]
    if not meant:
        raise Problem(HTTPStatus.NOT_FOUND, "Orthanc does not hold this study, or not of this patient.")
    if len(meant) > 1:
        raise Problem(
            HTTPStatus.CONFLICT,
            "Several patients have a study of this UID: name one by patient_id, or by Orthanc's identifier.",
        )
    return meant[0], patients[meant[0]]


def _profile(project: DeidentificationProject, wishes: Choices) -> str:
    """Return the profile that is asked for, if the project allows it."""
    if wishes.keep_series_date:
        if project.longitudinal_profile is None or wishes.profile not in {None, project.longitudinal_profile}:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"Project {project.name} does not keep dates: it has no LongitudinalProfile, or another "
                "profile was asked for as well.",
            )
        return project.longitudinal_profile
    profile = wishes.profile or project.profile
    if profile not in project.profiles:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"Project {project.name} allows the profiles {', '.join(project.profiles)}, and no other.",
        )
    return profile


def _reversible(project: DeidentificationProject, wishes: Choices) -> bool:
    if wishes.reversible and not project.reversible:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"Project {project.name} keeps no way back: it is not Reversible.",
        )
    return project.reversible if wishes.reversible is None else wishes.reversible
