"""Tombstones of what has gone from an archive: buried, held, proven, lifted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.identifiers import OrthancId, StudyUid
from orthanc_plugins.store import LEFT, RIGHT, Absence, Hold, Tombstone
from tests.contract.holdings import FIRST, LATER, NOW, SECOND, STUDY, holding, key

if TYPE_CHECKING:
    from orthanc_plugins.store import Inventory


def test_what_disappears_is_buried_with_its_instances(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1, 2)], FIRST)
    inventory.remove(LEFT, [STUDY], SECOND)
    buried = inventory.buried(LEFT, [STUDY])
    assert buried == {
        STUDY: Tombstone(
            LEFT,
            STUDY,
            whole=True,
            keys=frozenset({key(1), key(2)}),
            kind="deleted",
            noted_at=LATER,
            noted_by="somebody",
            proven=frozenset({key(1), key(2)}),
            held_at=NOW,
        )
    }
    assert buried[STUDY].covers(key(7))
    assert inventory.buried(RIGHT, [STUDY]) == {}


def test_instances_that_go_are_buried_and_those_that_stay_are_not(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1, 2, 3)], FIRST)
    inventory.put(LEFT, [holding(STUDY, 2, 3)], SECOND)
    inventory.put(LEFT, [holding(STUDY, 3)], SECOND)
    tombstone = inventory.buried(LEFT, [STUDY])[STUDY]
    assert (tombstone.whole, tombstone.keys) == (False, frozenset({key(1), key(2)}))
    assert tombstone.covers(key(1))
    assert not tombstone.covers(key(3))


def test_a_study_that_comes_back_in_part_keeps_the_rest_buried(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1, 2, 3)], FIRST)
    inventory.remove(LEFT, [STUDY], SECOND)
    inventory.put(LEFT, [holding(STUDY, 2)], SECOND)
    tombstone = inventory.buried(LEFT, [STUDY])[STUDY]
    assert (tombstone.whole, tombstone.keys) == (False, frozenset({key(1), key(3)}))
    inventory.put(LEFT, [holding(STUDY, 1, 2, 3)], SECOND)
    assert inventory.buried(LEFT, [STUDY]) == {}
    (lifted,) = inventory.tombstones(lifted=True).entries
    assert (lifted.lifted_at, lifted.lifted_by) == (LATER, "reappeared")


def test_nothing_is_buried_unless_it_is_asked_for(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding("1", 1, 2), holding("2", 1)], FIRST)
    inventory.put(LEFT, [holding("1", 1)], FIRST)
    inventory.remove(LEFT, [StudyUid("2")], FIRST)
    assert inventory.tombstones().total == 0


def test_a_tombstone_is_lifted_by_a_person(inventory: Inventory) -> None:
    stone = Tombstone(LEFT, STUDY, whole=True, keys=frozenset(), kind="rejected", noted_at=NOW, noted_by="x")
    inventory.bury(stone)
    inventory.bury(replace(stone, archive=RIGHT))
    assert inventory.lift(LEFT, [STUDY, StudyUid("9")], at=LATER, by="Jo") == 1
    assert inventory.lift(LEFT, [STUDY], at=LATER, by="Jo") == 0
    assert inventory.buried(LEFT, [STUDY]) == {}
    (lifted,) = inventory.tombstones(archive=LEFT).entries
    assert (lifted.lifted_at, lifted.lifted_by) == (LATER, "Jo")
    assert not lifted.covers(key(1))
    assert set(inventory.buried(RIGHT, [STUDY])) == {STUDY}
    assert inventory.tombstones(study_uid=STUDY).total == 2
    assert inventory.tombstones(lifted=False).total == 1


def test_what_is_proven_of_some_instances_is_not_told_of_others(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1, 2, 3)], FIRST)
    unknown = replace(SECOND, bury="disappeared")
    inventory.put(LEFT, [holding(STUDY, 2, 3)], unknown)
    inventory.prove(LEFT, {STUDY: frozenset({key(1), key(9)}), StudyUid("9"): None}, Absence.DELETED)
    assert inventory.buried(LEFT, [STUDY])[STUDY].told is Absence.DELETED
    inventory.put(LEFT, [holding(STUDY, 3)], unknown)
    tombstone = inventory.buried(LEFT, [STUDY])[STUDY]
    assert (tombstone.told, tombstone.held_at) == (Absence.DISAPPEARED, NOW)
    assert [tombstone.kind_of(key(one)) for one in (1, 2)] == [Absence.DELETED, Absence.DISAPPEARED]
    inventory.prove(LEFT, {STUDY: None}, Absence.DELETED)
    assert inventory.buried(LEFT, [STUDY])[STUDY].told is Absence.DELETED


@pytest.mark.parametrize("bury", [False, True])
def test_what_is_held_waits_for_a_decision(inventory: Inventory, bury: bool) -> None:
    inventory.put(LEFT, [holding("1", 1), holding("2", 2)], FIRST)
    inventory.remove(LEFT, [StudyUid("1"), StudyUid("2")], replace(SECOND, bury="held"))
    inventory.settle(inventory.unsettled())
    assert inventory.holds() == {LEFT: Hold(LEFT, LATER, 2)}
    assert inventory.end_hold(RIGHT, bury=bury, at=LATER, by="Jo") == 0
    assert inventory.end_hold(LEFT, bury=bury, at=LATER, by="Jo") == 2
    assert inventory.holds() == {}
    held = inventory.buried(LEFT, [StudyUid("1"), StudyUid("2")])
    assert {one.told for one in held.values()} == ({Absence.DECIDED} if bury else set())
    assert set(inventory.unsettled()) == (set() if bury else {StudyUid("1"), StudyUid("2")})


def test_of_a_deletion_told_twice_the_newer_counts(inventory: Inventory) -> None:
    inventory.note_deletions([OrthancId("a"), OrthancId("b"), OrthancId("a")], NOW)
    inventory.note_deletions([OrthancId("b")], LATER)
    inventory.note_deletions([], LATER)
    assert inventory.deletions(["a", "b", "c"]) == {"a": NOW, "b": LATER}
    assert inventory.forget_deletions(LATER) == 1
    assert inventory.deletions(["a", "b"]) == {"b": LATER}


def test_what_was_lifted_does_not_come_back_with_a_new_tombstone(inventory: Inventory) -> None:
    stone = Tombstone(LEFT, STUDY, False, frozenset({key(1)}), "deleted", NOW, "x")
    inventory.bury(stone)
    inventory.lift(LEFT, [STUDY], at=LATER, by="Jo")
    inventory.bury(replace(stone, keys=frozenset({key(2)})))
    assert inventory.buried(LEFT, [STUDY])[STUDY].keys == frozenset({key(2)})
