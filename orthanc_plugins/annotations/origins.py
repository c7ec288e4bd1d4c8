"""Who made an object and when, as its attributes tell."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from pydicom.multival import MultiValue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset

_NOBODY = frozenset({"", "UNKNOWN", "ANONYMOUS"})
"""What writers put where they know of nobody; dcmjs writes ``unknown^unknown``."""

_OFFSET = re.compile(r"[+-]\d{4}")


def is_somebody(name: str) -> bool:
    """Return whether a name is more than a writer's word for nobody."""
    return any(part.strip().upper() not in _NOBODY for part in re.split(r"[\^=]", name))


def author_of(data_set: Dataset, keywords: Iterable[str]) -> tuple[str, str]:
    """Return the first author that one of the attributes names, and that attribute; both empty for none."""
    for keyword in keywords:
        if keyword.endswith("Sequence"):
            names = [str(item.get("PersonName", "")) for item in data_set.get(keyword) or ()]
        else:
            value = data_set.get(keyword)
            names = [str(one) for one in value] if isinstance(value, MultiValue) else [str(value or "")]
        found = next((name for name in names if is_somebody(name)), "")
        if found:
            return found, keyword
    return "", ""


def made_at(data_set: Dataset, prefixes: Iterable[str]) -> tuple[str, str]:
    """Return the first moment that a pair of Date and Time tells, and its prefix; both empty for none."""
    offset = str(data_set.get("TimezoneOffsetFromUTC") or "")
    for prefix in prefixes:
        date = str(data_set.get(f"{prefix}Date") or "").strip()
        time = str(data_set.get(f"{prefix}Time") or "").strip()
        found = _moment(date, time, offset)
        if found:
            return found, prefix
    return "", ""


def _moment(date: str, time: str, offset: str) -> str:
    """Return a moment in ISO 8601, a day where no time is told, nothing where it cannot be one."""
    zone = offset if _OFFSET.fullmatch(offset) else ""
    try:
        if not time:
            return datetime.fromisoformat(date).date().isoformat()
        return datetime.fromisoformat(f"{date}T{time}{zone}").isoformat()
    except ValueError:
        return ""
