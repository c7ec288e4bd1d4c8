"""Both archives against each other: how they differ, and lists of studies and patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import (
    LEFT,
    RIGHT,
    InventoryDifference,
    InventorySummary,
    InventoryTotals,
    Presence,
    StudyFilter,
)
from tests.contract.holdings import FIRST, FOUND, NOW, D, holding, plant

if TYPE_CHECKING:
    from orthanc_plugins.store import Inventory


def test_every_difference_is_found_and_classed(inventory: Inventory) -> None:
    plant(inventory)
    assert {pair.study_uid: pair.differences for pair in inventory.differing()} == FOUND
    assert [pair.study_uid for pair in inventory.differing(limit=2)] == ["2", "3"]
    assert [pair.study_uid for pair in inventory.differing(after=StudyUid("4"))] == ["5", "6"]
    assert inventory.summary() == InventorySummary(1, 3, 1, 1, count=1, contents=1, attributes=1)
    assert inventory.summary().all_differing == 5


def test_differences_among_some_studies(inventory: Inventory) -> None:
    plant(inventory)
    asked = [StudyUid(uid) for uid in ("1", "3", "6", "7")]
    pairs = inventory.pairs(asked)
    assert {uid for uid, pair in pairs.items() if pair.differences} == {"3", "6"}
    assert set(pairs) == {"1", "3", "6"}
    assert pairs[StudyUid("6")].left is None


UIDS = st.sampled_from([f"1.{number}" for number in range(8)])
SIDE = st.dictionaries(
    UIDS, st.tuples(st.sets(st.integers(1, 4), max_size=3), st.sampled_from("ab"), st.integers(1, 2))
)


def test_any_difference_is_found_and_classed_and_none_is_invented(inventory: Inventory) -> None:
    @settings(max_examples=40)
    @given(SIDE, SIDE)
    def check(left: Side, right: Side) -> None:
        for archive, side in ((LEFT, left), (RIGHT, right)):
            inventory.remove(archive, [StudyUid(f"1.{number}") for number in range(8)], FIRST)
            held = [
                holding(uid, *numbers, archive=archive, attributes=attributes, series=series)
                for uid, (numbers, attributes, series) in side.items()
            ]
            inventory.put(archive, held, FIRST)
        expected = {
            uid: told for uid in left | right if (told := how_they_differ(left.get(uid), right.get(uid)))
        }
        found = list(inventory.differing())
        assert {pair.study_uid: pair.differences for pair in found} == expected
        assert [pair.study_uid for pair in found] == sorted(expected)
        pairs = inventory.pairs(map(StudyUid, left | right))
        assert {uid: pair for uid, pair in pairs.items() if pair.differences} == {
            pair.study_uid: pair for pair in found
        }
        summary = inventory.summary()
        assert summary.all_differing == len(expected)
        assert summary.same == len(left.keys() & right.keys()) - summary.differing
        for presence, kinds in BY_PRESENCE.items():
            listed = {pair.study_uid for pair in inventory.studies(StudyFilter(presence)).entries}
            assert listed == {uid for uid, told in expected.items() if told & kinds}
        for archive, side in ((LEFT, left), (RIGHT, right)):
            sums = (
                len(side),
                sum(one[2] for one in side.values()),
                sum(len(one[0]) for one in side.values()),
            )
            assert inventory.totals(archive) == InventoryTotals(*sums)

    check()


type Side = dict[str, tuple[set[int], str, int]]
BY_PRESENCE = {
    Presence.ONLY_LEFT: {D.ONLY_LEFT},
    Presence.ONLY_RIGHT: {D.ONLY_RIGHT},
    Presence.DIFFERING: {D.COUNT, D.CONTENTS, D.ATTRIBUTES},
}


def how_they_differ(
    left: tuple[set[int], str, int] | None, right: tuple[set[int], str, int] | None
) -> frozenset[InventoryDifference]:
    """Return what is planted, said in another way than the inventory does."""
    if left is None or right is None:
        return frozenset({D.ONLY_LEFT if right is None else D.ONLY_RIGHT})
    planted = set()
    if len(left[0]) != len(right[0]) or left[2] != right[2]:
        planted.add(D.COUNT)
    elif left[0] != right[0]:
        planted.add(D.CONTENTS)
    if left[1] != right[1]:
        planted.add(D.ATTRIBUTES)
    return frozenset(planted)


def test_an_empty_inventory_has_no_difference(inventory: Inventory) -> None:
    assert list(inventory.differing()) == []
    assert inventory.summary() == InventorySummary(0, 0, 0, 0, 0, 0, 0)
    assert inventory.studies().entries == ()
    assert inventory.patients().total == 0


@pytest.mark.parametrize(
    ("presence", "uids"),
    [
        (None, ["6", "5", "4", "3", "2", "1"]),
        (Presence.ONLY_LEFT, ["5"]),
        (Presence.ONLY_RIGHT, ["6"]),
        (Presence.BOTH, ["4", "3", "2", "1"]),
        (Presence.SAME, ["1"]),
        (Presence.DIFFERING, ["4", "3", "2"]),
    ],
)
def test_studies_are_listed_by_where_they_are(
    inventory: Inventory, presence: Presence | None, uids: list[str]
) -> None:
    plant(inventory)
    page = inventory.studies(StudyFilter(presence))
    assert [pair.study_uid for pair in page.entries] == uids
    assert page.total == len(uids)
    part = inventory.studies(StudyFilter(presence), limit=1, offset=len(uids) - 1)
    assert [pair.study_uid for pair in part.entries] == uids[-1:]
    assert part.total == len(uids)


@pytest.mark.parametrize(
    ("wanted", "uids"),
    [
        (StudyFilter(patient_id="P2"), ["4", "2"]),
        (StudyFilter(patient_id="P3"), ["4"]),
        (StudyFilter(patient_id="p2"), []),
        (StudyFilter(search="UNAL oz"), ["6"]),
        (StudyFilter(search="doe*jon"), ["2"]),
        (StudyFilter(search="_%"), ["5"]),
        (StudyFilter(search="%"), ["5"]),
        (StudyFilter(search="*"), ["6", "5", "4", "3", "2", "1"]),
        (StudyFilter(first_date="20260103", last_date="20260105"), ["5", "4", "3"]),
        (StudyFilter(Presence.BOTH, search="muller", last_date="20260103"), ["3", "1"]),
    ],
)
def test_studies_are_found_by_what_either_side_says(
    inventory: Inventory, wanted: StudyFilter, uids: list[str]
) -> None:
    plant(inventory)
    page = inventory.studies(wanted)
    assert ([pair.study_uid for pair in page.entries], page.total) == (uids, len(uids))


def test_patients_are_told_with_where_their_studies_are(inventory: Inventory) -> None:
    plant(inventory)
    page = inventory.patients()
    found = [
        (one.patient_id, one.patient_name, one.studies, one.left_studies, one.right_studies)
        for one in page.entries
    ]
    assert found == [
        ("P1", "Müller^Änne", 2, 2, 2),
        ("P2", "Doe^John", 2, 2, 1),
        ("P3", "Müller^Änne", 1, 0, 1),
        ("P6", "Ünal^Öz", 1, 0, 1),
        ("P_%", "100 %", 1, 1, 0),
    ]
    assert page.total == 5
    assert page.entries[0].listed_at == NOW
    assert [one.patient_id for one in inventory.patients(limit=2, offset=3).entries] == ["P6", "P_%"]
    searched = inventory.patients(search="jon")
    assert [(one.patient_id, one.studies) for one in searched.entries] == [("P2", 2)]
    assert searched.total == 1
