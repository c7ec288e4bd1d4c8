"""A study leaves whole, certified and recorded, or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from orthanc_plugins.audit.codes import Outcome
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.audit.trail import AuditTrail
from orthanc_plugins.certificates import Verdict, load_signing_key, opened, verify
from orthanc_plugins.certificates.wording import told as told_in_words
from orthanc_plugins.errors import (
    ArchiveRefused,
    ArchiveUnavailable,
    AuditError,
    CustodyError,
    HeldForReview,
    KeyUnusable,
    PacsSuiteError,
    ProfileError,
    ReleaseRefused,
)
from orthanc_plugins.release import Outcome as Released
from orthanc_plugins.release import State
from orthanc_plugins.store import ReleaseFiles, ReleaseState
from orthanc_plugins.workflows import deidentification_workflows, deidentify_study, release_certificate
from orthanc_plugins.workflows.release_audit import ReleaseAudit
from tests.unit.release.studies import SECRETS, objects, uids_of
from tests.unit.workflows.deidentified import PROJECT, SETTINGS, Rig, new_rig, rows_of
from tests.unit.workflows.repaired import DurableSteps

if TYPE_CHECKING:
    from datetime import tzinfo

    from orthanc_plugins.certificates import Certificate
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest


class RecordingSteps(DurableSteps):
    """Notes what each step returned or raised, as it would be stored."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: list[str] = []
        self.names: list[str] = []
        self.killed_in: str | None = None

    def __call__(self, name: str, step: Any, *args: Any, **kwargs: Any) -> Any:
        self.names.append(name)

        def killed() -> Any:
            result = step(*args, **kwargs)
            if self.killed_in == name:
                self.killed_in = None
                raise KilledError
            return result

        try:
            result = super().__call__(name, killed)
        except PacsSuiteError as error:
            self.stored.append(f"{type(error).__name__}: {error}")
            raise
        self.stored.append(json.dumps(result))
        return result


class KilledError(BaseException):
    """The worker's process ended after a step's effect, before anybody noted it."""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> RecordingSteps:
    steps = RecordingSteps()
    monkeypatch.setattr(deidentification_workflows, "run_step", steps)
    return steps


@pytest.fixture
def rig(services: Services, orthanc: FakeOrthancRest, steps: RecordingSteps) -> Rig:
    return new_rig(services, orthanc, steps)


def events(rig: Rig, **wanted: Any) -> list[dict[str, Any]]:
    return [dict(record.event) for record in rig.custodian.trail().records(TrailQuery(**wanted))]


def test_a_study_is_delivered_certified_and_recorded(rig: Rig) -> None:
    assert rig.run() == {"outcome": "certified", "instances": 3}
    release = rig.release()
    assert (release.state, release.pseudonym, release.instances) == (ReleaseState.CERTIFIED, "ANON00001", 3)
    assert release.labels["subject"] == "ANON00001"
    assert release.labels["session"].startswith("ANON00001_")
    assert (release.destination, release.changes) == ("xnat:PACS_ANONYMIZED", {"0008,1030": 3})
    delivered = [dcmread(BytesIO(content)) for content in rig.destination.held.values()]
    assert {one.PatientID for one in delivered} == {"ANON00001"}
    assert {one.StudyInstanceUID for one in delivered} == {release.study_uid}


def test_the_certificate_is_signed_kept_and_beside_the_study(rig: Rig) -> None:
    rig.run()
    release = rig.release()
    files = ReleaseFiles(rig.services.data)
    kept = files.read(release.release_id, "certificate.json")
    assert kept is not None
    envelope = opened(kept)
    assert verify(envelope, [load_signing_key(rig.custodian.folder).public]) is Verdict.VALID
    certificate = envelope.certificate
    assert (certificate.digest, certificate.outcome) == (release.certificate_sha256, "confirmed")
    assert certificate.delivery is not None
    assert certificate.delivery.subject == "ANON00001"
    names = sorted(rig.destination.attached)
    assert [name.rpartition(".")[2] for name in names] == ["json", "pdf"]
    assert rig.destination.attached[names[0]] == kept
    assert rig.destination.attached[names[1]] == files.read(release.release_id, "certificate.pdf")


def test_the_trail_tells_that_originals_were_read_before_the_study_left(rig: Rig) -> None:
    rig.run()
    export, access = events(rig)
    assert (export["kind"], export["outcome"]) == ("export", 0)
    assert (access["kind"], access["reason"]) == ("instances_accessed", "deidentification")
    assert export["objects"][0]["study_uid"] == rig.release().study_uid
    assert sum(export["objects"][0]["sop_classes"].values()) == 3
    assert len(export["evidence"]["file_digests"]) == 3
    assert rig.custodian.trail().verify().broken is None


