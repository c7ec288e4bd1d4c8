"""Finding what no log of changes told: ranges of study dates whose counts do not meet the inventory's.

A range that does not meet is split where half of its studies lie, until what is left is listed in a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import DateRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALL = 200
"""So many studies are listed rather than split."""

FIRST, LAST = "00010101", "99991231"
"""The range of all dates; studies without one are outside."""


@dataclass(frozen=True)
class Sums:
    """Studies and instances."""

    studies: int
    instances: int

    def __sub__(self, other: Sums) -> Sums:
        return Sums(self.studies - other.studies, self.instances - other.instances)


@dataclass(frozen=True)
class Scales:
    """The two sides of a range of dates: what the archive counts, and what the inventory holds.

    ``middle`` gives the date by which half of the inventory's studies of a range are, None without one.
    """

    archive: Callable[[DateRange], Sums]
    inventory: Callable[[str, str], Sums]
    middle: Callable[[str, str], str | None]


def ranges_that_differ(scales: Scales, archive: Sums, inventory: Sums) -> Iterator[DateRange | None]:
    """Yield ranges of dates that hold a difference, and None when studies without a date do.

    Parameters
    ----------
    scales
        How ranges are counted on both sides.
    archive, inventory
        What both sides hold altogether.

    Raises
    ------
    ArchiveRefused
        The archive does not count by dates.
    """
    counted, held = scales.archive(DateRange(FIRST, LAST)), scales.inventory(FIRST, LAST)
    if archive - counted != inventory - held:
        yield None
    waiting = [(FIRST, LAST, counted, held)]
    while waiting:
        first, last, counted, held = waiting.pop()
        if counted == held:
            continue
        if first == last or max(counted.studies, held.studies) <= SMALL:
            yield DateRange(first, last)
            continue
        middle, after = _split(first, last, scales.middle(first, last))
        low_counted = scales.archive(DateRange(first, middle))
        low_held = scales.inventory(first, middle)
        waiting.append((after, last, counted - low_counted, held - low_held))
        waiting.append((first, middle, low_counted, low_held))


def _split(first: str, last: str, wanted: str | None) -> tuple[str, str]:
    """Return the last day of the lower part and the first of the upper one, both within the range."""
    low, high = _day(first), _day(last)
    try:
        middle = _day(wanted or "")
    except ValueError:  # none, or no date that there is
        middle = high
    if not low <= middle < high:
        middle = low + (high - low) // 2
    return _text(middle), _text(middle + timedelta(days=1))


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a date has no zone


def _text(day: date) -> str:
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"
