"""The history of the inventory: what changed when, and the rounds that found it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import LEFT, RIGHT, ArchiveRun, EventFilter, EventKind, SyncRun
from tests.contract.holdings import FIRST, LATER, NOW, SECOND, STUDY, holding

if TYPE_CHECKING:
    from orthanc_plugins.store import Inventory


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
