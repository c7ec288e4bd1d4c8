"""Whether dates are as is claimed of them (PS3.15 E.3.6): gone, moved by whole weeks, or as they were."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.validation.attributes import (
    BIRTH_DATE,
    DEVICE_DATES,
    PLACEHOLDERS,
    VOCABULARY_DATES,
)
from orthanc_plugins.validation.claims import RETAIN_DEVICE
from orthanc_plugins.validation.identity import day_of
from orthanc_plugins.validation.reading import PATIENT_ID, shown
from orthanc_plugins.validation.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orthanc_plugins.validation.comparison import Comparison
    from orthanc_plugins.validation.reading import Leaf

CHECK = "dates"
_WEEK = 7
_DAY = 8
_DATES_OF_REPORTS = frozenset({0x0040A120, 0x0040A121})


class Shift(NamedTuple):
    """By how many days a date was moved. ``patient`` is the original's: it is never told."""

    patient: str
    days: int
    instance: str
    location: str


def check_dates(comparison: Comparison) -> Iterator[Finding]:
    """Yield dates that are not as is claimed; how far they were moved, `check_shifts` judges."""
    for before, after in _pairs(comparison):
        if before.tag in VOCABULARY_DATES:
            continue
        text = _fault(before, after, comparison) or _fault_of_birth(before, after, comparison)
        if text:
            yield comparison.finding(CHECK, after.place, text)


def _pairs(comparison: Comparison) -> Iterator[tuple[Leaf, Leaf]]:
    """Yield dates and times that both objects have."""
    return ((one, other) for one, other in comparison.both if one.vr in {"DA", "DT", "TM"})


def _fault(before: Leaf, after: Leaf, comparison: Comparison) -> str:
    """Return what is wrong with a date or time, empty for nothing."""
    same = before.stripped == after.stripped
    if before.tag == BIRTH_DATE or before.tag in DEVICE_DATES:
        kept = before.tag in DEVICE_DATES and (
            comparison.claims.has(RETAIN_DEVICE) or comparison.claims.longitudinal == "unmodified"
        )
        return "" if kept or not same or not _tells(before) else "it is the original's date"
    match comparison.claims.longitudinal:
        case "unmodified":
            return "" if same else "it is claimed to be unmodified, and is not"
        case "removed":
            return "it is the original's date or time" if same and _tells(before) else ""
        case _:
            return _fault_of_moved(before, after)


def _fault_of_birth(before: Leaf, after: Leaf, comparison: Comparison) -> str:
    """Return what is wrong with a birth date that a report repeats: moved, it tells how far all were."""
    birth = day_of(comparison.original.plain(BIRTH_DATE))
    if not birth or before.tag not in _DATES_OF_REPORTS or comparison.claims.longitudinal != "modified":
        return ""
    is_birth = any(day_of(value) == birth for value in _values(before))
    return "a birth date was moved" if is_birth and not _is_placeholder(after) else ""


def _tells(leaf: Leaf) -> bool:
    """Return whether a value tells a day or a time, not nothing or a placeholder."""
    if leaf.vr == "TM":
        return leaf.plain.strip("0.:") != ""
    return any(map(day_of, _values(leaf)))


def _fault_of_moved(before: Leaf, after: Leaf) -> str:
    """Return what is wrong with a moved date but for how far: a time of day is never moved."""
    if _is_placeholder(after):
        return ""
    if before.vr == "TM":
        return "" if before.stripped == after.stripped else "a time of day was changed"
    for old, new in zip(_values(before), _values(after), strict=False):
        if not day_of(old):
            continue
        if not day_of(new):
            return "it is no date any more"
        if _rest(old) != _rest(new):
            return "a time of day was changed"
    return "" if len(_values(before)) == len(_values(after)) else "it has another number of values"


def _is_placeholder(leaf: Leaf) -> bool:
    return leaf.vr != "TM" and all(value.strip()[:_DAY] in PLACEHOLDERS for value in _values(leaf))


def _values(leaf: Leaf) -> list[str]:
    return leaf.plain.split("\\")


def _rest(value: str) -> str:
    """Return what follows the day."""
    value = value.strip()
    return value[_DAY + 2 * (value[4:5] == ".") :]


def shifts_of(comparison: Comparison) -> Iterator[Shift]:
    """Yield how far each date was moved that a patient's dates are moved with."""
    if comparison.claims.longitudinal != "modified":
        return
    patient = comparison.original.plain(PATIENT_ID)
    for before, after in _pairs(comparison):
        if before.vr == "TM" or before.tag == BIRTH_DATE or before.tag in DEVICE_DATES | VOCABULARY_DATES:
            continue
        for old, new in zip(_values(before), _values(after), strict=False):
            if days := _apart(old, new):
                yield Shift(patient, days[0], comparison.instance, shown(after.place))


def _apart(old: str, new: str) -> tuple[int] | None:
    """Return by how many days a date was moved, None where one of both is none."""
    try:
        first, second = (date.fromisoformat(day) for day in (day_of(old), day_of(new)))
    except ValueError:
        return None
    return ((second - first).days,)


def moved_days(comparison: Comparison) -> frozenset[str]:
    """Return days that released dates have because they were moved there, and that may be those of others."""
    if comparison.claims.longitudinal != "modified":
        return frozenset()
    return frozenset(
        day
        for before, after in comparison.aligned
        if before.vr in {"DA", "DT"} and before.stripped != after.stripped
        for day in map(day_of, _values(after))
        if day
    )


def check_shifts(shifts: Iterable[Shift]) -> Iterator[Finding]:
    """Yield dates that were not moved with the patient's others, by whole weeks (weekdays stay)."""
    by_patient: dict[str, list[Shift]] = defaultdict(list)
    for shift in shifts:
        by_patient[shift.patient].append(shift)
    for found in by_patient.values():
        usual = _commonest([one.days for one in found])
        for one in found:
            if one.days == 0:
                yield Finding(CHECK, one.instance, one.location, "it is the original's date")
            elif one.days % _WEEK:
                yield Finding(CHECK, one.instance, one.location, "it was not moved by whole weeks")
            elif one.days != usual:
                yield Finding(
                    CHECK, one.instance, one.location, "it was moved otherwise than the patient's other dates"
                )


def _commonest(days: list[int]) -> int:
    return max(sorted(set(days)), key=days.count)
