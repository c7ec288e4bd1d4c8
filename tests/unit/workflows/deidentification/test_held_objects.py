"""A release waits for a person, shows what is held, and goes on as the person decides."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from orthanc_plugins.certificates.wording import told
from orthanc_plugins.errors import HeldForReview
from orthanc_plugins.jobs import verify_release_request
from orthanc_plugins.release import looking
from orthanc_plugins.rules.holds import Decide, Hold
from orthanc_plugins.store import ReleaseState, ShownFiles, held_picture
from orthanc_plugins.workflows import release_held
from orthanc_plugins.workflows.deidentification_workflows import run_look
from orthanc_plugins.workflows.look_again import ReleaseLook
from tests.unit.deid.pixels.pictures import LightFinder
from tests.unit.release.studies import SECRETS
from tests.unit.workflows.deidentification.held import decide, held_in, held_objects
from tests.unit.workflows.deidentification.seen import certificate_in, events, left_in
from tests.unit.workflows.deidentified import PROJECT, SETTINGS, Rig, new_rig, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest
    from tests.unit.workflows.deidentification.steps import RecordingSteps

ALLOWED = SETTINGS.model_copy(update={"decisions": (Decide.MASK, Decide.PASS, Decide.LEAVE_OUT)})


@pytest.fixture(autouse=True)
def _quick_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "rapid_finder", LightFinder)


@pytest.fixture
def waiting(services: Services, orthanc: FakeOrthancRest, steps: RecordingSteps) -> Rig:
    """A rig whose release waits for a person."""
    rig = new_rig(services, orthanc, steps, ALLOWED)
    orthanc.empty()
    rig.made = held_objects()
    rig.receive()
    with pytest.raises(HeldForReview):
        rig.run()
    return rig


def picture(rig: Rig, *, boxes: bool = False) -> Path | None:
    name = held_picture(held_in(rig).sop_instance_uid, 1, boxes=boxes)
    return ShownFiles(rig.services.data, "held").path(rig.release().release_id, name)


def test_what_is_held_is_shown_with_and_without_boxes_to_nobody_but_the_suite(waiting: Rig) -> None:
    one = held_in(waiting)
    assert set(one.holds) == {Hold.RECOGNISABLE, Hold.TEXT}
    assert (one.frames, one.rows, one.columns, one.boxes) == (1, 64, 64, ((4, 1, 44, 16),))
    plain, marked = picture(waiting), picture(waiting, boxes=True)
    assert plain is not None
    assert marked is not None
    assert {path.stat().st_mode & 0o077 for path in (plain, marked, plain.parent)} == {0}
    seen = np.asarray(Image.open(io.BytesIO(plain.read_bytes())))
    assert (seen.shape, int(seen[8, 20, 0]), int(seen[30, 30, 0])) == ((64, 64, 3), 255, 0)
    drawn = np.asarray(Image.open(io.BytesIO(marked.read_bytes())))
    assert (drawn[16, 20] == (255, 64, 64)).all()
    assert (drawn[1:16, 4:44] == seen[1:16, 4:44]).all()


def test_a_masked_object_leaves_and_the_certificate_and_the_trail_tell_by_whom(waiting: Rig) -> None:
    decide(waiting, Decide.MASK, boxes=((50, 50, 60, 60),), frames=(1,))
    shown = held_in(waiting)
    assert waiting.run()["outcome"] == "certified"
    certificate = certificate_in(waiting)
    (made,) = certificate.decisions
    assert (made.sop_instance_uid, made.decide, made.by) == (shown.sop_instance_uid, "mask", "ann")
    assert (made.boxes, made.frames, made.why) == (1, (1,), "no_identity")
    (part,) = (one for one in told(certificate) if one.title == "What persons decided")
    assert "1 box painted over in frames 1, by ann" in part.facts[0][1]
    assert "text was found in its pixels" in part.facts[0][1]
    export = events(waiting, outcome=0)[0]
    assert export["evidence"]["counts"]["decision_mask"] == 1
    assert (len(certificate.study.files), certificate.pixels.masked) == (4, 1)


def test_what_waits_no_more_is_shown_no_more(waiting: Rig) -> None:
    decide(waiting, Decide.LEAVE_OUT)
    kept = picture(waiting)
    assert kept is not None
    waiting.run()
    assert not kept.parent.exists()
    assert waiting.services.store.held.page(waiting.release().release_id).total == 0
    certificate = certificate_in(waiting)
    assert len(certificate.study.files) == 3
    assert any("1 instance of the study did not leave" in one for one in certificate.limits)


def test_what_may_pass_leaves_and_is_told_as_judged_by_a_person_alone(waiting: Rig) -> None:
    decide(waiting, Decide.PASS)
    assert waiting.run()["outcome"] == "certified"
    certificate = certificate_in(waiting)
    assert [one.decide for one in certificate.decisions] == ["pass"]
    assert any("1 instance left as they are" in one for one in certificate.limits)


def test_a_pass_that_the_project_allows_no_more_is_none(waiting: Rig) -> None:
    decide(waiting, Decide.PASS)
    chosen = replace(waiting.services.deidentification, projects={PROJECT: SETTINGS})
    waiting.services = replace(waiting.services, deidentification=chosen)
    with pytest.raises(HeldForReview):
        waiting.run()
    assert waiting.release().state is ReleaseState.HELD


def test_a_revoked_decision_is_none(waiting: Rig) -> None:
    decide(waiting, Decide.LEAVE_OUT)
    one = held_in(waiting)
    waiting.services.store.held.revoke(waiting.release().release_id, one.sop_instance_uid)
    with pytest.raises(HeldForReview):
        waiting.run()


def test_a_look_at_what_was_decided_makes_the_same_again(waiting: Rig) -> None:
    decide(waiting, Decide.MASK, boxes=((50, 50, 60, 60),))
    waiting.run()
    waiting.steps.forget()
    job_id = verify_release_request(waiting.order(), "1").job_id
    look = ReleaseLook(waiting.services, waiting.order(), job_id, waiting.destination.opened)
    assert run_look(look)["outcome"] == "as_certified"


def test_what_has_more_frames_than_are_shown_can_only_be_left_out(
    waiting: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_held, "MOST_FRAMES", 0)
    with pytest.raises(HeldForReview):
        waiting.run()
    assert Hold.TOO_MANY_FRAMES in held_in(waiting).holds
    assert picture(waiting) is None


def test_nothing_of_the_patient_is_in_tables_steps_errors_or_names(
    waiting: Rig, steps: RecordingSteps, caplog: pytest.LogCaptureFixture
) -> None:
    decide(waiting, Decide.MASK, boxes=((50, 50, 60, 60),))
    waiting.run()
    uid = str(waiting.made[0].SOPInstanceUID)
    places = [*rows_of(waiting.services.store), *steps.stored, caplog.text, *left_in(waiting)]
    places += [str(path) for path in waiting.services.data.rglob("*")]
    releases = [one for one in places if one.startswith("release")]
    assert len(releases) >= 2
    assert not [one for one in places if any(secret in one for secret in SECRETS)]
    assert not [one for one in releases if uid in one]
