"""The archive's own clock and its way of writing moments: local time with its offset from UTC."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone

_MOMENT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)?(?P<day>\d\d)?(?P<hour>\d\d)?(?P<minute>\d\d)?(?P<second>\d\d)?"
    r"(?:\.(?P<fraction>\d{1,6}))?(?P<offset>[+-]\d{4})?"
)


class Clock:
    """A clock that is ahead of this machine's by a number of seconds."""

    def __init__(self, skew_s: float = 0.0) -> None:
        self._skew_s = skew_s

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._skew_s

    def of_orthanc(self, text: str) -> float:
        """Return when it was here, of a moment that Orthanc tells in UTC (``20261129T180809``)."""
        told = datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return told.timestamp() + self._skew_s


def moment_of(seconds: float) -> str:
    """Return a moment as DT (PS3.5 6.2) with milliseconds and the offset of local time from UTC."""
    local = datetime.fromtimestamp(seconds, UTC).astimezone()
    return f"{local:%Y%m%d%H%M%S}.{local.microsecond // 1000:03d}{local:%z}"


def server_time(seconds: float) -> str:
    """Return a moment as dcm4chee's ``monitor/serverTime`` writes it."""
    local = datetime.fromtimestamp(seconds, UTC).astimezone()
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{local:%z}"


def bounds_of(text: str) -> tuple[float, float]:
    """Return the first and last second since 1970 that a DT denotes; without offset it is local time.

    Raises
    ------
    ValueError
        It is no DT.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is no date and time")
    parts = match.groupdict()
    numbers = [int(parts[name] or start) for name, start in _FIRST.items()]
    first = datetime(*numbers, tzinfo=_zone(parts["offset"]))  # type: ignore[arg-type, misc]
    if parts["offset"] is None:
        first = first.replace(tzinfo=None).astimezone()
    fraction = float(f"0.{parts['fraction'] or '0'}")
    start = first.timestamp() + fraction
    return start, _end(first, parts) if parts["fraction"] is None else start


_FIRST = {"year": 1, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
_LENGTHS = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}


def _end(first: datetime, parts: dict[str, str | None]) -> float:
    """Return the end of the second, minute, hour, day, month or year that is given."""
    if parts["month"] is None:
        after = first.replace(year=first.year + 1)
    elif parts["day"] is None:
        after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    else:
        given = next((name for name in _LENGTHS if parts[name] is not None), None)
        after = first + (_LENGTHS[given] if given else timedelta(days=1))
    return after.timestamp() - 1e-6


def _zone(offset: str | None) -> timezone:
    if offset is None:
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
