"""Repairs of which the study changes meanwhile, whose worker is killed, or whose archive goes away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import ArchiveUnavailable, RepairError
from orthanc_plugins.store import RepairFiles, RepairState
from tests.unit.workflows.repaired import (
    DCM4CHEE,
    ORTHANC,
    POLICY,
    DeletingArchive,
    DurableSteps,
    KilledError,
    World,
    contents,
    damage,
    equal,
    killed_at,
    new_world,
)

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services
    from orthanc_plugins.store import RepairRecord


# Changes meanwhile


@pytest.mark.parametrize("where", [ORTHANC, DCM4CHEE])
@pytest.mark.parametrize("what", ["attribute", "pixels", "lost", "added", "repaired by hand"])
def test_either_side_changed_since_the_plan_nothing_is_done(
    world: World, where: ArchiveName, what: str
) -> None:
    world.alter(world.dcm4chee, world.uids[0], PatientSex="M")
    repair_id = world.plan(default="prefer_orthanc")
    archive = world.archive(where)
    if what == "attribute":
        world.alter(archive, world.uids[1], PatientSex="O")
    elif what == "pixels":
        world.alter(archive, world.uids[0], PixelData=bytes(128))
    elif what == "lost":
        archive.lose(world.uids[2])
    elif what == "added":
        world.add(archive)
    else:
        source = world.archive(where.other)
        world.put(archive, world.uids[0], source.content(world.uids[0]))
    with pytest.raises(RepairError, match="has changed since the repair was planned"):
        world.apply(repair_id)
    record = world.record(repair_id)
    assert (record.state, record.done) == (RepairState.FAILED, 0)
    assert "Compare it again" in (record.error_message or "")
    assert "replace" not in world.dcm4chee.requests
    assert world.repairs.changes(repair_id) == []


def test_a_copy_changed_by_someone_else_in_the_middle_is_left_alone(world: World) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")
    last = world.uids[-1]

    def interfere(method: str) -> None:
        if method == "replace":
            world.dcm4chee.faults.hook = None
            world.alter(world.dcm4chee, last, StudyID="someone else's", SliceThickness="3")
            world.alter(world.orthanc, last, StudyID="both at once", SliceThickness="2.5")

    world.dcm4chee.faults.hook = interfere
    record = world.apply(repair_id)
    assert record.state is RepairState.PARTLY
    assert world.read(world.dcm4chee, last).StudyID == "someone else's"
    assert world.read(world.orthanc, last).StudyID == "both at once"


def test_plan_files_that_were_changed_are_not_applied(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], PatientSex="M")
    repair_id = world.plan(default="prefer_orthanc")
    files = RepairFiles(world.services.data)
    content = files.read(repair_id, "plan")
    assert content is not None
    content["actions"][0]["target"] = "orthanc"
    files.write(repair_id, "plan", content)
    with pytest.raises(RepairError, match="not those that were planned"):
        world.apply(repair_id)
    files.write(repair_id, "plan", {"actions": []})
    with pytest.raises(RepairError, match="damaged"):
        world.apply(repair_id)


def test_a_study_that_a_transfer_holds_is_left_alone(world: World) -> None:
    world.orthanc.lose(world.uids[0])
    repair_id = world.plan()
    assert world.services.store.leases.acquire(f"study:{world.study_uid}", "a transfer", timedelta(minutes=5))
    with pytest.raises(RepairError, match="ask again later"):
        world.apply(repair_id)
    assert world.record(repair_id).state is RepairState.FAILED
    world.services.store.leases.release(f"study:{world.study_uid}", "a transfer")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.services.store.leases.holder(f"study:{world.study_uid}") is None


# Cut off


def test_killed_at_any_point_it_goes_on_and_does_nothing_twice(
    services: Services, tmp_path: Path, steps: DurableSteps
) -> None:
    for number in range(1, 200, 3):
        orthanc = DeletingArchive(ArchiveName.ORTHANC, overwrites=True)
        dcm4chee = DeletingArchive(ArchiveName.DCM4CHEE, overwrites=True)
        world = new_world(services, tmp_path, steps, orthanc, dcm4chee)
        world.fill()
        damage(world)
        repair_id = world.plan(**POLICY)
        hook = killed_at(number)
        orthanc.faults.hook = dcm4chee.faults.hook = hook
        try:
            world.apply(repair_id)
        except KilledError:
            orthanc.faults.hook = dcm4chee.faults.hook = None
            steps.restart()
            record = world.go_on_applying(repair_id)
            assert (record.state, record.done) == (RepairState.VERIFIED, 5), number
            assert equal(world)
            _assert_nothing_lost(world)
            continue
        assert number > 40, "it was hardly ever cut off"
        return
    raise AssertionError("It never came to its end.")


def _assert_nothing_lost(world: World) -> None:
    assert world.orthanc.held() == world.dcm4chee.held() == set(world.uids)
    for archive in (world.orthanc, world.dcm4chee):
        assert all(
            len(world.read(archive, uid).get("OriginalAttributesSequence", [])) <= 1 for uid in world.uids
        )


def test_undoing_killed_at_any_point_goes_on(services: Services, tmp_path: Path, steps: DurableSteps) -> None:
    for number in range(1, 200, 3):
        orthanc = DeletingArchive(ArchiveName.ORTHANC, overwrites=True)
        dcm4chee = DeletingArchive(ArchiveName.DCM4CHEE, overwrites=True)
        world = new_world(services, tmp_path, steps, orthanc, dcm4chee)
        world.fill()
        damage(world)
        before = contents(world)
        repair_id = world.plan(**POLICY)
        world.apply(repair_id)
        orthanc.faults.hook = dcm4chee.faults.hook = killed_at(number)
        try:
            world.undo(repair_id)
        except KilledError:
            orthanc.faults.hook = dcm4chee.faults.hook = None
            steps.restart()
            assert world.go_on_undoing(repair_id).state is RepairState.UNDONE, number
            assert contents(world) == before
            continue
        assert number > 20, "it was hardly ever cut off"
        return
    raise AssertionError("It never came to its end.")


@pytest.mark.parametrize("down_after", [1, 3])
def test_an_archive_that_goes_down_in_the_middle_leaves_a_repair_that_can_go_on(
    world: World, down_after: int
) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")
    left = [down_after]

    def go_down(method: str) -> None:
        left[0] -= method == "replace"
        world.dcm4chee.faults.down = left[0] <= 0

    world.dcm4chee.faults.hook = go_down
    with pytest.raises(ArchiveUnavailable):
        world.apply(repair_id)
    record = world.record(repair_id)
    assert (record.state, record.error_name) == (RepairState.PARTLY, "ArchiveUnavailable")
    assert record.done == down_after - 1
    world.dcm4chee.faults.hook, world.dcm4chee.faults.down = None, False
    record = world.apply(repair_id)
    assert (record.state, record.done) == (RepairState.VERIFIED, 3)
    assert equal(world)


def test_an_archive_that_is_down_at_the_end_leaves_it_applied_and_not_verified(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")

    def go_down(method: str) -> None:
        if method == "studies" and "replace" in world.dcm4chee.requests:
            world.dcm4chee.faults.down = True

    world.dcm4chee.faults.hook = go_down
    record = world.apply(repair_id)
    assert (record.state, record.done) == (RepairState.APPLIED, 1)
    world.dcm4chee.faults.hook, world.dcm4chee.faults.down = None, False
    assert world.apply(repair_id).state is RepairState.VERIFIED


def test_a_broken_connection_loses_and_doubles_nothing(world: World) -> None:
    for uid in world.uids:
        world.dcm4chee.lose(uid)
    world.dcm4chee.faults.breaks_after = 1
    repair_id = world.plan()
    try:
        record: RepairRecord = world.apply(repair_id)
    except ArchiveUnavailable:
        record = world.record(repair_id)
    assert record.state in {RepairState.FAILED, RepairState.PARTLY, RepairState.VERIFIED}
    world.dcm4chee.faults.breaks_after = None
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.dcm4chee.held() == set(world.uids)
