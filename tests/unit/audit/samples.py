"""Events of a made-up project."""

from __future__ import annotations

from datetime import UTC, datetime

from orthanc_plugins.audit.codes import SECURITY_CONFIGURATION, Action, Outcome
from orthanc_plugins.audit.events import (
    AuditEvent,
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
)

KEY = bytes(range(32))
STUDY_UID = "2.25.64467579050708218332770016808972538783"
OTHER_STUDY_UID = "2.25.64467579050708218332770016808972538784"
CT, RTSTRUCT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.481.3"
PSEUDONYM = "DEID-RICSNLPLJNNHEA6G"
WORKER = Participant("deid-worker", alternative_user_id="4711", access_point="10.0.0.7")
PERSON = Participant("j.doe@site.example", is_requestor=True)
STUDY = StudyObject(STUDY_UID, {CT: 60, RTSTRUCT: 1})
PATIENT = PatientObject(PSEUDONYM)
LOG = ResourceObject("file:///audit")
EVIDENCE = Evidence(
    profile="research",
    edition="2026d",
    engine="0.1.0",
    policy_digest=64 * "a",
    key_id="37a0c7d3a7f25e32",
    options=("113100", "113107"),
    counts={"removed": 120, "uids_mapped": 812},
    file_digests=(64 * "b", 64 * "c"),
)


def at(hour: int = 12, *, outcome: Outcome = Outcome.SUCCESS, reason: str = "") -> Occasion:
    return Occasion(
        datetime(2026, 11, 30, hour, tzinfo=UTC), AuditSource("pacs-suite", "site-1"), outcome, reason
    )


def an_export(occasion: Occasion | None = None, study_uid: str = STUDY_UID) -> AuditEvent:
    return export(
        occasion or at(),
        exporters=(PERSON, WORKER),
        destination="https://xnat.example/data/projects/trial",
        studies=(StudyObject(study_uid, STUDY.sop_classes),),
        patients=(PATIENT,),
        evidence=EVIDENCE,
    )


def events() -> list[AuditEvent]:
    """One of each kind."""
    asked = at(reason="patient_safety")
    return [
        an_export(),
        instances_transferred(
            at(outcome=Outcome.MINOR_FAILURE, reason="timeout"),
            action=Action.CREATE,
            sender=WORKER,
            receiver=Participant("xnat", alternative_user_id="AETITLE=XNAT"),
            others=(PERSON,),
            studies=(STUDY,),
            patient=PATIENT,
        ),
        instances_accessed(asked, action=Action.READ, people=(PERSON,), studies=(STUDY,), patient=PATIENT),
        patient_record(asked, action=Action.READ, people=(PERSON,), patients=(PatientObject("ANON00742"),)),
        security_alert(
            at(), alert=SECURITY_CONFIGURATION, reporter=WORKER, subjects=(ResourceObject("urn:key", "Key"),)
        ),
        audit_log_used(at(), readers=(PERSON,), log=LOG),
    ]
