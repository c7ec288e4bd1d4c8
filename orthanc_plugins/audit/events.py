"""Events as DICOM's audit trail has them (PS3.15 A.5.3): a function each, true to the event's table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orthanc_plugins.audit.codes import (
    APPLICATION,
    DESTINATION,
    DESTINATION_MEDIA,
    SOURCE,
    URI_MEDIA,
    Action,
    Code,
    EventKind,
    LifeCycle,
    NetworkPoint,
    Outcome,
)
from orthanc_plugins.audit.parties import (
    AuditObject,
    AuditSource,
    Evidence,
    Participant,
    PatientObject,
    ResourceObject,
    StudyObject,
    word,
)
from orthanc_plugins.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True)
class Occasion:
    """When something happened, how it ended, and which system says so.

    Attributes
    ----------
    time
        With its offset from UTC.
    reason
        One word more on the outcome, such as ``residual_identity``, or on why somebody asked.
    """

    time: datetime
    source: AuditSource
    outcome: Outcome = Outcome.SUCCESS
    reason: str = ""

    def __post_init__(self) -> None:
        if self.time.tzinfo is None:
            raise AuditError("The time of an audit record has its offset from UTC; this one has none.")
        if self.reason:
            word(self.reason, "reason")


@dataclass(frozen=True)
class AuditEvent:
    """One event of the audit trail; the functions of this module make them as the standard wants them."""

    kind: EventKind
    action: Action
    occasion: Occasion
    participants: tuple[Participant, ...]
    objects: tuple[AuditObject, ...]
    types: tuple[Code, ...] = ()
    evidence: Evidence | None = None


def export(  # noqa: PLR0913 - the rows of the event's table
    occasion: Occasion,
    *,
    exporters: Sequence[Participant],
    destination: str,
    studies: Sequence[StudyObject],
    patients: Sequence[PatientObject],
    evidence: Evidence | None = None,
) -> AuditEvent:
    """Return that data left the security domain (A.5.3.4), or was kept from it: then with another outcome.

    Parameters
    ----------
    exporters
        The process, and the person when known; exactly one of them asked for it.
    destination
        URI of where it goes, without credentials.

    Raises
    ------
    AuditError
        The standard's table does not allow it.
    """
    _expect(1 <= len(exporters) <= 2, "one process or person exports, or one of each")  # noqa: PLR2004
    _expect(bool(studies and patients), "an export has studies and patients")
    media = Participant(
        destination,
        roles=(DESTINATION, DESTINATION_MEDIA),
        access_point=destination,
        access_point_kind=NetworkPoint.URI,
        media_type=URI_MEDIA,
    )
    participants = (*(_with_role(SOURCE, one) for one in exporters), media)
    _expect_one_requestor(participants)
    return AuditEvent(
        EventKind.EXPORT, Action.READ, occasion, participants, (*studies, *patients), evidence=evidence
    )


def instances_transferred(  # noqa: PLR0913 - the rows of the event's table
    occasion: Occasion,
    *,
    action: Action,
    sender: Participant,
    receiver: Participant,
    others: Sequence[Participant] = (),
    studies: Sequence[StudyObject],
    patient: PatientObject,
) -> AuditEvent:
    """Return that instances of one patient went from one node to another (A.5.3.7).

    Parameters
    ----------
    action
        Create where the receiver did not hold them, update where it held others, read where that is unknown.
    """
    _expect(action in {Action.CREATE, Action.READ, Action.UPDATE}, "a transfer creates, reads or updates")
    _expect(bool(studies), "a transfer has studies")
    participants = (_with_role(SOURCE, sender), _with_role(DESTINATION, receiver), *others)
    _expect_one_requestor(participants)
    return AuditEvent(EventKind.INSTANCES_TRANSFERRED, action, occasion, participants, (*studies, patient))


def instances_accessed(
    occasion: Occasion,
    *,
    action: Action,
    people: Sequence[Participant],
    studies: Sequence[StudyObject],
    patient: PatientObject,
) -> AuditEvent:
    """Return that somebody used instances of one patient (A.5.3.6), as when a study is identified again."""
    _expect(action is not Action.EXECUTE, "an access creates, reads, updates or deletes")
    _expect(1 <= len(people) <= 2, "one person or process accesses, or one of each")  # noqa: PLR2004
    _expect(bool(studies), "an access has studies")
    used = tuple(replace(study, life_cycle=LifeCycle.ACCESS) for study in studies)
    return AuditEvent(EventKind.INSTANCES_ACCESSED, action, occasion, tuple(people), (*used, patient))


def patient_record(
    occasion: Occasion, *, action: Action, people: Sequence[Participant], patients: Sequence[PatientObject]
) -> AuditEvent:
    """Return that somebody asked who a patient is, where no study is named (A.5.3.14)."""
    _expect(action is not Action.EXECUTE, "a record is created, read, updated or deleted")
    _expect(1 <= len(people) <= 2, "one person or process uses a record, or one of each")  # noqa: PLR2004
    _expect(bool(patients), "a patient record has patients")
    return AuditEvent(EventKind.PATIENT_RECORD, action, occasion, tuple(people), tuple(patients))


def security_alert(
    occasion: Occasion,
    *,
    alert: Code,
    reporter: Participant,
    performers: Sequence[Participant] = (),
    subjects: Sequence[ResourceObject] = (),
) -> AuditEvent:
    """Return that something touched security (A.5.3.11): a key destroyed, a look-up refused, a torn line."""
    participants = (_with_role(APPLICATION, replace(reporter, is_requestor=True)), *performers)
    _expect_one_requestor(participants)
    return AuditEvent(
        EventKind.SECURITY_ALERT, Action.EXECUTE, occasion, participants, tuple(subjects), types=(alert,)
    )


def audit_log_used(occasion: Occasion, *, readers: Sequence[Participant], log: ResourceObject) -> AuditEvent:
    """Return that somebody read the audit trail (A.5.3.2)."""
    _expect(1 <= len(readers) <= 2, "one person or process reads the trail, or one of each")  # noqa: PLR2004
    return AuditEvent(EventKind.AUDIT_LOG_USED, Action.READ, occasion, tuple(readers), (log,))


def _with_role(role: Code, participant: Participant) -> Participant:
    return replace(participant, roles=(role, *(other for other in participant.roles if other != role)))


def _expect_one_requestor(participants: Sequence[Participant]) -> None:
    _expect(sum(one.is_requestor for one in participants) == 1, "exactly one participant asked for it")


def _expect(met: bool, rule: str) -> None:
    if not met:
        raise AuditError(f"DICOM's audit message wants another form (PS3.15 A.5.3): {rule}.")
