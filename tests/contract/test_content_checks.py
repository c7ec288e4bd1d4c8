"""Comparisons of content, which count until either side changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import (
    LEFT,
    RIGHT,
    ArchivesCoverage,
    ContentCheck,
    InventorySummary,
    Presence,
    SideState,
    StudyFilter,
)
from tests.contract.holdings import FIRST, FOUND, LATER, NOW, STUDY, holding, plant

if TYPE_CHECKING:
    from orthanc_plugins.store import Inventory


def check(uid: str = STUDY, *, left: SideState | None, right: SideState | None) -> ContentCheck:
    return ContentCheck(
        StudyUid(uid),
        NOW,
        left,
        right,
        "content",
        False,
        {"metadata": 2},
        "c1",
        "comparisons/c1.json",
    )


def test_a_comparison_is_current_until_either_side_changes(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1, revision="a")], FIRST)
    inventory.put(RIGHT, [holding(STUDY, 1, archive=RIGHT)], FIRST)
    assert inventory.due_for_check() == [STUDY]
    pair = inventory.pairs([STUDY])[STUDY]
    noted = check(left=SideState.of(pair.left), right=SideState.of(pair.right))
    inventory.note_check(noted)
    assert inventory.checks([STUDY, StudyUid("9")]) == {STUDY: noted}
    assert noted.is_current(pair)
    assert inventory.due_for_check() == []
    inventory.put(LEFT, [holding(STUDY, 1, revision="b")], FIRST)
    assert not noted.is_current(inventory.pairs([STUDY])[STUDY])
    assert inventory.due_for_check() == [STUDY]
    assert inventory.due_for_check(after=STUDY) == []


def test_what_is_known_to_be_equal_is_counted_while_it_is_current(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1, revision="a")], FIRST)
    inventory.put(RIGHT, [holding(STUDY, 1, archive=RIGHT)], FIRST)
    pair = inventory.pairs([STUDY])[STUDY]
    noted = check(left=SideState.of(pair.left), right=SideState.of(pair.right))
    inventory.note_check(noted)
    assert inventory.known_equal() == 0
    inventory.note_check(replace(noted, equal=True))
    assert inventory.known_equal() == 1
    inventory.note_check(replace(noted, equal=True, depth="instance"))
    assert inventory.known_equal() == 0
    inventory.note_check(replace(noted, equal=True))
    inventory.put(LEFT, [holding(STUDY, 1, revision="b")], FIRST)
    assert inventory.known_equal() == 0


def test_what_differs_in_content_alone_counts_and_is_listed(inventory: Inventory) -> None:
    plant(inventory)
    for uid in ("1", "2"):
        pair = inventory.pairs([StudyUid(uid)])[StudyUid(uid)]
        noted = check(uid, left=SideState.of(pair.left), right=SideState.of(pair.right))
        inventory.note_check(noted)
        assert noted.is_unequal_now(pair)
    expected = InventorySummary(0, 4, 1, 1, count=1, contents=1, attributes=1, by_content=1)
    assert inventory.summary() == expected
    found = inventory.studies(StudyFilter(Presence.DIFFERING))
    assert [pair.study_uid for pair in found.entries] == ["4", "3", "2", "1"]
    assert inventory.studies(StudyFilter(Presence.SAME)).total == 0
    assert {pair.study_uid for pair in inventory.differing()} == set(FOUND), "nothing is there to be copied"
    inventory.put(LEFT, [holding("1", 1, 2, date="20260101", revision="b")], FIRST)
    assert inventory.summary() == InventorySummary(1, 3, 1, 1, count=1, contents=1, attributes=1)
    assert inventory.studies(StudyFilter(Presence.SAME)).total == 1


def test_what_was_compared_is_counted_over_all_that_both_archives_hold(inventory: Inventory) -> None:
    plant(inventory)
    extra = ("7", "8", "9", "10")
    inventory.put(LEFT, [holding(uid, 1, 2) for uid in extra], FIRST)
    inventory.put(RIGHT, [holding(uid, 1, 2, archive=RIGHT) for uid in extra], FIRST)
    for uid in ("1", "2", "7", "8", "9", "10"):
        pair = inventory.pairs([StudyUid(uid)])[StudyUid(uid)]
        noted = check(uid, left=SideState.of(pair.left), right=SideState.of(pair.right))
        changes: dict[str, dict[str, Any]] = {
            "7": {"equal": True, "checked_at": LATER},
            "8": {"equal": True},
            "9": {"classes": {}},
            "10": {"equal": True, "depth": "instance"},
        }
        inventory.note_check(replace(noted, **changes.get(uid, {})))
    inventory.note_check(check("5", left=None, right=None))
    inventory.put(LEFT, [holding("7", 1, 2, revision="b")], FIRST)
    counted = ArchivesCoverage(
        only_left=1,
        only_right=1,
        same_instances=6,
        other_instances=2,
        attributes=1,
        equal=1,
        unequal=3,
        changed=1,
        never=3,
        partly=1,
        differing=5,
        by_class={"metadata": 2},
        oldest_equal_at=NOW,
    )
    assert inventory.coverage(["metadata", "pixel"]) == counted
    inventory.put(LEFT, [holding("7", 1, 2)], FIRST)
    again = inventory.coverage()
    assert (again.equal, again.oldest_equal_at, again.changed) == (2, NOW, 0)
    assert again.equal + again.unequal + again.changed + again.never == 8


def test_of_empty_archives_nothing_is_counted(inventory: Inventory) -> None:
    empty = inventory.coverage(["pixel"])
    assert empty == ArchivesCoverage(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {}, None)


def test_a_comparison_with_a_study_that_is_away_on_one_side(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1)], FIRST)
    pair = inventory.pairs([STUDY])[STUDY]
    noted = check(left=SideState.of(pair.left), right=None)
    inventory.note_check(noted)
    assert inventory.checks([STUDY])[STUDY].is_current(pair)
    inventory.put(RIGHT, [holding(STUDY, 1, archive=RIGHT)], FIRST)
    assert not noted.is_current(inventory.pairs([STUDY])[STUDY])
    assert inventory.due_for_check() == [STUDY]


def test_comparisons_are_listed(inventory: Inventory) -> None:
    for uid in ("1", "2"):
        inventory.note_check(check(uid, left=None, right=None))
    inventory.note_check(replace(check("3", left=None, right=None), equal=True))
    assert inventory.check_page().total == 3
    assert [one.study_uid for one in inventory.check_page(equal=True).entries] == ["3"]


def test_comparisons_of_studies_that_neither_archive_holds_are_told_and_struck_out(
    inventory: Inventory,
) -> None:
    inventory.put(LEFT, [holding("1", 1)], FIRST)
    inventory.put(RIGHT, [holding("2", 1, archive=RIGHT)], FIRST)
    for uid in ("1", "2", "3", "4"):
        at = LATER if uid == "4" else NOW
        inventory.note_check(ContentCheck(StudyUid(uid), at, None, None, "content", True, {}, "id", "path"))
    assert inventory.checks_of_absent(LATER) == ["3"]
    inventory.forget_checks([StudyUid("3")])
    assert {check.study_uid for check in inventory.check_page().entries} == {"1", "2", "4"}
