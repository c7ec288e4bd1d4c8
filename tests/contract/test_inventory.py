"""The inventory of both archives, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthanc_plugins.identifiers import OrthancId, StudyUid
from orthanc_plugins.store import (
    LEFT,
    RIGHT,
    Absence,
    ArchiveRun,
    ContentCheck,
    EventFilter,
    EventKind,
    Hold,
    Holding,
    InventoryDifference,
    InventoryRow,
    InventorySummary,
    InventoryTotals,
    Presence,
    SideState,
    Store,
    StudyChange,
    StudyFilter,
    SyncRun,
    Tombstone,
    Writing,
    create_store_engine,
    migrate,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.store import Inventory

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
FIRST = Writing("run 1", NOW)
SECOND = Writing("run 2", LATER, bury="deleted", by="somebody")
STUDY = StudyUid("1.2.3")


def key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def holding(
    uid: str = STUDY,
    *numbers: int,
    archive: str = LEFT,
    attributes: str = "same",
    patient: str = "P1",
    name: str = "Müller^Änne",
    date: str = "20260102",
    series: int = 1,
    at: datetime = NOW,
    pass_number: int = 1,
    archive_key: str = "",
    revision: str = "",
) -> Holding:
    keys = b"".join(key(number) for number in sorted(numbers))
    row = InventoryRow(
        archive=archive,
        study_uid=StudyUid(uid),
        patient_id=patient,
        patient_name=name,
        study_date=date,
        modalities=("CT", "RTSTRUCT"),
        series_count=series,
        instance_count=len(numbers),
        contents_digest=f"digest of {keys.hex()}",
        attributes_digest=attributes,
        revision=revision,
        archive_key=archive_key,
        listed_at=at,
        changed_at=at,
        pass_number=pass_number,
    )
    return Holding(row, keys)


@pytest.fixture
def inventory(database: str) -> Iterator[Inventory]:
    engine = create_store_engine(database)
    migrate(engine)
    store = Store(engine)
    yield store.inventory
    store.close()


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


# Both against each other


def plant(inventory: Inventory) -> None:
    left = [
        holding("1", 1, 2, date="20260101"),
        holding("2", 1, 2, 3, date="20260102", patient="P2", name="Doe^John"),
        holding("3", 1, 2, date="20260103"),
        holding("4", 1, 2, date="20260104", patient="P2", name="Doe^John"),
        holding("5", 1, 2, date="20260105", patient="P_%", name="100 %"),
    ]
    right = [
        holding("1", 1, 2, archive=RIGHT, date="20260101"),
        holding("2", 1, 2, archive=RIGHT, date="20260102", patient="P2", name="DOE^JON"),
        holding("3", 1, 9, archive=RIGHT, date="20260103"),
        holding("4", 1, 2, archive=RIGHT, attributes="other", date="20260104", patient="P3"),
        holding("6", 1, 2, archive=RIGHT, date="20260106", patient="P6", name="Ünal^Öz"),
    ]
    inventory.put(LEFT, left, FIRST)
    inventory.put(RIGHT, right, FIRST)


D = InventoryDifference
FOUND = {
    "2": frozenset({D.COUNT}),
    "3": frozenset({D.CONTENTS}),
    "4": frozenset({D.ATTRIBUTES}),
    "5": frozenset({D.ONLY_LEFT}),
    "6": frozenset({D.ONLY_RIGHT}),
}


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


# History


def test_every_change_is_in_the_history(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1)], FIRST)
    inventory.put(LEFT, [holding(STUDY, 1, 2)], SECOND)
    inventory.remove(LEFT, [STUDY], SECOND)
    changes = inventory.put(LEFT, [holding(STUDY, 1)], FIRST)
    assert [change.kind for change in changes] == [EventKind.RESTORED]
    page = inventory.events()
    told = [(one.kind, one.instances_before, one.instances_after, one.run_id) for one in page.entries]
    assert told == [
        (EventKind.RESTORED, 0, 1, "run 1"),
        (EventKind.DISAPPEARED, 2, 0, "run 2"),
        (EventKind.CHANGED, 1, 2, "run 2"),
        (EventKind.APPEARED, 0, 1, "run 1"),
    ]
    assert page.total == 4
    assert (page.entries[1].at, page.entries[3].at) == (LATER, NOW)


def test_the_history_is_searched(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding("1", 1), holding("2", 1)], FIRST)
    inventory.put(RIGHT, [holding("1", 1, archive=RIGHT)], SECOND)
    assert inventory.events(EventFilter(study_uid=StudyUid("1"))).total == 2
    assert inventory.events(EventFilter(study_uid=StudyUid("1"), archive=LEFT)).total == 1
    assert inventory.events(EventFilter(run_id="run 2")).total == 1
    assert inventory.events(EventFilter(kind=EventKind.CHANGED)).total == 0
    assert len(inventory.events(limit=1, offset=2).entries) == 1


def test_a_first_inventory_is_no_news(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding(STUDY, 1)], replace(FIRST, note=False))
    assert inventory.events().total == 0


def test_rounds_are_kept_with_what_they_did(inventory: Inventory) -> None:
    run = SyncRun("a", "schedule", NOW)
    inventory.begin_run(run)
    assert inventory.run("a") == run
    left = ArchiveRun(LEFT, "log", 10, 1, 2, 3, requests=4, seconds=0.5)
    right = ArchiveRun(RIGHT, "listing", error="It is away.")
    inventory.note_archive_run("a", right)
    inventory.note_archive_run("a", left)
    ended = replace(run, ended_at=LATER, state="partial", differing=7, transfers_asked=2)
    inventory.end_run(ended)
    inventory.begin_run(SyncRun("b", "nightly", LATER))
    page = inventory.runs()
    assert page.entries == (SyncRun("b", "nightly", LATER), replace(ended, archives=(left, right)))
    assert page.total == 2
    assert inventory.runs(cause="schedule").total == 1
    assert inventory.run("c") is None
    assert inventory.newest_run() == inventory.run("b")
    assert inventory.newest_run(("schedule", "request")) == inventory.run("a")
    assert inventory.newest_run(("request",)) is None


def test_a_round_that_was_cut_off_begins_anew(inventory: Inventory) -> None:
    inventory.begin_run(SyncRun("a", "schedule", NOW))
    inventory.note_archive_run("a", ArchiveRun(LEFT, "log"))
    inventory.begin_run(SyncRun("a", "schedule", LATER))
    assert inventory.run("a") == SyncRun("a", "schedule", LATER)


def test_old_history_is_struck_out(inventory: Inventory) -> None:
    inventory.put(LEFT, [holding("1", 1)], FIRST)
    inventory.put(LEFT, [holding("2", 1)], SECOND)
    inventory.begin_run(SyncRun("old", "schedule", NOW))
    inventory.note_archive_run("old", ArchiveRun(LEFT, "log"))
    inventory.begin_run(SyncRun("new", "schedule", LATER))
    assert inventory.forget_history(LATER) == 1
    assert [event.study_uid for event in inventory.events().entries] == ["2"]
    assert [run.run_id for run in inventory.runs().entries] == ["new"]


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


# Tombstones


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


# Comparisons of content


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


# Privacy


def test_no_record_shows_a_patient(inventory: Inventory) -> None:
    plant(inventory)
    shown = [repr(one) for one in inventory.differing()]
    shown += [repr(inventory.patients()), repr(holding(STUDY, 1)), repr(StudyFilter(patient_id="P2"))]
    for text in shown:
        assert not any(secret in text for secret in ("Müller", "Doe", "P2", "P1", "20260101"))
