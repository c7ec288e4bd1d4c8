"""Repairs between a real Orthanc and DCM4CHEE's stand-in, whether or not its copies can be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.store import RepairState
from orthanc_plugins.workflows import repair_jobs
from tests.contract.repair_pair import Pair, pair_of
from tests.standin import running_plain_orthanc, running_standin
from tests.standin_objects import build_object, content_of
from tests.unit.workflows.repaired import DCM4CHEE, ORTHANC, DurableSteps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.standin import PlainOrthanc, StandIn


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainOrthanc]:
    with running_plain_orthanc(tmp_path_factory.mktemp("orthanc")) as plain:
        yield plain


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """What plays DCM4CHEE as it is installed: it keeps its first copy of whatever is sent again."""
    with running_standin(tmp_path_factory.mktemp("keeps")) as standin:
        yield standin


@pytest.fixture(scope="module")
def overwriting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """What plays DCM4CHEE with dcmOverwritePolicy ALWAYS."""
    with running_standin(tmp_path_factory.mktemp("overwrites"), overwrite_policy="ALWAYS") as standin:
        yield standin


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> DurableSteps:
    steps = DurableSteps()
    monkeypatch.setattr(repair_jobs, "run_step", steps)
    return steps


@pytest.fixture
def keeping(orthanc: PlainOrthanc, standin: StandIn, tmp_path: Path, steps: DurableSteps) -> Iterator[Pair]:
    pair = pair_of(orthanc, standin, tmp_path / "data", steps)
    yield pair
    pair.services.close()


@pytest.fixture
def pair(orthanc: PlainOrthanc, overwriting: StandIn, tmp_path: Path, steps: DurableSteps) -> Iterator[Pair]:
    pair = pair_of(orthanc, overwriting, tmp_path / "data", steps)
    yield pair
    pair.services.close()


def test_copies_go_both_ways_and_are_taken_back(keeping: Pair) -> None:
    keeping.fill(4)
    keeping.lose(ORTHANC, keeping.uids[0])
    structure = content_of(
        build_object(StudyInstanceUID=keeping.study_uid, Modality="RTSTRUCT", PatientID=patient_id(keeping))
    )
    keeping.send(ORTHANC, structure)
    before = {name: keeping.contents(name) for name in ArchiveName}
    repair_id = keeping.plan()
    targets = [(one.kind.value, one.target, one.modality) for one in keeping.plan_of(repair_id).actions]
    assert targets == [("copy", DCM4CHEE, "RTSTRUCT"), ("copy", ORTHANC, "CT")]
    record = keeping.apply(repair_id)
    assert (record.state, record.done) == (RepairState.VERIFIED, 2), keeping.told(repair_id)
    assert keeping.equal()
    assert keeping.undo(repair_id).state is RepairState.UNDONE
    assert {name: keeping.contents(name) for name in ArchiveName} == before


def patient_id(pair: Pair) -> str:
    return str(pair.read(ORTHANC, pair.uids[-1]).PatientID)


def test_attributes_are_put_right_on_both_sides_and_back_byte_for_byte(pair: Pair) -> None:
    pair.fill()
    pair.alter(ORTHANC, pair.uids[0], SliceThickness="3", ImageComments="checked")
    pair.alter(ORTHANC, pair.uids[1], SliceThickness="9")
    before = {name: pair.contents(name) for name in ArchiveName}
    repair_id = pair.plan(default="prefer_dcm4chee", attributes={"ImageComments": "prefer_orthanc"})
    record = pair.apply(repair_id)
    assert record.state is RepairState.VERIFIED, (record, pair.told(repair_id))
    assert str(pair.read(ORTHANC, pair.uids[0]).SliceThickness) == "2.50"
    assert pair.read(DCM4CHEE, pair.uids[0]).ImageComments == "checked"
    untouched = pair.uids[2]
    assert pair.content(ORTHANC, untouched) == before[ORTHANC][untouched]
    undone = pair.undo(repair_id)
    assert (undone.state, undone.error_message) == (RepairState.UNDONE, None), pair.told(repair_id)
    assert pair.contents(ORTHANC) == before[ORTHANC]
    assert pair.contents(DCM4CHEE) == before[DCM4CHEE]


def test_an_archive_that_keeps_its_first_copies_says_what_to_do(keeping: Pair) -> None:
    keeping.fill()
    keeping.alter(ORTHANC, keeping.uids[0], SliceThickness="3")
    repair_id = keeping.plan(default="prefer_orthanc")
    record = keeping.apply(repair_id)
    assert (record.state, record.failed) == (RepairState.FAILED, 1)
    assert "dcmOverwritePolicy" in keeping.told(repair_id)[0][2]
    assert str(keeping.read(DCM4CHEE, keeping.uids[0]).SliceThickness) == "2.50"


@pytest.mark.parametrize("kind", ["keeping", "pair"])
def test_attributes_of_patient_and_study_are_changed_where_dcm4chee_holds_them(
    kind: str, request: pytest.FixtureRequest
) -> None:
    pair: Pair = request.getfixturevalue(kind)
    pair.fill()
    for uid in pair.uids:
        pair.alter(ORTHANC, uid, PatientName="Müller^Änne", StudyDescription="Abdomen", PatientSex="O")
    repair_id = pair.plan(default="prefer_orthanc")
    record = pair.apply(repair_id)
    assert record.state is RepairState.VERIFIED, (record, pair.told(repair_id))
    held = pair.read(DCM4CHEE, pair.uids[1])
    assert (str(held.PatientName), held.StudyDescription, held.PatientSex) == ("Müller^Änne", "Abdomen", "O")
    undone = pair.undo(repair_id)
    assert undone.state is RepairState.UNDONE, undone
    held = pair.read(DCM4CHEE, pair.uids[1])
    assert (str(held.PatientName), held.StudyDescription) == ("Doe^Jane", "Thorax")


@pytest.mark.parametrize("kind", ["keeping", "pair"])
def test_a_study_description_of_one_instance_is_not_given_to_all(
    kind: str, request: pytest.FixtureRequest
) -> None:
    pair: Pair = request.getfixturevalue(kind)
    pair.fill()
    pair.alter(ORTHANC, pair.uids[0], StudyDescription="Re-sent")
    before = pair.contents(DCM4CHEE)
    repair_id = pair.plan(default="prefer_orthanc")
    (action,) = pair.plan_of(repair_id).actions
    assert (action.kind.value, action.options) == ("manual", ("dcm4chee", "leave"))
    assert pair.apply(repair_id).state is RepairState.PARTLY
    assert pair.contents(DCM4CHEE) == before
    assert pair.services.store.repairs.decide(repair_id, 1, "dcm4chee", "Jo")
    record = pair.apply(repair_id)
    assert record.state is RepairState.VERIFIED, (record, pair.told(repair_id))
    assert pair.equal()


def test_a_patient_id_is_put_right_in_orthanc_and_not_in_dcm4chee(keeping: Pair) -> None:
    keeping.fill(2)
    right = patient_id(keeping)
    for uid in keeping.uids:
        keeping.alter(ORTHANC, uid, PatientID="WRONG")
    before = keeping.contents(ORTHANC)
    repair_id = keeping.plan(default="prefer_dcm4chee")
    record = keeping.apply(repair_id)
    assert record.state is RepairState.VERIFIED, (record, keeping.told(repair_id))
    assert patient_id(keeping) == right
    assert len(keeping.archive(ORTHANC).instances(keeping.study_uid)) == 2
    assert keeping.undo(repair_id).state is RepairState.UNDONE
    assert keeping.contents(ORTHANC) == before
    other = keeping.plan(default="prefer_orthanc")
    assert keeping.apply(other).state is RepairState.PARTLY
    assert [one.kind.value for one in keeping.plan_of(other).actions] == ["manual"]
    assert keeping.read(DCM4CHEE, keeping.uids[0]).PatientID == right


def test_pixels_are_replaced_whole_and_undone(pair: Pair) -> None:
    pair.fill()
    pair.alter(ORTHANC, pair.uids[0], PixelData=bytes(128))
    damaged = pair.content(ORTHANC, pair.uids[0])
    repair_id = pair.plan(pixel="prefer_dcm4chee")
    record = pair.apply(repair_id)
    assert record.state is RepairState.VERIFIED, pair.told(repair_id)
    assert pair.read(ORTHANC, pair.uids[0]).PixelData == bytes(range(128))
    assert pair.undo(repair_id).state is RepairState.UNDONE
    assert pair.content(ORTHANC, pair.uids[0]) == damaged


def test_what_was_rejected_does_not_come_back_by_a_copy(keeping: Pair) -> None:
    """DCM4CHEE takes a rejected object with 200 and throws it away: nothing is believed that is not seen."""
    keeping.fill()
    keeping.lose(DCM4CHEE, keeping.uids[0])
    assert [kind for kind, *_ in keeping.told(keeping.plan())] == ["blocked"]
    repair_id = keeping.plan(deleted="copy")
    record = keeping.apply(repair_id)
    assert (record.state, record.failed) == (RepairState.FAILED, 1)
    held = {one.sop_instance_uid for one in keeping.archive(DCM4CHEE).instances(keeping.study_uid)}
    assert SopInstanceUid(keeping.uids[0]) not in held
