"""Events as the XML of DICOM's audit messages (PS3.15 A.5.1), elements in the order of its schema."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from orthanc_plugins.audit.codes import PATIENT_NUMBER, STUDY_INSTANCE_UID, URI
from orthanc_plugins.audit.details import details_of
from orthanc_plugins.audit.parties import PatientObject, StudyObject

if TYPE_CHECKING:
    from orthanc_plugins.audit.codes import Code
    from orthanc_plugins.audit.events import AuditEvent, Occasion
    from orthanc_plugins.audit.parties import AuditObject, AuditSource, Participant

_PERSON, _SYSTEM = "1", "2"
_PATIENT, _REPORT, _SECURITY_RESOURCE = "1", "3", "13"


def to_dicom_xml(event: AuditEvent) -> bytes:
    """Return an event as an AuditMessage, in UTF-8 with its declaration, all in one line.

    The reason for which somebody asked, and what more is to say of an outcome, is EventOutcomeDescription:
    the schema has no other place for it.
    """
    message = ET.Element("AuditMessage")
    _add_event(message, event, event.occasion)
    for participant in event.participants:
        _add_participant(message, participant)
    _add_source(message, event.occasion.source)
    for one in event.objects:
        _add_object(message, event, one)
    encoded: bytes = ET.tostring(message, encoding="UTF-8", xml_declaration=True)
    return encoded.replace(b"\n", b"", 1)  # after the declaration; no text has one


def _add_event(message: ET.Element, event: AuditEvent, occasion: Occasion) -> None:
    identification = ET.SubElement(
        message,
        "EventIdentification",
        EventActionCode=event.action.value,
        EventDateTime=occasion.time.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=str(occasion.outcome.value),
    )
    _add_code(identification, "EventID", event.kind.code)
    for code in event.types:
        _add_code(identification, "EventTypeCode", code)
    if occasion.reason:
        ET.SubElement(identification, "EventOutcomeDescription").text = occasion.reason


def _add_participant(message: ET.Element, participant: Participant) -> None:
    optional = {
        "AlternativeUserID": participant.alternative_user_id,
        "NetworkAccessPointID": participant.access_point,
        "NetworkAccessPointTypeCode": participant.access_point and participant.access_point_kind.value,
    }
    element = ET.SubElement(
        message,
        "ActiveParticipant",
        {
            "UserID": participant.user_id,
            "UserIsRequestor": str(participant.is_requestor).lower(),
            **{name: value for name, value in optional.items() if value},
        },
    )
    for role in participant.roles:
        _add_code(element, "RoleIDCode", role)
    if participant.media_type is not None:
        _add_code(ET.SubElement(element, "MediaIdentifier"), "MediaType", participant.media_type)


def _add_source(message: ET.Element, source: AuditSource) -> None:
    site = {"AuditEnterpriseSiteID": source.site} if source.site else {}
    element = ET.SubElement(message, "AuditSourceIdentification", {**site, "AuditSourceID": source.source_id})
    ET.SubElement(element, "AuditSourceTypeCode", {"csd-code": source.kind})


def _add_object(message: ET.Element, event: AuditEvent, one: AuditObject) -> None:
    element = ET.SubElement(message, "ParticipantObjectIdentification", _object_attributes(one))
    _add_code(element, "ParticipantObjectIDTypeCode", _id_type(one))
    ET.SubElement(element, "ParticipantObjectName").text = _name(one)
    for kind, value in details_of(event, one):
        encoded = base64.b64encode(value.encode()).decode("ascii")
        ET.SubElement(element, "ParticipantObjectDetail", type=kind, value=encoded)
    if isinstance(one, StudyObject) and one.sop_classes:
        _add_description(element, one)


def _object_attributes(one: AuditObject) -> dict[str, str]:
    if isinstance(one, StudyObject):
        kind, role, identifier = _SYSTEM, _REPORT, one.study_uid
    elif isinstance(one, PatientObject):
        kind, role, identifier = _PERSON, _PATIENT, one.pseudonym
    else:
        kind, role, identifier = _SYSTEM, _SECURITY_RESOURCE, one.uri
    attributes = {
        "ParticipantObjectID": identifier,
        "ParticipantObjectTypeCode": kind,
        "ParticipantObjectTypeCodeRole": role,
    }
    if isinstance(one, StudyObject):
        attributes["ParticipantObjectDataLifeCycle"] = str(one.life_cycle.value)
    return attributes


def _add_description(element: ET.Element, study: StudyObject) -> None:
    """Add what a study holds; without SOP classes there is nothing that may be said (PS3.15 A.5.2)."""
    description = ET.SubElement(element, "ParticipantObjectDescription")
    for uid, count in sorted(study.sop_classes.items()):
        ET.SubElement(description, "SOPClass", UID=uid, NumberOfInstances=str(count))
    ET.SubElement(description, "Anonymized").text = str(study.anonymised).lower()


def _add_code(parent: ET.Element, name: str, code: Code) -> None:
    attributes = {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning}
    ET.SubElement(parent, name, attributes)


def _id_type(one: AuditObject) -> Code:
    if isinstance(one, StudyObject):
        return STUDY_INSTANCE_UID
    return PATIENT_NUMBER if isinstance(one, PatientObject) else URI


def _name(one: AuditObject) -> str:
    """Return the name the schema wants of each object: of studies and patients what identifies them."""
    if isinstance(one, StudyObject):
        return one.study_uid
    return one.pseudonym if isinstance(one, PatientObject) else one.name
