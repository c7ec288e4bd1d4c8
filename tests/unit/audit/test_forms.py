"""The forms in which others read an event: JSON, DICOM's XML, FHIR and syslog."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from lxml import etree

from orthanc_plugins.audit.chain import Head, Sealer
from orthanc_plugins.audit.codes import Outcome
from orthanc_plugins.audit.dicom_xml import to_dicom_xml
from orthanc_plugins.audit.fhir import to_fhir
from orthanc_plugins.audit.forms import written
from orthanc_plugins.audit.json_form import from_json, to_json
from orthanc_plugins.audit.parties import StudyObject
from orthanc_plugins.audit.syslog import Sender, to_syslog
from orthanc_plugins.errors import AuditError
from tests.unit.audit.samples import CT, KEY, PSEUDONYM, RTSTRUCT, STUDY_UID, an_export, at, events

if TYPE_CHECKING:
    from orthanc_plugins.audit.events import AuditEvent

EVENTS = pytest.mark.parametrize("event", events(), ids=lambda event: event.kind.value)
SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).with_name("audit_message.rng")))
SYSLOG_LINE = re.compile(
    rb"<\d{1,3}>1 \S+ [\x21-\x7e]{1,255} [\x21-\x7e]{1,48} [\x21-\x7e]{1,128} [\x21-\x7e]{1,32} - "
    rb"\xef\xbb\xbf<\?xml [^\n]+</AuditMessage>"
)
"""A message (RFC 5424, chapter 6) without structured data, whose text is XML in UTF-8."""
DESTINATION = "https://xnat.example/data/projects/trial"


@EVENTS
def test_json_is_read_back_as_the_event(event: AuditEvent) -> None:
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


@pytest.mark.parametrize(
    "damage",
    [{"kind": "other"}, {"time": "yesterday"}, {"outcome": 1}, {"participants": [{}]}, {"objects": [{}]}],
)
def test_json_of_another_shape_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(AuditError):
        from_json(to_json(an_export()) | damage)
    with pytest.raises(AuditError):
        from_json({})


def test_json_holds_what_is_asked_for_by_name() -> None:
    content = to_json(an_export())
    assert content["kind"] == "export"
    assert content["event_id"] == "110106"
    assert content["time"] == "2026-11-30T12:00:00.000+00:00"
    assert content["objects"][0]["sop_classes"] == {CT: 60, RTSTRUCT: 1}
    assert content["evidence"]["counts"] == {"removed": 120, "uids_mapped": 812}
    assert len(content["evidence"]["file_digests"]) == 2


def code(value: str, meaning: str, scheme: str = "DCM") -> dict[str, str]:
    return {"csd-code": value, "codeSystemName": scheme, "originalText": meaning}


def test_xml_of_an_export_is_that_of_the_standard() -> None:
    xml = to_dicom_xml(an_export(at(outcome=Outcome.SERIOUS_FAILURE, reason="residual_identity")))
    assert xml.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    message = ET.fromstring(xml)
    assert [child.tag for child in message] == [
        "EventIdentification",
        "ActiveParticipant",
        "ActiveParticipant",
        "ActiveParticipant",
        "AuditSourceIdentification",
        "ParticipantObjectIdentification",
        "ParticipantObjectIdentification",
    ]
    event, person, worker, media, source, study, patient = message
    assert event.attrib == {
        "EventActionCode": "R",
        "EventDateTime": "2026-11-30T12:00:00.000+00:00",
        "EventOutcomeIndicator": "8",
    }
    assert [(child.tag, child.attrib, child.text) for child in event] == [
        ("EventID", code("110106", "Export"), None),
        ("EventOutcomeDescription", {}, "residual_identity"),
    ]
    assert person.attrib == {"UserID": "j.doe@site.example", "UserIsRequestor": "true"}
    assert worker.attrib == {
        "UserID": "deid-worker",
        "AlternativeUserID": "4711",
        "UserIsRequestor": "false",
        "NetworkAccessPointID": "10.0.0.7",
        "NetworkAccessPointTypeCode": "2",
    }
    assert [child.attrib for child in worker] == [code("110153", "Source Role ID")]
    assert media.attrib["NetworkAccessPointTypeCode"] == "5"
    assert [child.tag for child in media] == ["RoleIDCode", "RoleIDCode", "MediaIdentifier"]
    assert media[2][0].tag == "MediaType"
    assert media[2][0].attrib == code("110037", "URI")
    assert source.attrib == {"AuditEnterpriseSiteID": "site-1", "AuditSourceID": "pacs-suite"}
    assert [(child.tag, child.attrib) for child in source] == [("AuditSourceTypeCode", {"csd-code": "4"})]
    assert study.attrib["ParticipantObjectID"] == STUDY_UID
    assert patient.attrib == {
        "ParticipantObjectID": PSEUDONYM,
        "ParticipantObjectTypeCode": "1",
        "ParticipantObjectTypeCodeRole": "1",
    }
    assert patient[0].attrib == code("2", "Patient Number", "RFC-3881")


@EVENTS
def test_xml_is_valid_by_the_standards_schema(event: AuditEvent) -> None:
    SCHEMA.assertValid(etree.fromstring(to_dicom_xml(event)))


def test_the_schema_refuses_what_the_standard_has_not() -> None:
    message = to_dicom_xml(an_export())
    for right, wrong in [
        (b'EventOutcomeIndicator="0"', b'EventOutcomeIndicator="1"'),
        (b'UserIsRequestor="true"', b'UserIsRequestor="perhaps"'),
        (b"<Anonymized>true</Anonymized>", b"<Anonymized>true</Anonymized><Anonymized>true</Anonymized>"),
        (b'ParticipantObjectID="', b'ParticipantObject="'),
    ]:
        assert right in message
        assert not SCHEMA.validate(etree.fromstring(message.replace(right, wrong, 1)))


def test_of_a_study_whose_objects_are_not_known_nothing_more_is_said() -> None:
    """Anonymized and NumberOfInstances need a SOPClass (PS3.15 A.5.2); so do the extensions of FHIR."""
    unknown = replace(an_export(), objects=(StudyObject(STUDY_UID, {}), an_export().objects[1]))
    assert b"ParticipantObjectDescription" not in to_dicom_xml(unknown)
    SCHEMA.assertValid(etree.fromstring(to_dicom_xml(unknown)))
    assert "extension" not in to_fhir(unknown)["entity"][0]


def test_xml_of_a_study_counts_instances_and_says_that_it_is_anonymised() -> None:
    study = ET.fromstring(to_dicom_xml(an_export())).findall("ParticipantObjectIdentification")[0]
    assert {name: study.attrib[name] for name in sorted(study.attrib)[1:]} == {
        "ParticipantObjectID": STUDY_UID,
        "ParticipantObjectTypeCode": "2",
        "ParticipantObjectTypeCodeRole": "3",
    }
    assert study.attrib["ParticipantObjectDataLifeCycle"] == "10"
    assert study[0].attrib == code("110180", "Study Instance UID")
    tags = [child.tag for child in study]
    assert tags[:2] == ["ParticipantObjectIDTypeCode", "ParticipantObjectName"]
    assert set(tags[2:-1]) == {"ParticipantObjectDetail"}
    description = study[-1]
    assert [(child.tag, child.attrib, child.text) for child in description] == [
        ("SOPClass", {"UID": CT, "NumberOfInstances": "60"}, None),
        ("SOPClass", {"UID": RTSTRUCT, "NumberOfInstances": "1"}, None),
        ("Anonymized", {}, "true"),
    ]
    details = {
        child.attrib["type"]: base64.b64decode(child.attrib["value"]).decode()
        for child in study.findall("ParticipantObjectDetail")
    }
    assert details == {
        f"instances_{CT}": "60",
        f"instances_{RTSTRUCT}": "1",
        "profile": "research",
        "edition": "2026d",
        "engine": "0.1.0",
        "policy_digest": 64 * "a",
        "key_id": "37a0c7d3a7f25e32",
        "option": "113107",
        "removed": "120",
        "uids_mapped": "812",
        "files_digest": hashlib.sha256((64 * "b" + 64 * "c").encode()).hexdigest(),
    }


def test_xml_of_an_alert_and_of_a_reading_name_their_resource() -> None:
    alert, reading = (ET.fromstring(to_dicom_xml(event)) for event in events()[4:])
    assert [child.attrib for child in alert[0]] == [
        code("110113", "Security Alert"),
        code("110129", "Security Configuration"),
    ]
    log = reading.findall("ParticipantObjectIdentification")[0]
    assert log.attrib == {
        "ParticipantObjectID": "file:///audit",
        "ParticipantObjectTypeCode": "2",
        "ParticipantObjectTypeCodeRole": "13",
    }
    assert log[0].attrib == code("12", "URI", "RFC-3881")
    assert log[1].text == "Security Audit Log"


def test_fhir_of_an_export_is_an_audit_event() -> None:
    resource = to_fhir(an_export(at(outcome=Outcome.MINOR_FAILURE, reason="timeout")))
    dcm = "http://dicom.nema.org/resources/ontology/DCM"
    assert resource["resourceType"] == "AuditEvent"
    assert resource["type"] == {"system": dcm, "code": "110106", "display": "Export"}
    assert (resource["action"], resource["outcome"], resource["outcomeDesc"]) == ("R", "4", "timeout")
    assert resource["recorded"] == "2026-11-30T12:00:00.000+00:00"
    assert resource["source"] == {
        "site": "site-1",
        "observer": {"identifier": {"value": "pacs-suite"}},
        "type": [{"system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4"}],
    }
    assert [agent["requestor"] for agent in resource["agent"]] == [True, False, False]
    assert resource["agent"][1] == {
        "who": {"identifier": {"value": "deid-worker"}},
        "requestor": False,
        "type": {"coding": [{"system": dcm, "code": "110153", "display": "Source Role ID"}]},
        "altId": "4711",
        "network": {"address": "10.0.0.7", "type": "2"},
    }
    media = resource["agent"][2]
    assert media["role"] == [{"coding": [{"system": dcm, "code": "110154", "display": "Destination Media"}]}]
    assert media["media"] == {"system": dcm, "code": "110037", "display": "URI"}


def test_fhir_of_a_study_has_the_extensions_for_dicom() -> None:
    study, patient = to_fhir(an_export())["entity"]
    base = "http://hl7.org/fhir/StructureDefinition/auditevent"
    identifiers = [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"} for uid in (CT, RTSTRUCT)]
    assert study["extension"] == [
        {"url": f"{base}-SOPClass", "valueReference": {"identifier": identifiers[0]}},
        {"url": f"{base}-SOPClass", "valueReference": {"identifier": identifiers[1]}},
        {"url": f"{base}-NumberOfInstances", "valueInteger": 61},
        {"url": f"{base}-Anonymized", "valueBoolean": True},
    ]
    assert study["what"] == {"identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{STUDY_UID}"}}
    assert [study[name]["code"] for name in ("type", "role", "lifecycle")] == ["2", "3", "10"]
    assert {"type": "policy_digest", "valueString": 64 * "a"} in study["detail"]
    assert patient == {
        "what": {"identifier": {"value": PSEUDONYM}},
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1"},
        "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1"},
    }


@EVENTS
def test_fhir_has_what_every_audit_event_must_have_and_nothing_empty(event: AuditEvent) -> None:
    resource = to_fhir(event)
    assert {"resourceType", "type", "recorded", "agent", "source"} <= set(resource)
    assert all(set(agent) >= {"who", "requestor"} for agent in resource["agent"])
    assert "null" not in json.dumps(resource)
    assert "[]" not in json.dumps(resource)
    assert "subtype" in resource or event.kind.value != "security_alert"


@pytest.mark.parametrize(("outcome", "priority"), [(Outcome.SUCCESS, 85), (Outcome.MAJOR_FAILURE, 84)])
def test_a_message_of_syslog_has_the_standards_header(outcome: Outcome, priority: int) -> None:
    event = an_export(at(outcome=outcome))
    message = to_syslog(event, Sender("pacs.example", "17"))
    header = (
        f"<{priority}>1 2026-11-30T12:00:00.000+00:00 pacs.example orthanc-pacs-suite 17 DICOM+RFC3881 - "
    )
    assert message == header.encode() + b"\xef\xbb\xbf" + to_dicom_xml(event)
    assert len(message) < 32768


def test_records_written_for_syslog_are_a_message_a_line() -> None:
    sealer, head = Sealer(KEY), Head()
    records = []
    for event in events():
        records.append(sealer.record(head, to_json(event)))
        head = records[-1].head
    lines = written(records, "syslog").splitlines()
    assert len(lines) == len(records)
    assert [line for line in lines if not SYSLOG_LINE.fullmatch(line)] == []


def test_a_bundle_of_nothing_has_no_empty_list() -> None:
    assert json.loads(written([], "fhir")) == {"resourceType": "Bundle", "type": "collection"}


@pytest.mark.parametrize(
    "damage",
    [
        {"hostname": ""},
        {"hostname": "a b"},
        {"process_id": "x" * 129},
        {"app_name": "ä"},
        {"message_id": "x" * 33},
    ],
)
def test_a_header_that_syslog_does_not_allow_is_refused(damage: dict[str, str]) -> None:
    with pytest.raises(AuditError, match="RFC 5424"):
        replace(Sender("host", "1"), **damage)


def test_thousands_of_files_make_no_message_too_long() -> None:
    event = an_export()
    assert event.evidence is not None
    many = replace(
        event, evidence=replace(event.evidence, file_digests=tuple(f"{n:064x}" for n in range(10_000)))
    )
    assert len(to_syslog(many, Sender("host", "1"))) < 32768
