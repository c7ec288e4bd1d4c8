"""The history of synchronisation: its rounds, every change they noticed, and what is gone and stays away."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from orthanc_plugins.api.callers import Asker
from orthanc_plugins.api.deadline import Question
from orthanc_plugins.api.dependencies import (
    STUDY_PATTERN,
    UID_PATTERN,
    Joined,
    PageParameters,
    study_uid_of,
)
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.archives.rejections import REVOKE_FIRST
from orthanc_plugins.errors import ArchiveError
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.services import Services
from orthanc_plugins.store import Absence, EventFilter, EventKind, SyncRun
from orthanc_plugins.sync.looking import KeepsOut
from orthanc_plugins.sync.plan_text import counted
from orthanc_plugins.sync.strategies import archive_title

router = APIRouter(prefix="/sync", tags=["both archives"])

Cause = Literal["schedule", "request", "nightly"]


class ArchiveRound(BaseModel):
    """What a round did with one archive."""

    how: str = Field(
        description="How changes were found: `log`, `receive_time`, `counts`, `listing`, "
        "`moved` (listed as a whole, since its address is another)."
    )
    looked_at: int
    appeared: int
    changed: int
    disappeared: int
    requests: int
    seconds: float
    error: str | None


class Round(BaseModel):
    """A round of synchronisation; times are UTC."""

    run_id: str
    cause: Cause
    state: str = Field(description="`running`, `succeeded`, `partial` (one archive was away) or `failed`.")
    started_at: datetime
    ended_at: datetime | None
    differing: int | None = Field(description="Studies looked at that are not the same on both sides.")
    transfers_asked: int
    error: str | None
    archives: dict[str, ArchiveRound]


class RoundPage(BaseModel):
    """A page of rounds, newest first."""

    runs: list[Round]
    total: int
    limit: int
    offset: int


class HistoryFilter(PageParameters):
    """Which rounds to list."""

    cause: Cause | None = None


class Event(BaseModel):
    """A change of a study in an archive, as the inventory noticed it."""

    number: int
    at: datetime
    archive: str
    study_uid: str
    kind: EventKind
    instances_before: int
    instances_after: int
    run_id: str = Field(
        description="The round that found it; `transfer:…` or `repair:…` where the suite itself did it."
    )


class EventPage(BaseModel):
    """A page of changes, newest first."""

    events: list[Event]
    total: int
    limit: int
    offset: int


class EventQuery(PageParameters):
    """Which changes to list."""

    study: str | None = Field(default=None, pattern=STUDY_PATTERN)
    archive: ArchiveName | None = None
    run_id: str | None = Field(default=None, max_length=200)
    kind: EventKind | None = None


class Tombstone(BaseModel):
    """That a study, or instances of it, are gone from an archive and are not sent there again."""

    archive: str
    study_uid: str
    whole: bool
    instances: int
    kind: Absence = Field(
        description="What is known of all of it: `deleted` (Orthanc said so), `rejected` (DCM4CHEE lists it "
        "so), `disappeared` (deleted or lost), `held` (too much at once), `decided` (a person wants it so)."
    )
    held_at: datetime | None = Field(description="When the archive last listed it.")
    noted_at: datetime
    noted_by: str
    lifted_at: datetime | None
    lifted_by: str | None


class TombstonePage(BaseModel):
    """A page of tombstones, newest first."""

    tombstones: list[Tombstone]
    total: int
    limit: int
    offset: int


class Lifted(TombstonePage):
    """What was lifted."""

    warnings: list[str] = Field(description="Why it would be sent there in vain as things stand.")


class TombstoneQuery(PageParameters):
    """Which tombstones to list."""

    archive: ArchiveName | None = None
    study: str | None = Field(default=None, pattern=STUDY_PATTERN)
    lifted: bool | None = Field(default=False, description="false: only those that hold.")


class Decision(BaseModel):
    """What a person decided about all that an archive lost at once."""

    model_config = ConfigDict(extra="forbid")

    archive: ArchiveName
    then: Literal["refill", "bury"] = Field(
        description="`refill`: it is copied back by the next rounds, where the settings allow the direction; "
        "`bury`: it stays away, with tombstones."
    )


class Decided(BaseModel):
    """How many studies that was."""

    archive: str
    then: str
    studies: int


class Lifting(BaseModel):
    """What may be sent to an archive again."""

    model_config = ConfigDict(extra="forbid")

    archive: ArchiveName
    study_uid: str = Field(pattern=UID_PATTERN)


@router.get("/history", summary="Rounds of synchronisation")
def sync_history(services: Joined, wanted: Annotated[HistoryFilter, Query()]) -> RoundPage:
    """List the rounds, newest first, with what each did with either archive."""
    page = services.store.inventory.runs(cause=wanted.cause, limit=wanted.limit, offset=wanted.offset)
    return RoundPage(
        runs=[round_of(run) for run in page.entries],
        total=page.total,
        limit=wanted.limit,
        offset=wanted.offset,
    )


@router.get("/events", summary="Changes in the archives")
def sync_events(services: Joined, wanted: Annotated[EventQuery, Query()]) -> EventPage:
    """List every change of a study that the inventories noticed, newest first."""
    study = None if wanted.study is None else study_uid_of(services, wanted.study)
    page = services.store.inventory.events(
        EventFilter(study_uid=study, archive=wanted.archive, run_id=wanted.run_id, kind=wanted.kind),
        limit=wanted.limit,
        offset=wanted.offset,
    )
    events = [
        Event(
            number=event.number,
            at=event.at,
            archive=event.archive,
            study_uid=event.study_uid,
            kind=event.kind,
            instances_before=event.instances_before,
            instances_after=event.instances_after,
            run_id=event.run_id,
        )
        for event in page.entries
    ]
    return EventPage(events=events, total=page.total, limit=wanted.limit, offset=wanted.offset)


@router.get("/tombstones", summary="What is gone and stays so")
def list_tombstones(services: Joined, wanted: Annotated[TombstoneQuery, Query()]) -> TombstonePage:
    """List what is gone from an archive, with what is known of why, and is not sent there again by itself."""
    page = services.store.inventory.tombstones(
        archive=wanted.archive,
        study_uid=None if wanted.study is None else study_uid_of(services, wanted.study),
        lifted=wanted.lifted,
        limit=wanted.limit,
        offset=wanted.offset,
    )
    found = [
        Tombstone(
            archive=one.archive,
            study_uid=one.study_uid,
            whole=one.whole,
            instances=len(one.keys),
            kind=one.told,
            held_at=one.held_at,
            noted_at=one.noted_at,
            noted_by=one.noted_by,
            lifted_at=one.lifted_at,
            lifted_by=one.lifted_by or None,
        )
        for one in page.entries
    ]
    return TombstonePage(tombstones=found, total=page.total, limit=wanted.limit, offset=wanted.offset)


@router.post(
    "/tombstones/lift",
    summary="Lift a tombstone",
    responses={404: problem_documented("Nothing of the study is kept from that archive.")},
)
def lift_tombstone(services: Joined, wanted: Lifting, by: Asker) -> Lifted:
    """Let a study be sent again to an archive from which it, or a part of it, was taken out."""
    study = StudyUid(wanted.study_uid)
    lifted = services.store.inventory.lift(wanted.archive, [study], at=datetime.now(UTC), by=by)
    warnings = _kept_out(services, wanted.archive, study)
    if not lifted:
        nothing = "Nothing of the study is kept from being sent to that archive."
        raise Problem(HTTPStatus.NOT_FOUND, " ".join([nothing, *warnings]))
    page = list_tombstones(services, TombstoneQuery(archive=wanted.archive, study=study, lifted=True))
    return Lifted(**page.model_dump(), warnings=warnings)


def _kept_out(services: Services, name: ArchiveName, study_uid: StudyUid) -> list[str]:
    """Return a sentence when an archive would not take all of a study; one that is away tells nothing."""
    archive = services.archives.get(name)
    if not isinstance(archive, KeepsOut):
        return []
    asked = archive.kept_out
    try:
        found = Question(archive, lambda: asked([study_uid])).answer().get(study_uid, ())
    except ArchiveError:
        return []
    told = REVOKE_FIRST.format(archive=archive_title(name))
    return [f"{counted(len(found), 'instance')} of the study would be sent in vain. {told}"] if found else []


@router.post(
    "/holds",
    summary="Decide about a mass loss",
    responses={404: problem_documented("Nothing waits for a decision.")},
)
def end_hold(services: Joined, wanted: Decision, by: Asker) -> Decided:
    """Decide what becomes of the studies that disappeared from an archive at once."""
    bury = wanted.then == "bury"
    ended = services.store.inventory.end_hold(wanted.archive, bury=bury, at=datetime.now(UTC), by=by)
    if not ended:
        raise Problem(HTTPStatus.NOT_FOUND, "Nothing that this archive lost waits for a decision.")
    return Decided(archive=wanted.archive, then=wanted.then, studies=ended)


def round_of(run: SyncRun) -> Round:
    """Return a round as answers tell it."""
    return Round(
        run_id=run.run_id,
        cause=run.cause,
        state=run.state,
        started_at=run.started_at,
        ended_at=run.ended_at,
        differing=run.differing,
        transfers_asked=run.transfers_asked,
        error=run.error or None,
        archives={
            one.archive: ArchiveRound(
                how=one.how,
                looked_at=one.looked_at,
                appeared=one.appeared,
                changed=one.changed,
                disappeared=one.disappeared,
                requests=one.requests,
                seconds=one.seconds,
                error=one.error or None,
            )
            for one in run.archives
        },
    )
