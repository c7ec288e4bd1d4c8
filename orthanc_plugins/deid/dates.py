"""Dates, times and ages as a file holds them: shifted, judged or capped without being read by anything else.

Bytes in and bytes out (PS3.5 6.2), several values by backslash, padded to even length by a space. None means
that the value is not what the standard allows, or that moving it would tell by how much: remove it.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST_SHOWN_YEARS = 89
"""Above this age a person is told from others by it (45 CFR 164.514(b)(2)(i)(C))."""

_PLACEHOLDERS = frozenset({date(1970, 1, 1), date(1980, 1, 1)})
_FIRST, _LAST = date(1900, 1, 2), date(2099, 12, 31)

_DA = re.compile(rb"(\d{4})(\d\d)(\d\d)|(\d{4})\.(\d\d)\.(\d\d)")
_CLOCK = rb"(?:[01]\d|2[0-3])"
_SIXTY = rb"[0-5]\d"
_SECOND = rb"(?:[0-5]\d|60)(?:\.\d{1,6})?"
_TM = re.compile(rb"%b(?:%b(?:%b)?)?|%b:%b(?::%b)?" % (2 * (_CLOCK, _SIXTY, _SECOND)))
_ZONE = rb"(?:\+(?:0\d|1[0-3])[0-5]\d|\+1400|-(?!0000)(?:0\d|1[01])[0-5]\d|-1200)"
_DT = re.compile(rb"(\d{4})(?:(\d\d)(?:(\d\d)(%b(?:%b(?:%b)?)?)?)?)?(%b)?" % (_CLOCK, _SIXTY, _SECOND, _ZONE))
_AS = re.compile(rb"(\d{3})([DWMY])")


def shifted_da(value: bytes, days: int) -> bytes | None:
    """Return dates (DA) moved by days, into the past when negative; None when one of them cannot be moved.

    The form of ACR-NEMA, YYYY.MM.DD, is read and written as YYYYMMDD. Ranges belong in queries alone. A
    placeholder, such as the first day of a computer's calendar or one before 1900-01-02, is known to
    everybody: moved, it would tell the patient's offset.

    >>> shifted_da(b"20240305", -7), shifted_da(b"20240230", -7)
    (b'20240227', None)
    """
    return _each(value, lambda one: _shifted_date(one, days))


def shifted_dt(value: bytes, days: int) -> bytes | None:
    """Return dates with times (DT) moved by days; the time, its fraction and the offset from UTC stay.

    A date without its day, or without its month, is a span. Moved, the span is kept as far as a shorter date
    still says it: a month that moves to two months of one year becomes that year, and what moves to two years
    can be said no longer and is None.

    >>> shifted_dt(b"20240305101500.25+0100", -7), shifted_dt(b"202403", -364), shifted_dt(b"2024", -364)
    (b'20240227101500.25+0100', b'2023', None)
    """
    return _each(value, lambda one: _shifted_date_time(one, days))


def is_tm(value: bytes) -> bool:
    """Return whether times (TM) are what the standard allows; nothing at all is.

    Hours, or with minutes, or with seconds and up to six digits of a fraction; the second 60 is a leap
    second. The form of ACR-NEMA, HH:MM:SS, is allowed for reading; ranges are not.
    """
    return _each(value, lambda one: one if _TM.fullmatch(one) else None) is not None


def capped_age(value: bytes) -> bytes | None:
    """Return ages (AS) of which none is above 89 years: those become 090Y; days, weeks and months are kept.

    >>> capped_age(b"093Y"), capped_age(b"089Y"), capped_age(b"93 Y")
    (b'090Y', b'089Y', None)
    """
    return _each(value, _capped)


def _each(value: bytes, change: Callable[[bytes], bytes | None]) -> bytes | None:
    """Change each value of several; those that are empty stay, and one that cannot be changed spoils all."""
    changed = [change(one) if (one := part.rstrip(b" \0")) else b"" for part in value.split(b"\\")]
    whole = [one for one in changed if one is not None]
    if len(whole) < len(changed):
        return None
    joined = b"\\".join(whole)
    return joined + b" " * (len(joined) % 2)


def _shifted_date(value: bytes, days: int) -> bytes | None:
    found = _DA.fullmatch(value)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups() if part is not None)
    moved = _moved(year, month, day, days)
    return None if moved is None else _written(moved)


def _shifted_date_time(value: bytes, days: int) -> bytes | None:
    found = _DT.fullmatch(value)
    if found is None:
        return None
    year, month, day, time, zone = found.groups()
    if day is None:
        kept = _shifted_span(int(year), int(month) if month else None, days)
        return None if kept is None else kept + (zone or b"")
    moved = _moved(int(year), int(month), int(day), days)
    return None if moved is None else _written(moved) + (time or b"") + (zone or b"")


def _shifted_span(year: int, month: int | None, days: int) -> bytes | None:
    """Return the year and month, or the year, in which a whole month or year lies after the shift."""
    last_month = month or 12
    first = _moved(year, month or 1, 1, days, is_span=True)
    after = _moved(year + last_month // 12, last_month % 12 + 1, 1, days - 1, is_span=True)
    if first is None or after is None or first.year != after.year:
        return None
    whole_month = month is not None and first.month == after.month
    return _written(first)[: 6 if whole_month else 4]


def _moved(year: int, month: int, day: int, days: int, *, is_span: bool = False) -> date | None:
    """Return a day moved by days, None where there is no such day or moving it would tell by how much."""
    try:
        original = date(year, month, day)
        moved = original + timedelta(days)
    except (ValueError, OverflowError):
        return None
    if not _FIRST <= original <= _LAST or (original in _PLACEHOLDERS and not is_span):
        return None
    return moved


def _written(moved: date) -> bytes:
    return f"{moved.year:04}{moved.month:02}{moved.day:02}".encode()


def _capped(value: bytes) -> bytes | None:
    found = _AS.fullmatch(value)
    if found is None:
        return None
    return b"090Y" if found[2] == b"Y" and int(found[1]) > OLDEST_SHOWN_YEARS else value
