"""Repairs are undone byte for byte, and nothing that came after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.store import RepairFiles, RepairState
from orthanc_plugins.sync.actions import Action
from tests.standin_objects import content_of
from tests.unit.workflows.repaired import POLICY, World, contents, damage

if TYPE_CHECKING:
    import pytest


def test_undone_everything_is_as_it_was_byte_for_byte(world: World) -> None:
    damage(world)
    before = contents(world)
    repair_id = world.plan(**POLICY)
    world.apply(repair_id)
    assert contents(world) != before
    record = world.undo(repair_id)
    assert (record.state, record.error_message) == (RepairState.UNDONE, None)
    assert contents(world) == before
    assert set(world.states(repair_id)) == {"undone"}


def test_what_an_older_version_has_repaired_is_undone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(world)
    before = contents(world)
    as_now = Action.to_json
    with monkeypatch.context() as older:
        older.setattr(
            Action,
            "to_json",
            lambda one: {key: value for key, value in as_now(one).items() if key != "caution"},
        )
        repair_id = world.plan(**POLICY)
    world.apply(repair_id)
    assert world.undo(repair_id).state is RepairState.UNDONE
    assert contents(world) == before


def test_the_former_file_is_on_disk_before_the_change_is_made(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    former = world.dcm4chee.content(world.uids[0])
    repair_id = world.plan(default="prefer_orthanc")
    kept: list[bytes] = []

    def look(method: str) -> None:
        if method == "replace":
            files = RepairFiles(world.services.data)
            kept.extend(files.kept(repair_id, one.former) for one in world.repairs.changes(repair_id))

    world.dcm4chee.faults.hook = look
    world.apply(repair_id)
    assert kept == [former]


def test_what_was_changed_after_the_repair_is_not_undone(world: World) -> None:
    for uid in world.uids[:2]:
        world.alter(world.dcm4chee, uid, SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")
    world.apply(repair_id)
    world.alter(world.dcm4chee, world.uids[0], StudyID="later")
    record = world.undo(repair_id)
    assert record.state is RepairState.UNDO_FAILED
    assert "changed by someone else since" in (record.error_message or "")
    assert world.read(world.dcm4chee, world.uids[0]).StudyID == "later"
    assert str(world.read(world.dcm4chee, world.uids[1]).SliceThickness) == "3"


def test_what_someone_else_has_corrected_and_recorded_since_is_not_undone(world: World) -> None:
    """A record of a change explains it where an archive coerces by its own rules, and Orthanc does not."""
    world.alter(world.orthanc, world.uids[0], SliceThickness="3")
    repair_id = world.plan(default="prefer_dcm4chee")
    world.apply(repair_id)
    corrected = world.read(world.orthanc, world.uids[0])
    record = corrected.OriginalAttributesSequence[0]
    record.ModifiedAttributesSequence[0].StudyID = corrected.StudyID
    corrected.StudyID = "corrected"
    world.put(world.orthanc, world.uids[0], content_of(corrected))
    assert world.undo(repair_id).state is RepairState.UNDO_FAILED
    assert world.read(world.orthanc, world.uids[0]).StudyID == "corrected"


def test_the_only_copy_left_is_never_taken_out(world: World) -> None:
    world.dcm4chee.lose(world.uids[0])
    repair_id = world.plan()
    world.apply(repair_id)
    world.orthanc.lose(world.uids[0])
    record = world.undo(repair_id)
    assert record.state is RepairState.UNDO_FAILED
    assert world.uids[0] in world.dcm4chee.held()


def test_what_someone_else_has_copied_meanwhile_is_not_taken_out(world: World) -> None:
    world.dcm4chee.lose(world.uids[0])
    repair_id = world.plan()
    record = world.apply(repair_id)
    other = world.add(world.dcm4chee)
    assert record.state is RepairState.VERIFIED
    assert world.undo(repair_id).error_message is not None
    assert other in world.dcm4chee.held()
    assert world.uids[0] not in world.dcm4chee.held()


def test_a_damaged_undo_file_is_not_put_back(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")
    world.apply(repair_id)
    (change,) = world.repairs.changes(repair_id)
    path = world.services.data / "undo" / repair_id / change.former
    path.write_bytes(path.read_bytes()[:-1])
    record = world.undo(repair_id)
    assert record.state is RepairState.UNDO_FAILED
    assert "damaged" in (record.error_message or "")
    assert str(world.read(world.dcm4chee, world.uids[0]).SliceThickness) == "2.50"
