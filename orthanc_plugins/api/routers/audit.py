"""The audit trail in the forms that others read, and whether it is whole. That it is read is recorded."""

import json
import os
import platform
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from orthanc_plugins.api.callers import user_of
from orthanc_plugins.api.dependencies import UID_PATTERN, Joined, Parameters
from orthanc_plugins.audit.codes import EventKind, Outcome
from orthanc_plugins.audit.dicom_xml import to_dicom_xml
from orthanc_plugins.audit.events import AuditEvent, Occasion, audit_log_used
from orthanc_plugins.audit.fhir import to_fhir
from orthanc_plugins.audit.json_form import from_json
from orthanc_plugins.audit.parties import AuditSource, Participant, ResourceObject
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.audit.syslog import Sender, to_syslog
from orthanc_plugins.audit.trail import AuditTrail
from orthanc_plugins.projects import SUITE
from orthanc_plugins.services import Services

router = APIRouter(prefix="/audit", tags=["audit"])

_MEDIA = {
    "json": "application/json",
    "fhir": "application/fhir+json",
    "syslog": "text/plain; charset=utf-8",
    "xml": "application/xml",
}
_NO_HOST = re.compile(r"[^\x21-\x7e]")


class AuditParameters(Parameters):
    """Which records to show."""

    since: AwareDatetime | None = Field(default=None, description="From this time on, with its zone.")
    until: AwareDatetime | None = Field(default=None, description="Before this time.")
    kind: EventKind | None = None
    outcome: Outcome | None = Field(default=None, description="0 success, 4, 8, 12 failures.")
    study: str | None = Field(default=None, pattern=UID_PATTERN, description="New Study Instance UID.")
    format: Literal["json", "fhir", "syslog", "xml"] = Field(
        default="json",
        description="As the trail has them; a Bundle of FHIR R4; syslog, a message a line; DICOM's XML.",
    )
    limit: int = Field(default=100, ge=1, le=1000)


class Broken(BaseModel):
    """Where the trail breaks first."""

    sequence: int
    fault: str


class TrailVerdict(BaseModel):
    """Whether the trail is as it was written."""

    whole: bool
    records: int = Field(description="How many were read, to the end or to where it breaks.")
    broken: Broken | None
    torn_bytes: int = Field(description="Of a record that a crash tore; nobody was told it was written.")


@router.get("", summary="Show the audit trail", response_class=Response)
def show_audit(services: Joined, request: Request, wanted: Annotated[AuditParameters, Query()]) -> Response:
    """Answer records, the newest first."""
    trail = _read_by(services, request)
    query = TrailQuery(
        since=wanted.since,
        until=wanted.until,
        kind=wanted.kind,
        study_uid=wanted.study,
        outcome=wanted.outcome,
        limit=wanted.limit,
    )
    records = trail.records(query)
    if wanted.format == "json":
        content = json.dumps({"records": [json.loads(record.line()) for record in records]}).encode()
    else:
        content = _told([from_json(dict(record.event)) for record in records], wanted.format)
    return Response(content, media_type=_MEDIA[wanted.format])


@router.get("/verify", summary="Verify the audit trail")
def verify_audit(services: Joined, request: Request, _: Annotated[Parameters, Query()]) -> TrailVerdict:
    """Read all of the trail, and tell whether anything of it was changed."""
    verdict = _read_by(services, request).verify()
    broken = verdict.broken
    return TrailVerdict(
        whole=broken is None,
        records=verdict.records,
        broken=None if broken is None else Broken(sequence=broken.sequence, fault=broken.fault.value),
        torn_bytes=verdict.torn_bytes,
    )


def _read_by(services: Services, request: Request) -> AuditTrail:
    """Return the trail, after it was recorded who reads it (PS3.15 A.5.3.2)."""
    trail = services.deidentification.custodian.trail()
    trail.append(
        audit_log_used(
            Occasion(datetime.now(UTC), AuditSource(SUITE)),
            readers=[Participant(user_of(services, request) or "unknown", is_requestor=True)],
            log=ResourceObject("urn:orthanc-pacs-suite:audit"),
        )
    )
    return trail


def _told(events: list[AuditEvent], form: str) -> bytes:
    if form == "fhir":
        entries: list[dict[str, Any]] = [{"resource": to_fhir(event)} for event in events]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        return json.dumps(bundle if entries else bundle | {"entry": []}).encode()
    if form == "syslog":
        sender = Sender(_NO_HOST.sub("", platform.node()) or "-", str(os.getpid()))
        return b"".join(to_syslog(event, sender) + b"\n" for event in events)
    messages = ET.Element("AuditMessages")
    messages.extend(ET.fromstring(to_dicom_xml(event)) for event in events)  # noqa: S314 - made just now
    whole: bytes = ET.tostring(messages, encoding="UTF-8", xml_declaration=True)
    return whole
