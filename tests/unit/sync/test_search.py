"""Ranges of dates are halved until what differs is found, whatever differs where."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.sync import search
from orthanc_plugins.sync.search import FIRST, LAST, Scales, Sums, ranges_that_differ

if TYPE_CHECKING:
    from orthanc_plugins.archives.base import DateRange

type Days = dict[str, list[int]]
"""Instances of each study of a date."""


class World:
    """Two sides, and how often the archive was asked."""

    def __init__(self, archive: Days, inventory: Days) -> None:
        self.archive = archive
        self.inventory = inventory
        self.asked = 0

    def search(self) -> list[DateRange | None]:
        scales = Scales(self._count, lambda first, last: sums(self.inventory, first, last), self._middle)
        return list(ranges_that_differ(scales, sums(self.archive), sums(self.inventory)))

    def _count(self, dates: DateRange) -> Sums:
        self.asked += 1
        return sums(self.archive, dates.first or "", dates.last or "~")

    def _middle(self, first: str, last: str) -> str | None:
        days = [day for day in sorted(self.inventory) if first <= day <= last and self.inventory[day]]
        return days[(len(days) - 1) // 2] if len(days) > 1 else None


def sums(days: Days, first: str = "", last: str = "~") -> Sums:
    chosen = [studies for day, studies in days.items() if first <= day <= last]
    return Sums(sum(map(len, chosen)), sum(map(sum, chosen)))


def day(number: int) -> str:
    return (date(2010, 1, 1) + timedelta(days=number)).strftime("%Y%m%d")


DATES = st.integers(0, 400).map(day) | st.sampled_from(["", FIRST, LAST])
SIDES = st.dictionaries(DATES, st.lists(st.integers(1, 3), min_size=1, max_size=4), max_size=12)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SMALL", 3)


@given(SIDES, SIDES)
def test_every_day_that_differs_in_its_sums_alone_is_in_a_range_told(archive: Days, changed: Days) -> None:
    inventory = archive | changed
    world = World(archive, inventory)
    found = world.search()
    differing = {day for day in inventory if sums(archive, day, day) != sums(inventory, day, day)}
    if len(differing) == 1:  # what differs on several days may look the same in sums
        (one,) = differing
        if one:
            assert [dates for dates in found if dates and (dates.first or "") <= one <= (dates.last or "")]
        else:
            assert found == [None]
    if not differing:
        assert found == []


def test_sides_that_meet_are_counted_once() -> None:
    days: Days = {day(number): [1, 2] for number in range(300)}
    world = World(days, days)
    assert world.search() == []
    assert world.asked == 1


@pytest.mark.parametrize("studies", [100, 10_000])
def test_one_change_is_found_with_few_questions(studies: int) -> None:
    archive: Days = {day(number): [5] for number in range(studies)}
    inventory = archive | {day(studies // 3): [5, 1]}
    world = World(archive, inventory)
    (found,) = world.search()
    assert found is not None
    assert (found.first or "") <= day(studies // 3) <= (found.last or "")
    assert world.asked < 18


def test_a_day_of_many_studies_is_one_range() -> None:
    world = World({day(1): [1] * 50}, {day(1): [1] * 51})
    (found,) = world.search()
    assert found is not None
    assert found.first == found.last == day(1)


def test_a_study_without_a_date_is_told_by_itself() -> None:
    archive: Days = {"": [1], day(1): [1]}
    assert World(archive, {**archive, "": [2]}).search() == [None]


def test_dates_that_are_none_do_not_stop_the_search() -> None:
    archive: Days = {"20261399": [1, 1, 1], "20260101": [1, 1], "20270101": [1, 1]}
    world = World(archive, {**archive, "20270101": [1, 2]})
    assert any(dates and (dates.first or "") <= "20270101" <= (dates.last or "") for dates in world.search())
