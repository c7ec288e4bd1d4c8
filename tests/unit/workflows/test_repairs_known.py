"""What a repair changed in an archive, and what undoing it took out, is in the inventory at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.store import RepairState
from orthanc_plugins.synchronisation import Rounds
from tests.unit.workflows.repaired import DCM4CHEE, World

if TYPE_CHECKING:
    from orthanc_plugins.store import StudyPair


def pair(world: World) -> StudyPair:
    return world.services.store.inventory.pairs([world.study_uid])[world.study_uid]


def test_what_a_repair_copied_is_known_at_once(world: World) -> None:
    world.add(world.orthanc)
    Rounds(world.services).run("first", "schedule")
    assert pair(world).differences
    repair_id = world.plan()
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert pair(world).differences == frozenset()
    newest = world.services.store.inventory.events().entries[0]
    assert (newest.archive, newest.run_id) == ("dcm4chee", f"repair:{repair_id}")


def test_what_undoing_a_repair_took_out_has_its_tombstone_at_once(world: World) -> None:
    world.add(world.orthanc)
    Rounds(world.services).run("first", "schedule")
    repair_id = world.plan()
    world.apply(repair_id)
    assert world.undo(repair_id).state is RepairState.UNDONE
    held = pair(world).right
    assert held is not None
    assert held.instance_count == 3
    tombstone = world.services.store.inventory.buried(DCM4CHEE, [world.study_uid])[world.study_uid]
    assert len(tombstone.keys) == 1


def test_a_whole_study_that_undoing_took_out_has_its_tombstone_at_once(world: World) -> None:
    for uid in world.uids:
        world.dcm4chee.lose(uid)
    Rounds(world.services).run("first", "schedule")
    repair_id = world.plan()
    world.apply(repair_id)
    assert world.undo(repair_id).state is RepairState.UNDONE
    assert pair(world).right is None
    assert world.services.store.inventory.buried(DCM4CHEE, [world.study_uid])[world.study_uid].whole
