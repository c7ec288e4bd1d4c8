"""Ages of the subjects of reports (PS3.16 TID 1007): of more than 89 years no other number stays than 90."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.validation.comparison import Comparison
    from orthanc_plugins.validation.reading import Leaf, Place
    from orthanc_plugins.validation.report import Finding

CHECK = "residual"
_MEASURED, _UNITS, _CONCEPT_NAME, _CODE_VALUE = 0x0040A300, 0x004008EA, 0x0040A043, 0x00080100
_DECIMAL, _FLOATING = 0x0040A30A, 0x0040A161
_FRACTION = frozenset({0x0040A162, 0x0040A163})
_CONCEPTS = frozenset({"121033", "397669002", "424144002", "30525-0"})
_A_YEAR = {"a": 1, "mo": 12, "wk": 365.25 / 7, "d": 365.25, "h": 8766, "min": 525960}
"""How many of a unit a year has."""
_OLDEST_YEARS = 90


def is_of_an_age(place: Place, comparison: Comparison) -> bool:
    """Return whether an element is, or is in, the measured value of the subject's age in a report."""
    return _is_age(place, comparison.original.leaves)


def is_capped(before: Leaf, after: Leaf, comparison: Comparison) -> bool:
    """Return whether a number is 90 years in place of an age that is at least as much."""
    if before.tag != _DECIMAL or not is_of_an_age(before.place, comparison):
        return False
    oldest = _oldest(before.place, comparison.original.leaves)
    try:
        return float(before.stripped) >= oldest == float(after.stripped)
    except ValueError:
        return False


def check_report_ages(comparison: Comparison) -> Iterator[Finding]:
    """Yield ages in a released report that are more than 89 years and are not told as 90."""
    leaves = comparison.released.leaves
    order = comparison.released.order
    for place, leaf in leaves.items():
        if leaf.tag not in {_DECIMAL, _FLOATING} | _FRACTION or not _is_age(place, leaves):
            continue
        if leaf.tag in _FRACTION or not _number(leaf, order) <= _oldest(place, leaves):
            yield comparison.finding(
                CHECK, place, f"an age of more than {_OLDEST_YEARS} years singles people out"
            )


def _is_age(place: Place, leaves: dict[Place, Leaf]) -> bool:
    if _MEASURED not in place:
        return False
    code = leaves.get((*place[: place.index(_MEASURED)], _CONCEPT_NAME, 0, _CODE_VALUE))
    return code is not None and code.plain in _CONCEPTS


def _oldest(place: Place, leaves: dict[Place, Leaf]) -> int:
    """Return 90 years in the unit of a number; in one that is none of time, 90 of it."""
    unit = leaves.get((*place[:-1], _UNITS, 0, _CODE_VALUE))
    return math.ceil(_OLDEST_YEARS * _A_YEAR.get(unit.plain if unit else "", 1))


def _number(leaf: Leaf, order: str) -> float:
    """Return the number; what is none is not smaller than any."""
    try:
        if leaf.tag == _FLOATING:
            (number,) = struct.unpack(f"{order}d", leaf.value)
            return float(number)
        return float(leaf.stripped)
    except (ValueError, struct.error):
        return math.inf
