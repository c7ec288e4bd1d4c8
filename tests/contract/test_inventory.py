"""The inventory of what an archive holds, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import (
    LEFT,
    RIGHT,
    EventKind,
    Hold,
    InventoryTotals,
    StudyChange,
    StudyFilter,
    Tombstone,
)
from tests.contract.holdings import FIRST, LATER, NOW, SECOND, STUDY, holding, key, plant

if TYPE_CHECKING:
    from orthanc_plugins.store import Inventory


# What an archive holds


def test_what_is_put_in_is_there_as_it_was(inventory: Inventory) -> None:
    put = holding(STUDY, 3, 1, archive_key="k", revision="r")
    assert inventory.put(LEFT, [put], FIRST) == [StudyChange(STUDY, EventKind.APPEARED, 0, 2)]
    assert inventory.rows(LEFT, [STUDY, StudyUid("9")]) == {STUDY: put.row}
    assert inventory.rows(RIGHT, [STUDY]) == {}
    assert inventory.keys(LEFT, STUDY) == key(1) + key(3)
    assert inventory.keys(RIGHT, STUDY) is None
    assert inventory.studies_of_keys(LEFT, ["k", "other"]) == {"k": STUDY}


def test_a_change_tells_which_instances_came_and_went(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1, 2, 3)], FIRST)
    changes = inventory.put(LEFT, [holding(STUDY, 2, 3, 4, 5, at=LATER)], SECOND)
    come, gone = (key(4), key(5)), (key(1),)
    assert changes == [StudyChange(STUDY, EventKind.CHANGED, 3, 4, come=come, gone=gone)]
    assert inventory.keys(LEFT, STUDY) == b"".join(map(key, (2, 3, 4, 5)))


def test_what_is_unchanged_is_not_told_and_keeps_when_it_changed(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1)], FIRST)
    assert inventory.put(LEFT, [holding(STUDY, 1, at=LATER, pass_number=2)], SECOND) == []
    row = inventory.rows(LEFT, [STUDY])[STUDY]
    assert (row.changed_at, row.listed_at, row.pass_number) == (NOW, LATER, 2)
    inventory.put(LEFT, [holding(STUDY, 1, at=LATER, attributes="other")], SECOND)
    assert inventory.rows(LEFT, [STUDY])[STUDY].changed_at == LATER


def test_a_study_told_twice_is_one_study(inventory: Inventory) -> None:
    changes = inventory.put(LEFT, [holding(STUDY, 1), holding(STUDY, 1, 2)], FIRST)
    assert changes == [StudyChange(STUDY, EventKind.APPEARED, 0, 2)]
    assert inventory.totals(LEFT) == InventoryTotals(1, 1, 2)


def test_totals_follow_every_change_by_date(inventory: Inventory) -> None:
    inventory.put(
        LEFT,
        [
            holding("1", 1, 2, date=""),
            holding("2", 3, date="20260101", series=2),
            holding("3", 4, 5, date="20260301"),
        ],
        FIRST,
    )
    inventory.put(RIGHT, [holding("1", 1, archive=RIGHT)], FIRST)
    assert inventory.totals(LEFT) == InventoryTotals(3, 4, 5)
    assert inventory.totals(LEFT, "20260101", "20260228") == InventoryTotals(1, 2, 1)
    assert inventory.totals(LEFT, "", "") == InventoryTotals(1, 1, 2)
    assert inventory.totals(LEFT, "2", "~") == InventoryTotals(2, 3, 3)
    assert list(inventory.rows_of_dates(LEFT, "20260101", "20260228")) == ["2"]
    inventory.put(LEFT, [holding("2", 3, 6, date="20260301")], FIRST)
    inventory.remove(LEFT, [StudyUid("1")], FIRST)
    assert inventory.totals(LEFT, "20260101", "20260228") == InventoryTotals(0, 0, 0)
    assert inventory.totals(LEFT, "20260301", "20260301") == InventoryTotals(2, 2, 4)
    assert inventory.totals(LEFT) == InventoryTotals(2, 2, 4)
    assert inventory.totals(RIGHT) == InventoryTotals(1, 1, 1)


def test_what_a_pass_did_not_see_is_told_page_by_page(inventory: Inventory) -> None:
    assert inventory.begin_pass(LEFT) == 1
    inventory.put(LEFT, [holding(str(number), 1) for number in range(1, 6)], FIRST)
    assert inventory.begin_pass(LEFT) == 2
    inventory.seen(LEFT, [StudyUid("2"), StudyUid("4")], 2, LATER)
    assert inventory.unseen(LEFT, 2, limit=2) == ["1", "3"]
    assert inventory.unseen(LEFT, 2, limit=2, after=StudyUid("3")) == ["5"]
    row = inventory.rows(LEFT, [StudyUid("2")])[StudyUid("2")]
    assert (row.pass_number, row.listed_at) == (2, LATER)


def test_more_studies_than_one_statement_takes(inventory: Inventory) -> None:
    many = [holding(f"1.{number}", number) for number in range(1201)]
    assert len(inventory.put(LEFT, many, FIRST)) == 1201
    uids = [one.row.study_uid for one in many]
    assert set(inventory.rows(LEFT, uids)) == set(uids)
    inventory.seen(LEFT, uids, 2, LATER)
    assert inventory.unseen(LEFT, 2) == []
    assert len(inventory.remove(LEFT, uids, FIRST)) == 1201
    assert inventory.totals(LEFT) == InventoryTotals(0, 0, 0)


def test_writers_at_the_same_time_count_rightly(inventory: Inventory) -> None:
    def write(number: int) -> None:
        for turn in range(5):
            shared = holding("shared", *range(number + turn + 1))
            inventory.put(LEFT, [shared, holding(f"1.{number}", *range(turn))], FIRST)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    rows = inventory.rows(LEFT, [StudyUid("shared"), *(StudyUid(f"1.{number}") for number in range(4))])
    assert len(rows) == 5
    expected = sum(row.instance_count for row in rows.values())
    assert inventory.totals(LEFT) == InventoryTotals(5, 5, expected)


# How far an archive is known


def test_an_archive_is_incomplete_until_a_pass_over_it_came_to_its_end(inventory: Inventory) -> None:
    assert inventory.position(LEFT).state == "incomplete"
    inventory.begin_pass(LEFT)
    inventory.arrive(LEFT, "cursor 1", NOW)
    assert inventory.position(LEFT).state == "incomplete"
    inventory.arrive(LEFT, "cursor 2", LATER, full_pass=True)
    known = inventory.position(LEFT)
    assert (known.state, known.cursor, known.full_pass_at, known.pass_number) == (
        "current",
        "cursor 2",
        LATER,
        1,
    )
    assert inventory.position(RIGHT).cursor is None


def test_an_archive_that_is_away_keeps_what_was_known_of_it(inventory: Inventory) -> None:
    inventory.arrive(LEFT, "cursor", NOW, full_pass=True)
    inventory.fail(LEFT, "It did not answer.")
    away = inventory.position(LEFT)
    assert (away.state, away.error) == ("unreachable", "It did not answer.")
    assert (away.cursor, away.full_pass_at, away.updated_at) == ("cursor", NOW, NOW)
    inventory.arrive(LEFT, "cursor", LATER)
    assert (inventory.position(LEFT).state, inventory.position(LEFT).error) == ("current", "")


def test_an_archive_that_moved_is_known_anew_and_that_is_told_while_anything_is_held(
    inventory: Inventory,
) -> None:
    for _ in range(2):
        inventory.ask_at(RIGHT, "http://one")
    known = inventory.position(RIGHT)
    assert (known.address, known.former_address, known.is_of("http://one")) == ("http://one", None, False)
    inventory.arrive(RIGHT, "cursor", NOW, full_pass=True)
    assert [inventory.position(RIGHT).is_of(one) for one in ("http://one", "http://two")] == [True, False]
    for _ in range(2):
        inventory.ask_at(RIGHT, "http://two")
    known = inventory.position(RIGHT)
    assert (known.address, known.former_address, known.is_of("http://two")) == (
        "http://two",
        "http://one",
        False,
    )
    inventory.bury(Tombstone(RIGHT, STUDY, True, frozenset(), "held", NOW, "archive"))
    inventory.arrive(RIGHT, "cursor", LATER, full_pass=True)
    assert inventory.position(RIGHT).is_of("http://two")
    assert inventory.holds() == {RIGHT: Hold(RIGHT, NOW, 1, "http://two", "http://one")}
    inventory.end_hold(RIGHT, bury=False, at=LATER, by="Jo")
    inventory.arrive(RIGHT, "cursor", LATER)
    assert inventory.position(RIGHT).former_address is None


# Privacy


def test_no_record_shows_a_patient(inventory: Inventory) -> None:
    plant(inventory)
    shown = [repr(one) for one in inventory.differing()]
    shown += [repr(inventory.patients()), repr(holding(STUDY, 1)), repr(StudyFilter(patient_id="P2"))]
    for text in shown:
        assert not any(secret in text for secret in ("Müller", "Doe", "P2", "P1", "20260101"))
