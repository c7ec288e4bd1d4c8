"""What does not leave: held, refused, or stopped before anything is fetched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.audit.codes import Outcome
from orthanc_plugins.errors import (
    CustodyError,
    HeldForReview,
    KeyUnusable,
    PacsSuiteError,
    ProfileError,
    ReleaseRefused,
)
from orthanc_plugins.release import Outcome as Released
from orthanc_plugins.release import State
from orthanc_plugins.workflows import release_making
from tests.unit.workflows.deidentification.seen import events, left_in
from tests.unit.workflows.deidentified import PROJECT, SETTINGS, Rig, new_rig

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest
    from tests.unit.workflows.deidentification.steps import RecordingSteps


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
        release_making, "release", lambda *_, **__: Released(state, instances=3, reason="Look at 3.")
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


def test_settings_that_call_patients_otherwise_than_was_fixed_stop_the_job(
    services: Services, orthanc: FakeOrthancRest, steps: RecordingSteps
) -> None:
    rig = new_rig(services, orthanc, steps)
    changed = {PROJECT: SETTINGS.model_copy(update={"patients": "keyed"})}
    chosen = replace(rig.services.deidentification, projects=changed)
    rig.services = replace(rig.services, deidentification=chosen)
    with pytest.raises(CustodyError, match="are numbered, and keyed is asked for"):
        rig.run()
