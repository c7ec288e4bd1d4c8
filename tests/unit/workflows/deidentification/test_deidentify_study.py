"""A study leaves whole and once, whatever cuts its job off."""

from __future__ import annotations

import shutil
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from orthanc_plugins.audit.codes import Outcome
from orthanc_plugins.errors import (
    ArchiveRefused,
    ArchiveUnavailable,
    KeyUnusable,
    ReleaseRefused,
    StoreError,
)
from orthanc_plugins.store import ReleaseState
from orthanc_plugins.workflows import deidentification_workflows
from orthanc_plugins.workflows.deidentify_study import StudyDeidentification
from tests.unit.release.studies import objects
from tests.unit.workflows.deidentification.seen import events, left_in
from tests.unit.workflows.deidentification.steps import KilledError, RecordingSteps

if TYPE_CHECKING:
    from tests.unit.workflows.deidentified import Rig


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


@pytest.mark.parametrize("step", ["fetch", "release", "deliver", "certify", "record"])
def test_a_full_disk_leaves_nothing_behind_and_with_room_again_all_goes_on(
    rig: Rig, steps: RecordingSteps, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise StoreError("The disk of the data directory is full: make room there.")

    with monkeypatch.context() as crowded:
        crowded.setattr(StudyDeidentification, step, full)
        with pytest.raises(StoreError):
            rig.run()
    assert left_in(rig) == []
    assert rig.release().state is ReleaseState.FAILED
    assert (len(rig.destination.held) == 0) == (step in {"fetch", "release", "deliver"})
    assert rig.run()["outcome"] == "certified"
    assert len(rig.destination.held) == 3
    assert rig.release().state is ReleaseState.CERTIFIED


@pytest.mark.parametrize("step", ["check", "fetch", "release", "deliver"])
def test_without_its_key_in_between_nothing_more_leaves_and_with_it_again_all_goes_on(
    rig: Rig, steps: RecordingSteps, step: str
) -> None:
    steps.killed_in = step
    with pytest.raises(KilledError):
        run_once(rig)
    held = len(rig.destination.held)
    key = rig.custodian.folder / "trial.pseudonyms.key"
    kept = key.rename(key.with_suffix(".kept"))
    steps.restart()
    with pytest.raises(KeyUnusable, match="pacs project create trial"):
        run_once(rig)
    assert len(rig.destination.held) == held == (3 if step == "deliver" else 0)
    assert rig.destination.attached == {}
    assert left_in(rig) == []
    kept.rename(key)
    assert rig.run()["outcome"] == "certified"
    assert len(rig.destination.held) == 3
    assert len([one for one in events(rig, outcome=Outcome.SUCCESS) if one["kind"] == "export"]) == 1
