"""DicomEdit 6: its functions, as far as they are known here."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from xnat_standin.dicomedit.language import DicomEditError

if TYPE_CHECKING:
    from collections.abc import Callable

_DATE = "%Y%m%d"


def hashed_uid(uid: str) -> str:
    """Return the UID that ``hashUID`` makes of one: 2.25 and a version 5 UUID (RFC 4122) without name space.

    Known to all and without a key: who knows an original can tell its hash.

    >>> hashed_uid("1.2.3.4.5")
    '2.25.281097975800109040096884226991818420711'
    """
    digest = bytearray(hashlib.sha1(uid.encode("ascii"), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return f"2.25.{int.from_bytes(digest)}"


def _hash_uid(uid: str) -> str:
    return hashed_uid(uid) if uid else ""


def _new_uid() -> str:
    return f"2.25.{uuid.uuid4().int}"


def _format(pattern: str, *values: str) -> str:
    """Return a pattern of Java's MessageFormat filled; its places are ``{0}``, ``{1}`` and so on."""
    for place, value in enumerate(values):
        pattern = pattern.replace(f"{{{place}}}", value)
    return pattern


def _substring(text: str, begin: str, end: str) -> str:
    return text[int(begin) : int(end)]


def _replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new)


def _concatenate(*texts: str) -> str:
    return "".join(texts)


def _shift_date(date: str, days: str) -> str:
    """Return a date (DA) some days later; none stays none."""
    if not date:
        return ""
    return (_moment(date[:8], _DATE) + timedelta(days=int(days))).strftime(_DATE)


def _shift_date_time(moment: str, amount: str, unit: str) -> str:
    """Return a date and time (DT) some days or seconds later; what follows the seconds stays as it is."""
    if not moment:
        return ""
    if unit not in {"days", "seconds"}:
        raise DicomEditError(f"shiftDateTimeByIncrement: unknown unit {unit}")
    whole = moment.split(".", 1)[0]
    pattern = {8: _DATE, 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(whole))
    if pattern is None:
        raise DicomEditError("shiftDateTimeByIncrement: no date and time")
    step = timedelta(days=int(amount)) if unit == "days" else timedelta(seconds=int(amount))
    return (_moment(whole, pattern) + step).strftime(pattern) + moment[len(whole) :]


def _moment(text: str, pattern: str) -> datetime:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - DICOM's DA and DT have no zone here
    except ValueError:
        raise DicomEditError("a date to shift is no date") from None


FUNCTIONS: dict[str, tuple[tuple[int, int], int | None, Callable[..., str]]] = {
    "hashUID": ((6, 0), 1, _hash_uid),
    "newUID": ((6, 0), 0, _new_uid),
    "format": ((6, 0), None, _format),
    "substring": ((6, 0), 3, _substring),
    "replace": ((6, 0), 3, _replace),
    "lowercase": ((6, 0), 1, str.lower),
    "uppercase": ((6, 0), 1, str.upper),
    "concatenate": ((6, 0), None, _concatenate),
    "shiftDateByIncrement": ((6, 2), 2, _shift_date),
    "shiftDateTimeByIncrement": ((6, 3), 3, _shift_date_time),
}
"""Functions of values: the version they came with, how many arguments they have, and what they do."""
