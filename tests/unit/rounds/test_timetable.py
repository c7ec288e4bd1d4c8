"""Rounds by the clock: each interval, each night, and what a killed worker has left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from orthanc_plugins.services import Synchronisation
from orthanc_plugins.store import SyncRun
from orthanc_plugins.synchronisation import RoundOutcome, Timetable
from tests.unit.holdings import LEFT, NOW, RIGHT, known

if TYPE_CHECKING:
    from orthanc_plugins.services import Services


class Hours:
    """A clock that a test sets, and the rounds that are done by it."""

    def __init__(self, services: Services, **options: Any) -> None:
        self.now = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
        self.done: list[str] = []
        self.away: set[str] = set()
        self._inventory = services.store.inventory
        chosen = Synchronisation(**options)
        self.timetable = Timetable(cast("Any", self), self._inventory, chosen, lambda: self.now)

    def run(self, run_id: str, cause: str) -> RoundOutcome:
        self.done.append(cause)
        self._inventory.begin_run(SyncRun(run_id, cause, self.now))
        for archive in {LEFT, RIGHT} - self.away if cause == "nightly" else ():
            self._inventory.arrive(archive, "1", self.now, full_pass=True)
        return RoundOutcome(run_id, "succeeded")

    def keep(self, **later: float) -> float | None:
        self.now += timedelta(**later)
        return self.timetable.keep()


def test_a_round_is_done_each_interval_by_whichever_worker_asks_first(joined: Services) -> None:
    hours, other = Hours(joined, interval_s=60), Hours(joined, interval_s=60)
    assert hours.keep() is None
    other.now = hours.now
    assert other.keep(seconds=20) == pytest.approx(40)
    assert hours.keep(seconds=61) is None
    assert (hours.done, other.done) == (["schedule", "schedule"], [])


def test_each_night_everything_is_listed_once(joined: Services) -> None:
    known(joined.store, LEFT)
    hours = Hours(joined, interval_s=60, nightly_at="02:00")
    hours.now = NOW
    hours.keep()
    for _ in range(3 * 24):
        hours.keep(hours=1)
    assert hours.done.count("nightly") == 3
    assert hours.keep(seconds=30) is not None


def test_a_night_that_failed_on_one_side_is_made_up_for(joined: Services) -> None:
    known(joined.store, LEFT, RIGHT)
    hours = Hours(joined, interval_s=60, nightly_at="02:00")
    hours.now = NOW.replace(hour=2) + timedelta(days=1)
    hours.away = {RIGHT}
    hours.keep()
    assert hours.done == ["nightly"]
    joined.store.inventory.fail(RIGHT, "It does not answer.")
    hours.keep(hours=3)
    assert hours.done == ["nightly", "schedule"]  # it could not be listed either
    joined.store.inventory.arrive(RIGHT, "2", hours.now)
    hours.keep(minutes=2)
    hours.away = set()
    hours.keep(minutes=2)
    hours.keep(minutes=30)
    assert hours.done == ["nightly", "schedule", "nightly", "schedule", "schedule"]
    hours.keep(minutes=30)
    assert hours.done[5:] == ["nightly"]
    hours.keep(hours=2)
    assert hours.done[6:] == ["schedule"]


def test_a_night_whose_worker_was_killed_is_made_up_for(joined: Services) -> None:
    known(joined.store, LEFT, RIGHT)
    hours = Hours(joined, interval_s=60, nightly_at="02:00")
    hours.now = NOW.replace(hour=2, minute=30) + timedelta(days=1)
    joined.store.inventory.begin_run(SyncRun("killed", "nightly", hours.now - timedelta(minutes=29)))
    hours.keep()
    hours.keep(minutes=40)
    assert hours.done == ["schedule", "nightly"]


def test_a_first_listing_is_not_followed_by_a_nightly_one_at_once(joined: Services) -> None:
    hours = Hours(joined, nightly_at="02:00")
    hours.keep()
    assert hours.done == ["schedule"]


def test_a_clock_that_was_set_back_does_not_stop_the_rounds(joined: Services) -> None:
    hours = Hours(joined, interval_s=60)
    hours.keep()
    hours.keep(days=-3)
    assert hours.done == ["schedule", "schedule"]
