"""Events as AuditEvent of FHIR R4, with the extensions for DICOM (hl7.org/fhir/R4/auditevent.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orthanc_plugins.audit.details import details_of
from orthanc_plugins.audit.parties import PatientObject, StudyObject

if TYPE_CHECKING:
    from orthanc_plugins.audit.codes import Code
    from orthanc_plugins.audit.events import AuditEvent
    from orthanc_plugins.audit.parties import AuditObject, AuditSource, Participant

_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_EXTENSION = "http://hl7.org/fhir/StructureDefinition/auditevent"


def to_fhir(event: AuditEvent) -> dict[str, Any]:
    """Return an event as the resource AuditEvent, values of JSON alone."""
    occasion = event.occasion
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "type": _coding(event.kind.code),
        "action": event.action.value,
        "recorded": occasion.time.isoformat(timespec="milliseconds"),
        "outcome": str(occasion.outcome.value),
        "agent": [_agent(participant) for participant in event.participants],
        "source": _source(occasion.source),
        "entity": [_entity(event, one) for one in event.objects],
    }
    if event.types:
        resource["subtype"] = [_coding(code) for code in event.types]
    if occasion.reason:
        resource["outcomeDesc"] = occasion.reason
    return {name: value for name, value in resource.items() if value != []}


def _agent(participant: Participant) -> dict[str, Any]:
    agent: dict[str, Any] = {
        "who": {"identifier": {"value": participant.user_id}},
        "requestor": participant.is_requestor,
    }
    if participant.roles:
        first, *others = participant.roles
        agent["type"] = {"coding": [_coding(first)]}
        if others:
            agent["role"] = [{"coding": [_coding(role)]} for role in others]
    if participant.alternative_user_id:
        agent["altId"] = participant.alternative_user_id
    if participant.access_point:
        agent["network"] = {
            "address": participant.access_point,
            "type": participant.access_point_kind.value,
        }
    if participant.media_type is not None:
        agent["media"] = _coding(participant.media_type)
    return agent


def _source(source: AuditSource) -> dict[str, Any]:
    kind = {"system": f"{_TERMINOLOGY}/security-source-type", "code": source.kind}
    content = {"observer": {"identifier": {"value": source.source_id}}, "type": [kind]}
    return {"site": source.site, **content} if source.site else content


def _entity(event: AuditEvent, one: AuditObject) -> dict[str, Any]:
    if isinstance(one, StudyObject):
        what, kind, role = _uid(one.study_uid), "2", "3"
    elif isinstance(one, PatientObject):
        what, kind, role = {"value": one.pseudonym}, "1", "1"
    else:
        what, kind, role = {"system": "urn:ietf:rfc:3986", "value": one.uri}, "2", "13"
    entity: dict[str, Any] = {
        "what": {"identifier": what},
        "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": kind},
        "role": {"system": f"{_TERMINOLOGY}/object-role", "code": role},
    }
    if isinstance(one, StudyObject):
        if one.sop_classes:
            entity["extension"] = _extensions(one)
        entity["lifecycle"] = {
            "system": f"{_TERMINOLOGY}/dicom-audit-lifecycle",
            "code": str(one.life_cycle.value),
        }
    details = details_of(event, one)
    if details:
        entity["detail"] = [{"type": name, "valueString": value} for name, value in details]
    return entity


def _extensions(study: StudyObject) -> list[dict[str, Any]]:
    """Return the extensions of a study; instances are counted in total here, by SOP class in the details."""
    classes = [
        {"url": f"{_EXTENSION}-SOPClass", "valueReference": {"identifier": _uid(uid)}}
        for uid in sorted(study.sop_classes)
    ]
    total = sum(study.sop_classes.values())
    return [
        *classes,
        {"url": f"{_EXTENSION}-NumberOfInstances", "valueInteger": total},
        {"url": f"{_EXTENSION}-Anonymized", "valueBoolean": study.anonymised},
    ]


def _uid(uid: str) -> dict[str, str]:
    return {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}


def _coding(code: Code) -> dict[str, str]:
    system = _DCM if code.scheme == "DCM" else f"urn:x-scheme:{code.scheme}"
    return {"system": system, "code": code.value, "display": code.meaning}