@pytest.mark.parametrize(
    ("asker", "named"), [("ann", "ann"), ("rule:All_CT", "rule:All_CT"), ("", "unknown")]
)
def test_the_trail_tells_who_asked(rig: Rig, asker: str, named: str) -> None:
    rig.run(rig.order(asker=asker, one_person=True))
    export, access = events(rig)
    assert export["reason"] == "one_person"
    for event in (export, access):
        asked = [one["user_id"] for one in event["participants"] if one["is_requestor"]]
        assert asked == [named]
        assert event["participants"][0]["user_id"] == "orthanc-pacs-suite"


def test_nothing_leaves_where_it_cannot_be_recorded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise AuditError("The disk is full.")

    monkeypatch.setattr(ReleaseAudit, "read", full)
    with pytest.raises(AuditError):
        rig.run()
    assert rig.destination.held == {}
    assert rig.release().state is ReleaseState.FAILED
    monkeypatch.setattr(AuditTrail, "append", full)
    with pytest.raises(AuditError):
        rig.run()
    assert (rig.destination.held, left_in(rig)) == ({}, [])


def test_what_a_cut_off_run_made_is_made_anew(rig: Rig) -> None:
    job = rig.job()
    job.check()
    job.fetch()
    (partial,) = rig.work.iterdir()
    (partial / "out" / ".unchecked-1").mkdir(parents=True)
    job.release()
    assert [path.name for path in (partial / "out").iterdir()] == ["ANON00001"]


def test_done_twice_the_same_content_is_sent_once_with_one_certificate(rig: Rig) -> None:
    rig.run()
    certificate = rig.release().certificate_sha256
    rig.run()
    assert rig.destination.sent == [3, 0]
    assert rig.release().certificate_sha256 == certificate
    assert len(rig.destination.attached) == 2


def test_what_came_later_joins_patient_study_and_session(rig: Rig) -> None:
    structures = rig.made.pop()
    for instance in rig.orthanc.instance_ids(rig.study):
        rig.orthanc.delete(instance)
    rig.receive()
    first = rig.order()
    rig.run(first)
    rig.receive([structures])
    later = rig.order()
    assert later.digest != first.digest
    rig.run(later)
    one, two = rig.release(first), rig.release(later)
    assert rig.destination.sent == [2, 1]
    assert one.release_id != two.release_id
    assert (one.pseudonym, one.study_uid, one.labels) == (two.pseudonym, two.study_uid, two.labels)


def test_a_study_that_changed_since_it_was_asked_for_does_not_leave(rig: Rig) -> None:
    order = rig.order()
    rig.receive(rig.made[:1])
    assert rig.run(order) == {"outcome": "changed", "instances": 0}
    assert rig.release(order).state is ReleaseState.FAILED
    assert rig.destination.held == {}


def test_a_study_that_is_gone_ends_the_job(rig: Rig) -> None:
    order = rig.order()
    rig.orthanc.empty()
    assert rig.run(order) == {"outcome": "gone", "instances": 0}


@pytest.mark.parametrize("step", ["check", "fetch", "release", "deliver", "certify", "record", "tidy"])
@pytest.mark.parametrize("loses_files", [False, True])
def test_killed_after_any_step_it_goes_on_and_is_delivered_once(
    rig: Rig, steps: RecordingSteps, step: str, *, loses_files: bool
) -> None:
    steps.killed_in = step
    with pytest.raises(KilledError):
        run_once(rig)
    if loses_files:
        shutil.rmtree(rig.work, ignore_errors=True)
    steps.restart()
    assert run_once(rig) == {"outcome": "certified", "instances": 3}
    assert len(rig.destination.held) == 3
    assert rig.release().state is ReleaseState.CERTIFIED
    exports = [one for one in events(rig) if one["kind"] == "export"]
    assert len(exports) == (2 if loses_files and step == "record" else 1)
    assert left_in(rig) == []


def run_once(rig: Rig) -> dict[str, Any]:
    """Run a job on from where the steps are."""
    return dict(deidentification_workflows.run_deidentification(rig.job()))


def left_in(rig: Rig) -> list[str]:
    return [str(path) for path in rig.work.rglob("*")] if rig.work.exists() else []


@pytest.mark.parametrize(
    ("state", "error", "outcome"),
    [
        (State.HELD, HeldForReview, Outcome.MINOR_FAILURE),
        (State.REFUSED, ReleaseRefused, Outcome.SERIOUS_FAILURE),
    ],
)
def test_what_is_kept_back_is_recorded_with_its_reason_and_nothing_is_left(
    rig: Rig,
    monkeypatch: pytest.MonkeyPatch,
    state: State,
    error: type[PacsSuiteError],
    outcome: Outcome,
) -> None:
    monkeypatch.setattr(
        deidentify_study, "release", lambda *_, **__: Released(state, instances=3, reason="Look at 3.")
    )
    with pytest.raises(error, match="the record of the release tells why"):
        rig.run()
    release = rig.release()
    assert (release.state.value, release.reason) == (state.value, "Look at 3.")
    (export,) = events(rig)
    assert (export["outcome"], export["reason"]) == (outcome.value, state.value)
    assert (rig.destination.held, left_in(rig)) == ({}, [])


