"""What a person may decide of held objects, checked before it is recorded and remembered."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from orthanc_plugins.api.people import NOBODY, person, record_access
from orthanc_plugins.api.problems import Problem
from orthanc_plugins.audit.codes import Action
from orthanc_plugins.errors import JobActive
from orthanc_plugins.jobs import JobKind, JobState
from orthanc_plugins.projects import release_id_of_job
from orthanc_plugins.rules.holds import WORDS_OF_HOLD, WORDS_OF_WHY, Decide, Why, allowed_of
from orthanc_plugins.store import DecisionRecord, ReleaseState

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.rules import DeidentificationProject
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import HeldRecord, ReleaseRecord

_MOST_BOXES, _MOST_FRAMES, _LARGEST = 100, 500, 1 << 16
_MOST_JOBS = 100_000
_REASONS = "; ".join(f"`{why}`: {words}" for why, words in WORDS_OF_WHY.items())
_REVOCABLE = frozenset({ReleaseState.HELD, ReleaseState.REFUSED, ReleaseState.FAILED})


class PixelBox(BaseModel):
    """Pixels of a frame: columns `left` up to `right`, rows `top` up to `bottom`, these not in it; from 0."""

    model_config = ConfigDict(extra="forbid")

    left: int = Field(ge=0, lt=_LARGEST)
    top: int = Field(ge=0, lt=_LARGEST)
    right: int = Field(gt=0, le=_LARGEST)
    bottom: int = Field(gt=0, le=_LARGEST)

    @model_validator(mode="after")
    def _has_pixels(self) -> Self:
        if self.right <= self.left or self.bottom <= self.top:
            raise ValueError("a box has its right edge beyond the left one, and its bottom below its top")
        return self


class DecisionRequest(BaseModel):
    """What becomes of a held object."""

    model_config = ConfigDict(extra="forbid")

    decide: Decide = Field(
        description="`mask`: the boxes are painted over beside what is found; `pass`: its pixels leave as "
        "they are; `leave_out`: it does not leave, the rest of the study may."
    )
    reason: Why = Field(description=f"Why; a word of this list, as it goes into the certificate. {_REASONS}.")
    boxes: list[PixelBox] = Field(
        default_factory=list,
        max_length=_MOST_BOXES,
        description="What `mask` paints, in pixels of the frame.",
    )
    frames: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list,
        max_length=_MOST_FRAMES,
        description="In which frames, from 1; in all where none is given.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.decide is Decide.MASK) != bool(self.boxes):
            raise ValueError("mask needs boxes, and no other decision has any")
        if self.frames and self.decide is not Decide.MASK:
            raise ValueError("frames belong to the boxes of mask")
        return self


def decided(
    services: Services, release: ReleaseRecord, held: HeldRecord, wanted: DecisionRequest, user: str | None
) -> None:
    """Record and remember what somebody decides of a held object.

    Raises
    ------
    Problem
        It may not be decided so, of this object, in this project, or by nobody; nothing is remembered.
    AuditError
        It cannot be recorded.
    """
    who = person(services, user, by_name=wanted.decide is Decide.PASS)
    _expect_allowed(project_of_release(services, release), held, wanted.decide)
    _expect_inside(held, wanted)
    reason = f"decided_{wanted.decide}.{wanted.reason}"
    record_access(services, release, held, who, action=Action.UPDATE, reason=reason)
    services.store.held.decide(
        release.release_id,
        DecisionRecord(
            held.sop_instance_uid,
            held.content,
            wanted.decide,
            held.holds,
            wanted.reason,
            who,
            datetime.now(UTC),
            tuple((box.left, box.top, box.right, box.bottom) for box in wanted.boxes),
            tuple(sorted(set(wanted.frames))),
        ),
    )


def revoked(services: Services, release: ReleaseRecord, held: HeldRecord, user: str | None) -> None:
    """Record and remember that a decision is taken back.

    Raises
    ------
    Problem
        The study has left or is on its way, nothing was decided of the object, or nobody has signed in.
    AuditError
        It cannot be recorded.
    """
    who = person(services, user)
    if release.state not in _REVOCABLE:
        raise Problem(
            HTTPStatus.CONFLICT, "The release is on its way, or has left: nothing is taken back now."
        )
    standing = {one.sop_instance_uid for one in services.store.held.decisions(release.release_id)}
    if held.sop_instance_uid not in standing:
        raise Problem(HTTPStatus.NOT_FOUND, "Nothing is decided of this object.")
    record_access(services, release, held, who, action=Action.UPDATE, reason="decision_revoked")
    services.store.held.revoke(release.release_id, held.sop_instance_uid)


def resumed(services: Services, release: ReleaseRecord, user: str | None) -> JobId:
    """Have a release go on as was decided; return its job.

    Raises
    ------
    Problem
        It waits for nobody, not all is decided, nobody has signed in, or its job is not known any more.
    """
    who = person(services, user)
    if release.state is not ReleaseState.HELD:
        raise Problem(HTTPStatus.CONFLICT, f"The release does not wait for a person: it is {release.state}.")
    undecided = services.store.held.undecided(release.release_id)
    if undecided:
        raise Problem(
            HTTPStatus.CONFLICT,
            f"Of {undecided} held objects nothing is decided yet: decide of each, or leave it out.",
            undecided=undecided,
        )
    job_id = _job_of(services, release)
    services.store.releases.note_asker(release.release_id, "" if who == NOBODY else who, begins=True)
    with suppress(JobActive):  # somebody else was faster
        services.queue.run_again(job_id)
    return job_id


def project_of_release(services: Services, release: ReleaseRecord) -> DeidentificationProject:
    """Return the project of a release.

    Raises
    ------
    Problem
        The settings have it no more.
    """
    project = services.deidentification.projects.get(release.project)
    if project is None:
        raise Problem(
            HTTPStatus.CONFLICT,
            f"{release.project} is none of Deidentification.Projects any more: put it there.",
        )
    return project


def _expect_allowed(project: DeidentificationProject, held: HeldRecord, wanted: Decide) -> None:
    if wanted not in project.decisions:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"Project {project.name} allows no {wanted}: decide otherwise ({', '.join(project.decisions)}), "
            f"or have {wanted} put into the project's Decisions.",
        )
    if wanted not in allowed_of(held.holds):
        others = [one for one in allowed_of(held.holds) if one in project.decisions]
        why = "; ".join(WORDS_OF_HOLD[hold] for hold in held.holds)
        raise Problem(
            HTTPStatus.CONFLICT,
            f"No {wanted} settles what holds this object: {why}. What may be decided: "
            f"{', '.join(others) or 'nothing'}.",
        )


def _expect_inside(held: HeldRecord, wanted: DecisionRequest) -> None:
    if any(box.right > held.columns or box.bottom > held.rows for box in wanted.boxes):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"A box reaches beyond the frame, which has {held.columns} columns and {held.rows} rows.",
        )
    if any(frame > held.frames for frame in wanted.frames):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The object has {held.frames} frames, and no more.")


def _job_of(services: Services, release: ReleaseRecord) -> JobId:
    """Return the job of a release, which only the project's key tells."""
    pseudonyms = services.deidentification.custodian.pseudonyms(release.project)
    jobs = services.queue.jobs(kind=JobKind.DEIDENTIFY_STUDY, states=[JobState.FAILED], limit=_MOST_JOBS)
    for job in jobs:
        if release_id_of_job(pseudonyms, job.job_id) == release.release_id:
            return job.job_id
    raise Problem(
        HTTPStatus.NOT_FOUND,
        "The job of the release is not known any more: ask for the study again (POST api/anonymize).",
    )
