"""When something may run: hours of the day and days of the week, in local time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK = frozenset(range(7))
_SPAN = re.compile(
    r"(?:(?P<first>[A-Za-z]{3})(?:-(?P<last>[A-Za-z]{3}))?\s+)?"
    r"(?P<opens>\d\d:\d\d)\s*-\s*(?P<closes>\d\d:\d\d)"
)
_HOW = "it is written 18:00-06:00, or with days: Mon-Fri 18:00-06:00, Sat-Sun 00:00-24:00"
_MINUTES_OF_DAY = 24 * 60
_DAYS_LOOKED_AT = range(-1, 16)
"""From yesterday, whose evening may last into today, over two weeks: the clock may leave out one hour."""


@dataclass(frozen=True)
class _Span:
    """Hours of some days of the week (0 is Monday), in minutes after midnight; past 1440 is the next day."""

    days: frozenset[int]
    opens: int
    closes: int


@dataclass(frozen=True)
class Window:
    """The hours in which something may run, such as a transfer.

    They are those on the clock of the place: where the clock is put forward, an hour that does not exist is
    no hour of the window, and where it is put back, an hour that comes twice is meant the first time.
    """

    spans: tuple[_Span, ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> Window:
        """Return the window that a text tells, such as ``Mon-Fri 18:00-06:00, Sat-Sun 00:00-24:00``.

        Hours that end before they begin end on the next day; without days they are those of every day.

        Raises
        ------
        ValueError
            The text tells no window; it says how one is written.

        >>> Window.parse("18:00-06:00").text
        '18:00-06:00'
        """
        return cls(tuple(_span(part.strip()) for part in text.split(",")), text)

    def is_open(self, now: datetime, zone: tzinfo | None = None) -> bool:
        """Return whether a time lies in the window; see `opens_at`."""
        return self.hours_at(now, zone) is not None

    def hours_at(self, now: datetime, zone: tzinfo | None = None) -> tuple[datetime, datetime] | None:
        """Return when the hours that a time lies in begin and end, in UTC; None outside; see `opens_at`."""
        around = self._around(now, zone)
        return next(((opens, closes) for opens, closes in around if opens <= now < closes), None)

    def opens_at(self, now: datetime, zone: tzinfo | None = None) -> datetime:
        """Return when the window is next open: ``now`` itself when it is, else a later time, in UTC.

        Parameters
        ----------
        now
            An aware time.
        zone
            Time zone of the window; that of this machine when None.
        """
        around = list(self._around(now, zone))
        if any(opens <= now < closes for opens, closes in around):
            return now.astimezone(UTC)
        return min(opens for opens, closes in around if now < opens < closes)

    def _around(self, now: datetime, zone: tzinfo | None) -> Iterator[tuple[datetime, datetime]]:
        """Yield when the window opens and closes on the days around a time, in UTC."""
        today = now.astimezone(zone).date()
        for offset in _DAYS_LOOKED_AT:
            day = today + timedelta(days=offset)
            for span in self.spans:
                if day.weekday() in span.days:
                    yield _instant(day, span.opens, zone), _instant(day, span.closes, zone)


def _span(text: str) -> _Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"a window is not understood: {_HOW}")
    opens, closes = _minutes(found["opens"]), _minutes(found["closes"])
    if opens in {closes, _MINUTES_OF_DAY}:
        raise ValueError(f"a window opens and closes at the same time: {_HOW}")
    return _Span(_days(found["first"], found["last"]), opens, closes + _MINUTES_OF_DAY * (closes < opens))


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return _WEEK
    begins, ends = _day(first), _day(last or first)
    return frozenset((begins + step) % len(_DAYS) for step in range((ends - begins) % len(_DAYS) + 1))


def _day(name: str) -> int:
    if name.capitalize() not in _DAYS:
        raise ValueError(f"a window names a day that is none of {', '.join(_DAYS)}: {_HOW}")
    return _DAYS.index(name.capitalize())


def _minutes(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    total = hours * 60 + minutes
    if minutes > 59 or total > _MINUTES_OF_DAY:  # noqa: PLR2004 - minutes of an hour
        raise ValueError(f"a window tells a time of day that there is not: {_HOW}")
    return total


def _instant(day: date, minutes: int, zone: tzinfo | None) -> datetime:
    """Return when the clock of a place shows so many minutes after a day's midnight."""
    days, rest = divmod(minutes, _MINUTES_OF_DAY)
    shown = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60))
    return (shown if zone is None else shown.replace(tzinfo=zone)).astimezone(UTC)
