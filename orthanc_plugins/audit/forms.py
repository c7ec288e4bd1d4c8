"""Events in the forms that others read: FHIR, DICOM's XML, messages of syslog."""

from __future__ import annotations

import json
import os
import platform
import re
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree as ET

from orthanc_plugins.audit.dicom_xml import to_dicom_xml
from orthanc_plugins.audit.fhir import to_fhir
from orthanc_plugins.audit.json_form import from_json
from orthanc_plugins.audit.syslog import Sender, to_syslog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.audit.chain import Record
    from orthanc_plugins.audit.events import AuditEvent

type Form = Literal["json", "fhir", "syslog", "xml"]

_NO_HOST = re.compile(r"[^\x21-\x7e]")


def written(records: Sequence[Record], form: Form) -> bytes:
    """Return records in a form: as the trail has them, a Bundle of FHIR R4, a message a line, DICOM's XML."""
    if form == "json":
        return json.dumps({"records": [json.loads(record.line()) for record in records]}).encode()
    events = [from_json(dict(record.event)) for record in records]
    if form == "fhir":
        return _bundle(events)
    if form == "syslog":
        sender = Sender(_NO_HOST.sub("", platform.node()) or "-", str(os.getpid()))
        return b"".join(to_syslog(event, sender) + b"\n" for event in events)
    messages = ET.Element("AuditMessages")
    messages.extend(ET.fromstring(to_dicom_xml(event)) for event in events)  # noqa: S314 - made just now
    whole: bytes = ET.tostring(messages, encoding="UTF-8", xml_declaration=True)
    return whole


def _bundle(events: Sequence[AuditEvent]) -> bytes:
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    if events:  # FHIR has no empty lists
        bundle["entry"] = [{"resource": to_fhir(event)} for event in events]
    return json.dumps(bundle).encode()
