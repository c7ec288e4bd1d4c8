"""Who is behind a pseudonym, for the few who may ask, after it was recorded that they did.

Roles come with a sign-on of their own; until then those users of Orthanc may ask whom the settings name, and
nobody where Orthanc asks for no user.
"""

from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from orthanc_plugins.api.callers import User
from orthanc_plugins.api.dependencies import Joined
from orthanc_plugins.api.orders import PROJECT_PATTERN, project_of
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.audit.codes import USE_OF_RESTRICTED_FUNCTION, Action, Outcome
from orthanc_plugins.audit.events import AuditEvent, Occasion, patient_record, security_alert
from orthanc_plugins.audit.parties import AuditSource, Participant, PatientObject, ResourceObject
from orthanc_plugins.custody.identities import Known
from orthanc_plugins.custody.mapping import IdentityTable, LookUp, Reason
from orthanc_plugins.errors import CustodyError
from orthanc_plugins.projects import SUITE
from orthanc_plugins.services import Services

router = APIRouter(prefix="/anonymize", tags=["de-identification"])


class LookUpRequest(BaseModel):
    """Whose pseudonym, and who asks why."""

    model_config = ConfigDict(extra="forbid")

    project: str = Field(pattern=PROJECT_PATTERN)
    pseudonym: str = Field(pattern=r"^(?:DEID-[A-Z2-7]{16}|[A-Z]{1,16}[0-9]{3,15})$")
    role: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", description="One of the project's Custodians.")
    actor: str = Field(pattern=r"^[\w.@\\/-]{1,64}$", description="Who asks: the user who has signed in.")
    reason: Reason


class LookedUpIdentity(BaseModel):
    """A patient as originals name them."""

    patient_id: str
    issuer: str
    name: str
    birth_date: str


class LookUpAnswer(BaseModel):
    """Who is behind a pseudonym."""

    pseudonym: str
    identities: list[LookedUpIdentity] = Field(description="Every spelling that was seen.")
    uids: dict[str, str] = Field(description="The new UID of each original one of studies and instances.")


@router.post(
    "/look-up",
    summary="Look up a pseudonym",
    responses={
        403: problem_documented("Whoever asks may not; it was recorded that they did."),
        404: problem_documented("There is no such project, it keeps no way back, or not of this pseudonym."),
    },
)
def look_up(asked: LookUpRequest, services: Joined, user: User, response: Response) -> LookUpAnswer:
    """Answer who is behind a pseudonym, after it was written down that this was asked."""
    response.headers["Cache-Control"] = "no-store"
    project = project_of(services, asked.project)
    trail = services.deidentification.custodian.trail()
    may_ask = user in services.deidentification.look_up_users
    if user is None or not may_ask or user != asked.actor or asked.role not in project.custodians:
        trail.append(_refused(asked.project, user or "unknown"))
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "Only users in Deidentification.LookUpUsers may ask, who have signed in, in their own name and "
            "in a role of the project's Custodians. It was recorded that this was asked.",
        )
    if not services.deidentification.custodian.has_identities(project.name):
        trail.append(_refused(asked.project, user))
        raise Problem(HTTPStatus.NOT_FOUND, "The project keeps no way back.")
    table = services.deidentification.custodian.identities(project.name, project.custodians)
    known = _known(table, asked, services)
    return LookUpAnswer(
        pseudonym=known.pseudonym,
        identities=[
            LookedUpIdentity(
                patient_id=one.patient_id, issuer=one.issuer, name=one.name, birth_date=one.birth_date
            )
            for one in known.identities
        ],
        uids=dict(known.uids),
    )


def _known(table: IdentityTable, asked: LookUpRequest, services: Services) -> Known:
    """Return what is kept of a pseudonym, after that was recorded."""
    trail = services.deidentification.custodian.trail()

    def record(one: LookUp) -> None:
        event = _granted(one) if one.granted else _refused(one.project, one.actor or "unknown")
        trail.append(event)

    is_kept = asked.pseudonym in table.pseudonyms()
    try:
        return table.look_up(
            asked.pseudonym, role=asked.role, actor=asked.actor, reason=asked.reason, audit=record
        )
    except CustodyError:
        if is_kept:
            raise
        raise Problem(HTTPStatus.NOT_FOUND, "Nothing is kept of this pseudonym.") from None


def _granted(one: LookUp) -> AuditEvent:
    """Return that somebody asked who a patient is (PS3.15 A.5.3.14)."""
    return patient_record(
        Occasion(datetime.now(UTC), AuditSource(SUITE), reason=one.reason),
        action=Action.READ,
        people=[Participant(one.actor, is_requestor=True)],
        patients=[PatientObject(one.pseudonym)],
    )


def _refused(project: str, actor: str) -> AuditEvent:
    """Return that somebody asked who may not (PS3.15 A.5.3.11)."""
    return security_alert(
        Occasion(datetime.now(UTC), AuditSource(SUITE), Outcome.MINOR_FAILURE, "look_up_refused"),
        alert=USE_OF_RESTRICTED_FUNCTION,
        reporter=Participant(SUITE),
        performers=[Participant(actor)],
        subjects=[ResourceObject(f"urn:project:{project}", "Table of identities")],
    )