def test_objects_of_several_patients_are_held(rig: Rig) -> None:
    rig.made[0].PatientID = "SOMEBODY-ELSE"
    rig.receive()
    with pytest.raises(HeldForReview):
        rig.run()
    assert "several patients" in rig.release().reason


def test_two_persons_of_one_identifier_are_held_until_somebody_has_looked(rig: Rig) -> None:
    rig.run()
    for one in rig.made:
        one.PatientBirthDate = "19330101"
    rig.receive()
    with pytest.raises(HeldForReview) as raised:
        rig.run()
    assert "number" not in str(raised.value)
    assert "patient number 1 of the project" in rig.release().reason
    assert "it is one person (one_person: true)" in rig.release().reason
    assert rig.run(rig.order(one_person=True))["outcome"] == "certified"
    assert events(rig, outcome=Outcome.SUCCESS)[0]["reason"] == "one_person"
    assert rig.release(rig.order(one_person=True)).pseudonym == "ANON00001"


def test_an_object_that_cannot_be_read_holds_the_study(rig: Rig) -> None:
    uids = (str(rig.made[0].StudyInstanceUID), "1.2.3", "1.2.3.4")
    rig.orthanc.store(*uids, content=b"no DICOM")
    with pytest.raises(HeldForReview):
        rig.run()
    assert "1 of 4 objects cannot be used" in rig.release().reason
    assert left_in(rig) == []


def test_what_a_destination_says_is_noted_with_the_release_and_nowhere_else(
    rig: Rig, steps: RecordingSteps
) -> None:
    rig.destination.failures.append(ArchiveRefused("Subject ANON00001 is locked.", archive="xnat"))
    with pytest.raises(ReleaseRefused):
        rig.run()
    release = rig.release()
    assert (release.state, release.reason) == (ReleaseState.FAILED, "Subject ANON00001 is locked.")
    assert not any("ANON00001" in stored for stored in steps.stored)
    assert [one["outcome"] for one in events(rig, outcome=Outcome.MAJOR_FAILURE)] == [12]
    assert left_in(rig) == []
    assert rig.run()["outcome"] == "certified"
    assert rig.release().reason == ""


def test_a_destination_that_is_away_is_told_so_that_it_is_tried_again(rig: Rig) -> None:
    rig.destination.failures.append(ArchiveUnavailable("XNAT is away.", archive="xnat"))
    with pytest.raises(ArchiveUnavailable, match="does not answer"):
        rig.run()
    assert rig.release().reason == "XNAT is away."


def test_without_key_register_trail_or_signing_key_nothing_is_fetched(rig: Rig) -> None:
    order = rig.order()
    folder = rig.custodian.folder
    for name in (
        "certificates.signing.pem",
        "audit.head.json",
        "trial.numbers.sqlite",
        "trial.pseudonyms.key",
    ):
        (folder / name).rename(folder / "away")
        rig.orthanc.asked.clear()
        with pytest.raises(PacsSuiteError):
            rig.run(order)
        assert "file" not in rig.orthanc.asked
        if not name.startswith("trial.pseudonyms"):
            (folder / "away").rename(folder / name)
    with pytest.raises(KeyUnusable, match="pacs project create trial"):
        rig.run(order)
    assert not (folder / "trial.pseudonyms.key").exists()


def test_profiles_are_those_that_the_project_allows(rig: Rig) -> None:
    with pytest.raises(ProfileError, match="does not allow the profile basic"):
        rig.run(rig.order(profile="basic"))
    assert rig.run(rig.order(profile="longitudinal"))["outcome"] == "certified"


def test_the_way_back_is_kept_only_where_it_is_asked_for(
    services: Services, orthanc: FakeOrthancRest, steps: RecordingSteps
) -> None:
    rig = new_rig(services, orthanc, steps, SETTINGS.model_copy(update={"reversible": True}))
    rig.run()
    table = rig.custodian.identities(PROJECT, {"custodian"})
    assert table.pseudonyms() == ()
    rig.run(rig.order(reversible=True))
    known = table.look_up(
        "ANON00001", role="custodian", actor="ann", reason="follow_up", audit=lambda _: None
    )
    assert [one.patient_id for one in known.identities] == ["HOSP-778812"]
    assert known.uids[str(rig.made[0].StudyInstanceUID)] == rig.release(rig.order(reversible=True)).study_uid


