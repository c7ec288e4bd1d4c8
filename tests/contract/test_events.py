"""What happened last, and what the archives received: the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import JobId, OrthancId, SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.store import (
    LEFT,
    RIGHT,
    DayOfArchive,
    EventPlace,
    ModalitiesHeld,
    ReleaseState,
    ResultRecord,
    StructureSubject,
    TransferState,
)
from tests.contract.holdings import FIRST, NOW, SECOND, STUDY, holding
from tests.contract.ledger import request

if TYPE_CHECKING:
    from orthanc_plugins.store import Store


def _published(store: Store, number: int, problems: int = 0) -> None:
    subject = StructureSubject(
        StudyUid("1.2"), SeriesUid("1.3"), SopInstanceUid(f"1.4.{number}"), OrthancId(f"set-{number}")
    )
    store.publish_result(ResultRecord(subject, JobId("j"), "f", 3, problems, NOW))


def test_each_part_of_the_suite_tells_what_happened(store: Store) -> None:
    store.inventory.put(LEFT, [holding(STUDY, 1, 2)], FIRST)
    store.transfers.request(request())
    store.transfers.end("t", TransferState.FAILED)
    store.releases.begin("A" * 32, "trial", "basic")
    store.releases.note("A" * 32, ReleaseState.HELD, study_uid="2.25.1")
    _published(store, 1, problems=2)
    store.heartbeat("one", 1, NOW)
    told = {(one.source, one.outcome): one for one in store.events.newest(10)}
    assert set(told) == {
        ("inventory", "appeared"),
        ("transfer", "failed"),
        ("release", "held"),
        ("results", "with_problems"),
        ("worker", "started"),
    }
    appeared = told["inventory", "appeared"]
    assert (appeared.at, appeared.study_uid) == (NOW, STUDY)
    assert appeared.values == {"archive": LEFT, "instances_before": 0, "instances_after": 2}
    assert told["release", "held"].study_uid is None
    assert told["results", "with_problems"].values["regions"] == 3


def test_pages_hold_each_event_once_also_at_one_moment_and_while_more_happens(store: Store) -> None:
    store.inventory.put(LEFT, [holding(f"1.{number}", 1) for number in range(12)], FIRST)
    for number in range(12):
        _published(store, number)
    store.heartbeat("one", 1, NOW)
    seen: list[tuple[str, str]] = []
    place = None
    while page := store.events.newest(4, place):
        seen += [(one.source, one.key) for one in page]
        place = EventPlace(page[-1].at, page[-1].source, page[-1].key)
        store.inventory.put(RIGHT, [holding(f"9.{len(seen)}", 1, archive=RIGHT)], SECOND)
    assert len(seen) == len(set(seen)) == 25
    whole = store.events.newest(100)
    assert [one.at for one in whole] == sorted((one.at for one in whole), reverse=True)


def test_what_came_is_counted_by_archive_and_day(store: Store) -> None:
    night = NOW.replace(hour=23, minute=59)
    store.inventory.put(LEFT, [holding("1", 1, 2), holding("2", 1)], replace(FIRST, at=night))
    store.inventory.put(LEFT, [holding("1", 1, 2, 3)], replace(FIRST, at=night + timedelta(minutes=2)))
    store.inventory.remove(LEFT, ["2"], replace(FIRST, at=night + timedelta(minutes=2)))  # type: ignore[list-item]
    store.inventory.put(RIGHT, [holding("1", 1, archive=RIGHT)], replace(FIRST, at=night))
    today, tomorrow = (moment.date().isoformat() for moment in (night, night + timedelta(days=1)))
    assert sorted(store.growth.by_day(night), key=lambda one: (one.archive, one.day)) == sorted(
        [
            DayOfArchive(LEFT, today, 2, 3),
            DayOfArchive(LEFT, tomorrow, 0, 1),
            DayOfArchive(RIGHT, today, 1, 1),
        ],
        key=lambda one: (one.archive, one.day),
    )
    assert store.growth.by_day(night + timedelta(minutes=1)) == [DayOfArchive(LEFT, tomorrow, 0, 1)]


def test_what_is_held_is_counted_by_modalities(store: Store) -> None:
    both = replace(holding("3", 1, 2), row=replace(holding("3", 1, 2).row, modalities=("MR",)))
    store.inventory.put(LEFT, [holding("1", 1), holding("2", 1, 2), both], FIRST)
    held = store.growth.by_modalities()
    assert held == [ModalitiesHeld(LEFT, "CT\\RTSTRUCT", 2, 2, 3), ModalitiesHeld(LEFT, "MR", 1, 1, 2)]
