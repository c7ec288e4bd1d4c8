"""What a person decides of a held object is done to exactly that object, and overrides nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from orthanc_plugins.deid.pixels import Box, Reading
from orthanc_plugins.deid.profile import load_profile
from orthanc_plugins.release import Project, State, looking, release, sorted_studies
from orthanc_plugins.release.decisions import Decision, content_token
from orthanc_plugins.rules.holds import Decide, Hold, Why
from tests.builders import ImageFrame, build_case
from tests.unit.deid.pixels.pictures import LightFinder
from tests.unit.release.studies import ANNE, write

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from orthanc_plugins.release import Outcome

LIGHT, TEXT, OTHER = 3000, (slice(5, 12), slice(8, 40)), Box(50, 50, 60, 60)
SHOWN = frozenset({Hold.RECOGNISABLE, Hold.TEXT})


@dataclass
class Held:
    """A study whose first image says that a person can be recognised, and has a text."""

    project: Project
    folder: Path
    made: list[FileDataset] = field(default_factory=list)

    @property
    def token(self) -> str:
        return content_token(self.project.pseudonyms, (self.folder / "a0.dcm").read_bytes())

    def release(self, decision: Decision | None = None, *, out: str = "out") -> Outcome:
        (study,) = sorted_studies([self.folder]).studies
        decisions = {} if decision is None else {self.token: decision}
        return release(study, self.project, self.folder.parent / out, decisions=decisions)

    def first(self, outcome: Outcome) -> FileDataset:
        uid = self.project.pseudonyms.uid(self.made[0].SOPInstanceUID)
        (file,) = (one for one in outcome.files if one.path.endswith(f"{uid}.dcm"))
        return dcmread(self.folder.parent / "out" / file.path)


def decision(decide: Decide, holds: frozenset[Hold] = SHOWN, **more: Any) -> Decision:
    return Decision(decide, holds, "ann", datetime(2026, 11, 30, tzinfo=UTC), Why.NO_IDENTITY, **more)


@pytest.fixture
def finder(monkeypatch: pytest.MonkeyPatch) -> LightFinder:
    made = LightFinder()
    monkeypatch.setattr(looking, "rapid_finder", lambda: made)
    return made


@pytest.fixture
def held(tmp_path: Path, project: Project, finder: LightFinder) -> Held:
    case = build_case(frame=ImageFrame(size=(3, 64, 64)), regions=2, identity=ANNE)
    first = case.images[0]
    first.RecognizableVisualFeatures = "YES"
    values = first.pixel_array.copy()
    values[:] = 0
    values[TEXT] = LIGHT
    first.PixelData = values.tobytes()
    one = Held(project, tmp_path / "given", [*case.images, case.structure_set])
    write(one.folder, one.made)
    return one


def test_what_holds_an_object_is_told_of_it_and_nothing_leaves(held: Held) -> None:
    outcome = held.release()
    assert outcome.state is State.HELD
    (one,) = outcome.held
    assert one.sop_instance_uid == held.project.pseudonyms.uid(held.made[0].SOPInstanceUID)
    assert one.holds == (Hold.RECOGNISABLE,)
    holds, boxes = looking.holds_of(one.original.read_bytes(), held.project.profile, lambda _: False)
    assert set(holds) == SHOWN
    assert boxes == (Box(4, 1, 44, 16),)
    assert outcome.files == []


def test_a_persons_box_is_painted_beside_what_is_found(held: Held) -> None:
    outcome = held.release(decision(Decide.MASK, boxes=(OTHER,)))
    assert (outcome.state, outcome.reason, outcome.masked) == (State.RELEASED, "", 1)
    new, old = held.first(outcome).pixel_array, held.made[0].pixel_array
    assert LIGHT not in new
    assert (old[50:60, 50:60] == new[50:60, 50:60]).all()  # it was dark before
    assert held.first(outcome).BurnedInAnnotation == "NO"
    assert [one.decision.decide for one in outcome.decisions] == [Decide.MASK]


def test_a_persons_box_covers_what_no_finder_sees(held: Held, finder: LightFinder) -> None:
    finder.is_blind = True
    outcome = held.release(decision(Decide.MASK, boxes=(Box(8, 5, 40, 12),)))
    assert outcome.state is State.RELEASED
    assert LIGHT not in held.first(outcome).pixel_array


def test_what_may_pass_leaves_as_it_is_and_is_not_said_to_be_clean(held: Held) -> None:
    outcome = held.release(decision(Decide.PASS))
    assert (outcome.state, outcome.reason, outcome.looked_at) == (State.RELEASED, "", 0)
    new = held.first(outcome)
    assert new.PixelData == held.made[0].PixelData
    assert "BurnedInAnnotation" not in new
    assert "113101" not in [item.CodeValue for item in new.DeidentificationMethodCodeSequence]


def test_a_known_identity_in_the_pixels_does_not_pass(held: Held, finder: LightFinder) -> None:
    finder.says = Reading("ZOLTANYI", 0.3)
    outcome = held.release(decision(Decide.PASS, SHOWN | {Hold.IDENTITY}))
    assert (outcome.state, outcome.files) == (State.HELD, [])
    assert outcome.held[0].holds == (Hold.IDENTITY,)
    assert "repeat an identity" in outcome.reason
    assert "oltanyi" not in outcome.reason.lower()
    assert held.release(decision(Decide.MASK, boxes=(OTHER,))).state is State.RELEASED


def test_a_known_identity_that_a_person_did_not_mask_is_held(
    held: Held, finder: LightFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder.says = Reading("Zoltanyi", 0.3)
    held.project = replace(held.project, engine=replaced_profile(held.project, mask="identity"))
    monkeypatch.setattr("orthanc_plugins.deid.pixels.cleaning.is_identity", lambda _: False)
    outcome = held.release(decision(Decide.MASK, boxes=(OTHER,)))
    assert (outcome.state, outcome.held[0].holds) == (State.HELD, (Hold.IDENTITY,))


def replaced_profile(project: Project, **pixels: Any) -> Any:
    profile = project.profile
    changed = profile.model_copy(update={"pixels": profile.pixels.model_copy(update=pixels)})
    return type(project.engine)(changed, project.pseudonyms, "1.2.3")


@pytest.mark.parametrize("holds", [frozenset({Hold.TEXT}), frozenset({Hold.RECOGNISABLE}), frozenset()])
def test_a_pass_settles_no_rule_that_the_person_was_not_shown(held: Held, holds: frozenset[Hold]) -> None:
    outcome = held.release(decision(Decide.PASS, holds))
    assert outcome.state is State.HELD
    assert set(outcome.held[0].holds) == SHOWN - holds


def test_a_changed_object_needs_a_new_decision(held: Held) -> None:
    decisions = {held.token: decision(Decide.PASS)}
    held.made[0].ImageComments = "written anew"
    write(held.folder, held.made)
    (study,) = sorted_studies([held.folder]).studies
    assert release(study, held.project, held.folder.parent / "out", decisions=decisions).state is State.HELD


def test_what_is_left_out_does_not_leave_and_the_rest_does(held: Held) -> None:
    outcome = held.release(decision(Decide.LEAVE_OUT))
    assert (outcome.state, outcome.reason, len(outcome.files)) == (State.RELEASED, "", 3)
    uid = held.project.pseudonyms.uid(held.made[0].SOPInstanceUID)
    assert not [one for one in outcome.files if uid in one.path]
    assert [one.sop_instance_uid for one in outcome.decisions] == [uid]


def test_a_study_of_which_all_is_left_out_is_not_released(held: Held) -> None:
    for path in held.folder.glob("a[123].dcm"):
        path.unlink()
    outcome = held.release(decision(Decide.LEAVE_OUT))
    assert (outcome.state, outcome.files) == (State.REFUSED, [])
    assert "All objects are left out" in outcome.reason


def test_a_head_that_a_profile_refuses_passes_by_a_decision_alone_and_is_flagged(
    held: Held, custody: Path
) -> None:
    for one in held.made:
        one.BodyPartExamined = "HEAD"
    write(held.folder, held.made[:1])
    for path in held.folder.glob("a[123].dcm"):
        path.unlink()
    profile = load_profile("research_rt").model_copy(update={"faces": "refuse"})
    held.project = Project.opened("trial", custody, profile, "1.2.3")
    masked = held.release(decision(Decide.MASK, SHOWN | {Hold.FACE}, boxes=(OTHER,)))
    assert (masked.state, masked.held[0].holds) == (State.HELD, (Hold.RECOGNISABLE, Hold.FACE))
    passed = held.release(decision(Decide.PASS, SHOWN | {Hold.FACE}))
    assert (passed.state, passed.reason) == (State.RELEASED, "")
    assert sum(passed.faces.values()) == 2


def test_bits_that_no_picture_shows_are_cleared_though_it_passes(held: Held) -> None:
    first = held.made[0]
    values = first.pixel_array.copy().astype("u2")
    values[0, 0] |= 0x8000
    first.BitsStored, first.HighBit, first.PixelRepresentation = 12, 11, 0
    first.PixelData = values.tobytes()
    write(held.folder, held.made)
    outcome = held.release(decision(Decide.PASS))
    assert (outcome.state, outcome.reason) == (State.RELEASED, "")
    assert held.first(outcome).PixelData == (values & 0x0FFF).tobytes()
