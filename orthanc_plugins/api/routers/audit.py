"""The audit trail in the forms that others read, and whether it is whole. That it is read is recorded."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from orthanc_plugins.api.callers import User
from orthanc_plugins.api.dependencies import UID_PATTERN, Joined, Parameters
from orthanc_plugins.audit.chain import Fault
from orthanc_plugins.audit.codes import EventKind, Outcome
from orthanc_plugins.audit.forms import written
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.audit.trail import AuditTrail
from orthanc_plugins.errors import AuditError
from orthanc_plugins.projects import reading_by
from orthanc_plugins.services import Services

router = APIRouter(prefix="/audit", tags=["audit"])

_MEDIA = {
    "json": "application/json",
    "fhir": "application/fhir+json",
    "syslog": "text/plain; charset=utf-8",
    "xml": "application/xml",
}


class AuditParameters(Parameters):
    """Which records to show."""

    since: AwareDatetime | None = Field(default=None, description="From this time on, with its zone.")
    until: AwareDatetime | None = Field(default=None, description="Before this time.")
    kind: EventKind | None = None
    outcome: Outcome | None = Field(default=None, description="0 success, 4, 8, 12 failures.")
    study: str | None = Field(default=None, pattern=UID_PATTERN, description="New Study Instance UID.")
    actor: str | None = Field(
        default=None, max_length=1024, description="Who or what took part: a user, `rule:NAME`, an address."
    )
    before: int | None = Field(
        default=None, ge=1, description="Only records before the one of this sequence number: the next page."
    )
    format: Literal["json", "fhir", "syslog", "xml"] = Field(
        default="json",
        description="As the trail has them; a Bundle of FHIR R4; syslog, a message a line; DICOM's XML.",
    )
    limit: int = Field(default=100, ge=1, le=1000)


class Broken(BaseModel):
    """Where the trail breaks first."""

    sequence: int
    fault: Fault = Field(
        description="`altered`, `forged`, `malformed`: the record; `gap`, `unlinked`: not the one that "
        "follows; `truncated`: cut off here; `head_…`, `key_missing`, `folder_missing`: what holds it is not "
        "there, or another; `head_differs`: the end is another."
    )


class TrailVerdict(BaseModel):
    """Whether the trail is as it was written."""

    whole: bool
    records: int = Field(description="How many were read, to the end or to where it breaks.")
    broken: Broken | None
    torn_bytes: int = Field(description="Of a record that a crash tore; nobody was told it was written.")
    recorded: bool = Field(description="Whether the trail could be told that somebody asked.")


@router.get("", summary="Show the audit trail", response_class=Response)
def show_audit(services: Joined, user: User, wanted: Annotated[AuditParameters, Query()]) -> Response:
    """Answer records, the newest first."""
    trail = _read_by(services, user)
    query = TrailQuery(
        since=wanted.since,
        until=wanted.until,
        kind=wanted.kind,
        study_uid=wanted.study,
        actor=wanted.actor,
        outcome=wanted.outcome,
        before=wanted.before,
        limit=wanted.limit,
    )
    records = trail.records(query)
    return Response(written(records, wanted.format), media_type=_MEDIA[wanted.format])


@router.get("/verify", summary="Verify the audit trail")
def verify_audit(services: Joined, user: User, _: Annotated[Parameters, Query()]) -> TrailVerdict:
    """Read all of the trail, and tell whether anything of it was changed, cut off, or is gone.

    What this tells holds nothing of a record: it is answered also where it cannot be recorded that it was
    asked, since that is what a broken trail is like.
    """
    try:
        _read_by(services, user)
        recorded = True
    except AuditError:  # why, the verdict tells
        recorded = False
    verdict = services.deidentification.custodian.verdict()
    broken = verdict.broken
    return TrailVerdict(
        whole=broken is None,
        records=verdict.records,
        broken=None if broken is None else Broken(sequence=broken.sequence, fault=broken.fault),
        torn_bytes=verdict.torn_bytes,
        recorded=recorded,
    )


def _read_by(services: Services, user: str | None) -> AuditTrail:
    """Return the trail, after it was recorded who reads it (PS3.15 A.5.3.2)."""
    trail = services.deidentification.custodian.trail()
    trail.append(reading_by(user or "unknown"))
    return trail