def test_a_project_whose_way_back_was_destroyed_goes_on_without_and_says_so(
    services: Services, orthanc: FakeOrthancRest, steps: RecordingSteps, caplog: pytest.LogCaptureFixture
) -> None:
    rig = new_rig(services, orthanc, steps, SETTINGS.model_copy(update={"reversible": True}))
    rig.custodian.destroy_identities(PROJECT)
    assert rig.run(rig.order(reversible=True))["outcome"] == "certified"
    assert "Project trial is not reversible any more" in caplog.text
    assert not rig.custodian.has_identities(PROJECT)


def test_settings_that_call_patients_otherwise_than_was_fixed_stop_the_job(
    services: Services, orthanc: FakeOrthancRest, steps: RecordingSteps
) -> None:
    rig = new_rig(services, orthanc, steps)
    changed = {PROJECT: SETTINGS.model_copy(update={"patients": "keyed"})}
    chosen = replace(rig.services.deidentification, projects=changed)
    rig.services = replace(rig.services, deidentification=chosen)
    with pytest.raises(CustodyError, match="are numbered, and keyed is asked for"):
        rig.run()


def test_no_value_of_an_original_is_anywhere_but_with_the_custodian(
    rig: Rig, steps: RecordingSteps, caplog: pytest.LogCaptureFixture
) -> None:
    rig.destination.failures.append(ArchiveUnavailable("XNAT is away.", archive="xnat"))
    with caplog.at_level(logging.DEBUG), pytest.raises(ArchiveUnavailable):
        rig.run()
    with caplog.at_level(logging.DEBUG):
        rig.run()
    originals = {*SECRETS, *uids_of(rig.made)}
    told = [*steps.stored, *rows_of(rig.services.store), caplog.text, *rig.destination.attached]
    told += [path.read_text() for path in (rig.services.data / "audit").rglob("*.jsonl")]
    told += [str(path) for path in rig.services.data.rglob("*")]
    assert not [word for word in originals for text in told if word in text]


def test_nothing_stored_has_an_original_beside_its_pseudonym(rig: Rig, steps: RecordingSteps) -> None:
    rig.run()
    release = rig.release()
    newer = {release.pseudonym, release.study_uid, release.release_id, *release.labels.values()}
    newer -= {"PACS_ANONYMIZED"}
    assert not [word for word in newer for text in steps.stored if word in text]
    rows = [row for row in rows_of(rig.services.store) if any(word in row for word in newer)]
    assert len(rows) == 1
    assert rig.study not in rows[0]
    assert rig.order().digest not in rows[0]


def test_a_cancelled_job_leaves_nothing_behind(rig: Rig) -> None:
    job = rig.job()
    job.check()
    job.fetch()
    assert left_in(rig)
    job.abandon()
    assert left_in(rig) == []
    assert rig.release().reason == "The job was cancelled."


def test_another_study_of_the_patient_has_the_same_pseudonym(rig: Rig) -> None:
    rig.run()
    rig.made = objects(seed=1)
    rig.receive()
    rig.run()
    assert rig.release().pseudonym == "ANON00001"


def certificate_in(rig: Rig) -> Certificate:
    kept = ReleaseFiles(rig.services.data).read(rig.release().release_id, "certificate.json")
    assert kept is not None
    return opened(kept).certificate


def test_the_certificate_has_the_digests_of_what_came_back(rig: Rig) -> None:
    rig.run()
    certificate = certificate_in(rig)
    held = {
        uid: hashlib.sha256(content + b"relabelled").hexdigest()
        for uid, content in rig.destination.held.items()
    }
    assert {PurePosixPath(one.path).stem: one.sha256_stored for one in certificate.study.files} == held
    assert certificate.delivery is not None
    assert certificate.delivery.read_back is not None
    assert certificate.delivery.read_back.identical == 0


def test_objects_that_are_of_an_earlier_release_alone_are_told(rig: Rig) -> None:
    rig.run()
    rig.orthanc.delete(rig.orthanc.instance_ids(rig.study)[0])
    assert rig.run() == {"outcome": "certified", "instances": 2}
    told = "1 object stands there that this certificate does not cover"
    assert rig.release().reason.startswith(told)
    parts = dict(fact for part in told_in_words(certificate_in(rig)) for fact in part.facts)
    assert parts["Besides"].startswith(told)


class AnHourLater(datetime):
    """The time in an hour."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> AnHourLater:
        later = datetime.now(tz) + timedelta(hours=1)
        return cls.fromtimestamp(later.timestamp(), tz)


def test_what_was_taken_away_is_delivered_anew_with_another_certificate(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.run()
    first = rig.release().certificate_sha256
    rig.destination.held.clear()
    rig.destination.attached.clear()
    for module in (deidentify_study, release_certificate):
        monkeypatch.setattr(module, "datetime", AnHourLater)
    rig.run()
    release = rig.release()
    assert (len(rig.destination.held), len(rig.destination.attached)) == (3, 2)
    assert release.certificate_sha256 == certificate_in(rig).digest != first
