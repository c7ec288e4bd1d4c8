"""Who may look at originals that wait for a person, and decide of them; and the record of it.

Whoever reaches Orthanc may see what it holds; where people sign in at a proxy, they have done so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from orthanc_plugins.api.problems import Problem
from orthanc_plugins.audit.events import Occasion, instances_accessed
from orthanc_plugins.audit.parties import AuditSource, Participant, PatientObject, StudyObject
from orthanc_plugins.projects import SUITE

if TYPE_CHECKING:
    from orthanc_plugins.audit.codes import Action
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import HeldRecord, ReleaseRecord

NOBODY = "unknown"


def person(services: Services, user: str | None, *, by_name: bool = False) -> str:
    """Return who looks or decides.

    Parameters
    ----------
    by_name
        Whether it takes a name in any case, as for what a person alone answers for.

    Raises
    ------
    Problem
        Nobody has signed in, and somebody must have.
    """
    if user is None and (by_name or services.sign_on.user_header is not None):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "Somebody must have signed in for this: at the proxy that SignOn names, or as one of Orthanc's "
            "RegisteredUsers.",
        )
    return user or NOBODY


def record_access(  # noqa: PLR0913 - each is a fact of its own
    services: Services, release: ReleaseRecord, held: HeldRecord, who: str, *, action: Action, reason: str
) -> None:
    """Record that somebody looked at an original that is held, or decided of it (PS3.15 A.5.3.6).

    Raises
    ------
    AuditError
        It cannot be recorded, so it must not happen.
    """
    study = StudyObject(
        release.study_uid, {held.sop_class_uid: 1}, anonymised=False, instances=(held.sop_instance_uid,)
    )
    event = instances_accessed(
        Occasion(datetime.now(UTC), AuditSource(SUITE), reason=reason),
        action=action,
        people=[Participant(SUITE), Participant(who, is_requestor=True)],
        studies=[study],
        patient=PatientObject(release.pseudonym),
    )
    services.deidentification.custodian.trail().append(event)
