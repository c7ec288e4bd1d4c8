"""What a file tells of when it was made and changed: the only proofs of which of two copies is the newer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from orthanc_plugins.content.edit import read_whole, readable
from orthanc_plugins.sync.strategies import Moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.\d{1,6})?")
_DATE_TIME = re.compile(r"(\d{14})(?:\.\d{1,6})?([+-]\d{4})?")
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")


def moments_of(content: bytes) -> Moments:
    """Return what a file tells of when it was made and changed.

    A date without a time tells nothing: it may be any hour of the day.

    Raises
    ------
    InvalidDicom
        The file cannot be read.
    """
    with readable():
        return _moments(read_whole(content, without_pixels=True))


def _moments(data_set: Dataset) -> Moments:
    zone = _zone(str(data_set.get("TimezoneOffsetFromUTC", "")))
    corrected: dict[str, datetime] = {}
    coerced: set[str] = set()
    for item in data_set.get("OriginalAttributesSequence", ()):
        changed = item.get("ModifiedAttributesSequence", ())
        tags = {f"{element.tag:08X}" for one in changed for element in one}
        at = _date_time(str(item.get("AttributeModificationDateTime", "")), zone)
        if item.get("ReasonForTheAttributeModification") == "CORRECT" and at is not None:
            corrected |= {tag: at for tag in tags if tag not in corrected or _later(at, corrected[tag])}
        else:
            coerced |= tags
    return Moments(
        created=_moment(data_set, "InstanceCreation", zone),
        content=_moment(data_set, "Content", zone),
        corrected=corrected,
        coerced=frozenset(coerced),
    )


def _moment(data_set: Dataset, prefix: str, zone: timezone | None) -> datetime | None:
    date = _DATE.fullmatch(str(data_set.get(f"{prefix}Date", "")))
    time = _TIME.fullmatch(str(data_set.get(f"{prefix}Time", "")))
    if date is None or time is None:
        return None
    return _valid([int(part) for part in (*date.groups(), *time.groups())], zone)


def _date_time(text: str, zone: timezone | None) -> datetime | None:
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return None
    digits, offset = found.groups()
    parts = [int(digits[:4]), *(int(digits[place : place + 2]) for place in range(4, 14, 2))]
    return _valid(parts, _zone(offset) if offset else zone)


def _valid(parts: Sequence[int], zone: timezone | None) -> datetime | None:
    year, month, day, hour, minute, second = parts
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
    except ValueError:
        return None


def _zone(offset: str) -> timezone | None:
    found = _OFFSET.fullmatch(offset.strip())
    if found is None:
        return None
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-ahead if found[1] == "-" else ahead)


def _later(one: datetime, other: datetime) -> bool:
    """Return whether a time is the later, taking one without a zone for UTC."""
    zoned: list[Any] = [time if time.tzinfo else time.replace(tzinfo=UTC) for time in (one, other)]
    return bool(zoned[0] > zoned[1])
