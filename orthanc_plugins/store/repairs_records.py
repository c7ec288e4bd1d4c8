"""What is remembered of repairs: plain records, without the database's library. Tags only, never values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from orthanc_plugins.identifiers import JobId, SeriesUid, SopInstanceUid, StudyUid


class RepairState(StrEnum):
    """Where a repair stands. `VERIFIED` alone is success."""

    PLANNING = "planning"
    PLANNED = "planned"
    APPLYING = "applying"
    APPLIED = "applied"
    """Everything was done; whether the copies are equal by now could not be seen."""
    VERIFIED = "verified"
    """Compared again by content: nothing differs but what is blocked or left."""
    PARTLY = "partly"
    """Some of it was done, and some failed or is left for a person to decide."""
    FAILED = "failed"
    """Nothing was done, and why."""
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"
    """Some of it was undone, some could not be; undoing may be asked for again, applying no more."""

    @property
    def at_work(self) -> bool:
        """Whether a worker has it, or is to have it."""
        return self in {RepairState.PLANNING, RepairState.APPLYING, RepairState.UNDOING}


class ActionState(StrEnum):
    """Where one action of a repair stands."""

    PLANNED = "planned"
    MANUAL = "manual"
    """A person has to decide."""
    DECIDED = "decided"
    """A person has decided; it is done when the repair is applied again."""
    BLOCKED = "blocked"
    LEFT = "left"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


class ChangeState(StrEnum):
    """Where one change of an archive stands."""

    KEPT = "kept"
    """What was there before is kept; the change is about to be made, or was and nobody noted it."""
    CHANGED = "changed"
    PUT_BACK = "put_back"


@dataclass(frozen=True, slots=True)
class RepairRecord:
    """A repair as it stands now.

    Parameters
    ----------
    policy
        As JSON.
    plan_digest
        See `sync.actions.RepairPlan.digest`; empty until it is planned.
    job_id
        The job that has it now or had it last.
    changes_bytes
        Of the files that carrying it out would send; at least, where an archive does not tell some sizes.
    open_decisions
        How many actions a person has yet to decide.
    """

    repair_id: str
    study_uid: StudyUid
    state: RepairState
    policy: str
    plan_digest: str
    job_id: JobId
    made_at: datetime
    made_by: str
    planned_at: datetime | None
    applied_at: datetime | None
    applied_by: str
    ended_at: datetime | None
    actions: int
    changes_instances: int
    changes_bytes: int
    done: int
    failed: int
    open_decisions: int
    error_name: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One action of a repair's plan.

    Parameters
    ----------
    archive
        The one that is changed, None where none is.
    series_uid, sop_instance_uid
        Of the one instance it is about, or of the one series; empty where there are several.
    tags
        Paths of the elements, parted by blanks.
    keep
        What a person decided, see `sync.actions.Keep`; None while nobody did.
    detail
        Why it failed and what to do.
    """

    repair_id: str
    ordinal: int
    kind: str
    archive: str | None
    series_uid: SeriesUid
    sop_instance_uid: SopInstanceUid
    instances: int
    tags: str
    state: ActionState
    keep: str | None = None
    decided_at: datetime | None = None
    decided_by: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One change of one instance in one archive, and how it is undone.

    Parameters
    ----------
    operation
        Tells it from the repair's other changes; asked for again, it is the same change.
    effect
        ``copy`` (undone by taking it out again), ``edit``, ``replace`` (by putting the former file back) or
        ``study`` (attributes of the whole study, by putting the former values back).
    former, later
        SHA-256 of the former file, kept in the undo folder, and of the one put in its place; empty of a copy.
    """

    repair_id: str
    operation: str
    effect: str
    archive: str
    series_uid: SeriesUid
    sop_instance_uid: SopInstanceUid
    former: str
    later: str
    state: ChangeState = ChangeState.KEPT
