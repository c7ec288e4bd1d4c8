"""Events are as the standard's tables want them, and hold nothing that came from a patient."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from orthanc_plugins.audit.codes import (
    DESTINATION,
    DESTINATION_MEDIA,
    SOURCE,
    Action,
    Code,
    EventKind,
    LifeCycle,
    Outcome,
)
from orthanc_plugins.audit.events import (
    Occasion,
    audit_log_used,
    export,
    instances_accessed,
    instances_transferred,
    patient_record,
    security_alert,
)
from orthanc_plugins.audit.parties import (
    AuditSource,
    Evidence,
    Participant,
    PatientObject,
    ResourceObject,
    StudyObject,
    is_keyed_uid,
)
from orthanc_plugins.errors import AuditError
from tests.unit.audit.samples import (
    CT,
    EVIDENCE,
    LOG,
    PATIENT,
    PERSON,
    STUDY,
    STUDY_UID,
    WORKER,
    an_export,
    at,
)

DESTINATION_URI = "https://xnat.example/data/projects/trial"


@pytest.mark.parametrize(
    ("kind", "code", "meaning"),
    [
        (EventKind.EXPORT, "110106", "Export"),
        (EventKind.INSTANCES_TRANSFERRED, "110104", "DICOM Instances Transferred"),
        (EventKind.INSTANCES_ACCESSED, "110103", "DICOM Instances Accessed"),
        (EventKind.PATIENT_RECORD, "110110", "Patient Record"),
        (EventKind.SECURITY_ALERT, "110113", "Security Alert"),
        (EventKind.AUDIT_LOG_USED, "110101", "Audit Log Used"),
    ],
)
def test_events_have_the_standards_codes(kind: EventKind, code: str, meaning: str) -> None:
    assert kind.code == Code(code, "DCM", meaning)


def test_an_export_is_a_reading_with_sources_and_one_destination() -> None:
    event = an_export()
    person, worker, media = event.participants
    assert event.action is Action.READ
    assert person.roles == worker.roles == (SOURCE,)
    assert media.roles == (DESTINATION, DESTINATION_MEDIA)
    assert (media.user_id, media.access_point, media.access_point_kind.value) == (
        DESTINATION_URI,
        DESTINATION_URI,
        "5",
    )
    assert media.media_type == Code("110037", "DCM", "URI")
    assert [one.is_requestor for one in event.participants] == [True, False, False]
    assert [study.life_cycle for study in event.objects if isinstance(study, StudyObject)] == [
        LifeCycle.EXPORT
    ]


@pytest.mark.parametrize("exporters", [(), (WORKER,), (PERSON, PERSON), (PERSON, WORKER, WORKER)])
def test_exactly_one_of_at_most_two_exporters_asked_for_it(exporters: tuple[Participant, ...]) -> None:
    with pytest.raises(AuditError, match=r"A\.5\.3"):
        export(at(), exporters=exporters, destination=DESTINATION_URI, studies=(STUDY,), patients=(PATIENT,))


def test_an_export_has_studies_and_patients() -> None:
    for studies, patients in [((), (PATIENT,)), ((STUDY,), ())]:
        with pytest.raises(AuditError, match="studies and patients"):
            export(at(), exporters=(PERSON,), destination=DESTINATION_URI, studies=studies, patients=patients)


def test_a_transfer_has_a_source_a_destination_and_one_who_asked() -> None:
    event = instances_transferred(
        at(), action=Action.UPDATE, sender=PERSON, receiver=WORKER, studies=(STUDY,), patient=PATIENT
    )
    assert [one.roles for one in event.participants] == [(SOURCE,), (DESTINATION,)]
    for action, sender, studies in [
        (Action.DELETE, PERSON, (STUDY,)),
        (Action.CREATE, WORKER, (STUDY,)),
        (Action.CREATE, PERSON, ()),
    ]:
        with pytest.raises(AuditError):
            instances_transferred(
                at(), action=action, sender=sender, receiver=WORKER, studies=studies, patient=PATIENT
            )


def test_an_access_marks_studies_as_used() -> None:
    event = instances_accessed(at(), action=Action.READ, people=(PERSON,), studies=(STUDY,), patient=PATIENT)
    assert event.objects == (replace(STUDY, life_cycle=LifeCycle.ACCESS), PATIENT)
    for people, studies, action in [
        ((), (STUDY,), Action.READ),
        ((PERSON,), (), Action.READ),
        ((PERSON,), (STUDY,), Action.EXECUTE),
    ]:
        with pytest.raises(AuditError):
            instances_accessed(at(), action=action, people=people, studies=studies, patient=PATIENT)


def test_records_of_patients_alerts_and_readings_hold_to_their_tables() -> None:
    with pytest.raises(AuditError, match="has patients"):
        patient_record(at(), action=Action.READ, people=(PERSON,), patients=())
    with pytest.raises(AuditError, match="reads the trail"):
        audit_log_used(at(), readers=(), log=LOG)
    alert = security_alert(at(), alert=Code("110129", "DCM", "Security Configuration"), reporter=WORKER)
    assert alert.action is Action.EXECUTE
    assert [one.is_requestor for one in alert.participants] == [True]
    with pytest.raises(AuditError, match="exactly one participant"):
        security_alert(at(), alert=alert.types[0], reporter=WORKER, performers=(PERSON,))


@pytest.mark.parametrize(
    ("uid", "keyed"),
    [
        (STUDY_UID, True),
        ("1.2.3.4", False),
        ("1.2.840.113619.2.55.3.604688119.971.1448959100.525", False),
        ("2.25.329800735698586629295641978511506172918", False),
        ("2.25.7", False),
        ("2.25.0064467579050708218332770016808972538783", False),
        ("2.25." + str(1 << 128), False),
        ("2.25.DOE", False),
        ("", False),
    ],
)
def test_only_uids_of_a_projects_key_name_a_study(uid: str, keyed: bool) -> None:
    assert is_keyed_uid(uid) is keyed
    if not keyed:
        with pytest.raises(AuditError) as refused:
            StudyObject(uid, {CT: 1})
        assert not uid or uid not in str(refused.value)


@pytest.mark.parametrize("pseudonym", ["MRN-4711", "Doe^Jane", "4711", "", "deid-RICSNLPLJNNHEA6G", "DEID-1"])
def test_only_pseudonyms_name_a_patient(pseudonym: str) -> None:
    with pytest.raises(AuditError) as refused:
        PatientObject(pseudonym)
    assert "4711" not in str(refused.value)


def test_nothing_that_reads_like_a_name_or_a_sentence_is_taken() -> None:
    name = "Jane Doe"
    for make in (
        lambda: Participant(name),
        lambda: Participant("Doe^Jane"),
        lambda: Participant("x", alternative_user_id=name),
        lambda: Participant("x", access_point=name),
        lambda: Participant(""),
        lambda: AuditSource(name),
        lambda: AuditSource(""),
        lambda: ResourceObject(name),
        lambda: at(reason="Jane was ill"),
        lambda: replace(EVIDENCE, profile=name),
        lambda: replace(EVIDENCE, counts={name: 1}),
        lambda: replace(EVIDENCE, policy_digest="Doe"),
        lambda: replace(EVIDENCE, key_id=32 * "a"),
        lambda: replace(EVIDENCE, file_digests=("1.2.3",)),
        lambda: StudyObject(STUDY_UID, {name: 1}),
        lambda: StudyObject(STUDY_UID, {CT: -1}),
    ):
        with pytest.raises(AuditError) as refused:
            make()
        assert "Doe" not in str(refused.value)


def test_a_time_has_its_offset() -> None:
    with pytest.raises(AuditError, match="offset"):
        Occasion(datetime(2026, 11, 30), AuditSource("x"))  # noqa: DTZ001 - that is what is refused


def test_counts_cannot_be_changed_from_outside() -> None:
    counts = {CT: 1}
    study = StudyObject(STUDY_UID, counts)
    counts[CT] = 2
    assert study.sop_classes == {CT: 1}
    assert isinstance(EVIDENCE, Evidence)


def test_outcomes_are_the_standards_numbers() -> None:
    assert [outcome.value for outcome in Outcome] == [0, 4, 8, 12]
