"""A query as conditions in SQL: what matches what, as dcm4chee's ``QueryBuilder`` has it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from dcm4chee.standin.query import MOMENTS
from dcm4chee.standin.schema import COLUMNS, COMBINED, Kind
from dcm4chee.standin.tags import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcm4chee.standin.query import Query
    from dcm4chee.standin.schema import Column

Condition = tuple[str, tuple[Any, ...]]
"""A condition in SQL and the values of its question marks."""

MODALITIES_IN_STUDY = "00080061"
SOP_CLASSES_IN_STUDY = "00080062"
_NEVER_TRUE = ("incomplete", "retrievefailed", "metadataUpdateFailed", "compressionfailed", "merged")
"""Flags for what does not befall a stand-in's objects."""
_SIZE = (
    "(SELECT COALESCE(SUM(i.size), 0) FROM instance i JOIN series s ON s.pk = i.series_pk"
    " WHERE s.study_pk = study.pk)"
)


def conditions(query: Query, level: Level) -> list[Condition]:
    """Return what must hold of a row of a level for it to match."""
    keys = [(COLUMNS[tag], given) for tag, given in query.keys.items() if tag in COLUMNS and given]
    found = list(_keys([(column, given) for column, given in keys if column.level <= level]))
    below = [(column, given) for column, given in keys if column.level > level]
    found += _moments(query, level)
    if level >= Level.STUDY:
        found += _in_study(query)
        found += _flags(query)
    if level is Level.STUDY:
        found += _below_study(query, [pair for pair in below if pair[0].level is Level.SERIES])
    if level is Level.PATIENT and query.is_set("onlyWithStudies"):
        found.append(("EXISTS (SELECT 1 FROM study WHERE study.patient_pk = patient.pk)", ()))
    if level is Level.PATIENT and query.is_set("merged"):
        found.append(("0", ()))
    return found


def joined(found: Iterable[Condition]) -> Condition:
    """Return one condition for all."""
    listed = list(found)
    text = " AND ".join(condition for condition, _ in listed) or "1"
    return text, tuple(value for _, values in listed for value in values)


def _keys(keys: list[tuple[Column, tuple[str, ...]]]) -> Iterator[Condition]:
    asked = {column.tag: given for column, given in keys}
    for column, given in keys:
        time_tag = COMBINED.get(column.tag)
        if time_tag in asked:
            yield _combined(column, COLUMNS[str(time_tag)], given[0], asked[str(time_tag)][0])
        elif column.tag in COMBINED.values() and _date_of(column.tag) in asked:
            continue
        else:
            yield match(column, given)


def match(column: Column, given: tuple[str, ...]) -> Condition:
    """Return the condition that an attribute has one of the values asked for."""
    if column.kind in {Kind.DATE, Kind.TIME}:
        return _range(column, given[0])
    if column.kind is Kind.NUMBER:
        number = given[0].strip()
        return (f"{column.name} = ?", (int(number),)) if number.lstrip("+-").isdecimal() else ("1", ())
    patterns: list[Condition] = []
    plain: dict[str, list[str]] = {}
    for value in given:
        name, wanted = _compared(column, value)
        if "*" in wanted or "?" in wanted:
            patterns.append((f"{name} GLOB ?", (wanted.replace("[", "[[]"),)))
        else:
            plain.setdefault(name, []).append(wanted)
    found: list[Condition] = [
        (f"{name} IN (SELECT value FROM json_each(?))", (json.dumps(wanted),))  # noqa: S608 - fixed names
        for name, wanted in plain.items()
    ]
    found += patterns
    text = " OR ".join(condition for condition, _ in found)
    return f"({text})", tuple(value for _, values in found for value in values)


def _compared(column: Column, value: str) -> tuple[str, str]:
    """Return what is compared with what, in SQL: without regard to case only with what is all capitals."""
    if column.kind is Kind.CODE:
        value = value.upper()
    if column.kind is Kind.NAME:
        value = name_pattern(value)
    if column.kind in {Kind.TEXT, Kind.NAME} and value == value.upper():
        return f"UPPER({column.name})", value
    return column.name, value


def name_pattern(value: str) -> str:
    """Return what is searched for a person's name: whole leading components are enough.

    >>> name_pattern("DOE"), name_pattern("DOE^J*"), name_pattern("DOE^JANE^^")
    ('DOE^*', 'DOE^J*', 'DOE^JANE^*')
    """
    alphabetic = value.split("=", 1)[0]
    if alphabetic.endswith("*"):
        return re.sub(r"\*+", "*", alphabetic)
    return alphabetic.rstrip("^") + "^*"


def _range(column: Column, text: str) -> Condition:
    first, dash, last = text.partition("-")
    name = column.name
    if not dash:
        return f"{name} GLOB ?", (_digits(first) + ("*" if column.kind is Kind.TIME else ""),)
    found: list[Condition] = []
    if first:
        found.append((f"{name} >= ?", (_digits(first),)))
    if last:
        found.append((f"{name} <= ?", (_digits(last) + "~",)))
    return joined(found) if found else ("1", ())


def _combined(date: Column, time: Column, dates: str, times: str) -> Condition:
    """Return the condition on a date and its time together: one range of moments."""
    first_date, _, last_date = dates.partition("-") if "-" in dates else (dates, "-", dates)
    first_time, _, last_time = times.partition("-") if "-" in times else (times, "-", times)
    moment = f"({date.name} || COALESCE({time.name}, ''))"
    found: list[Condition] = [(f"{date.name} IS NOT NULL", ())]
    if first_date:
        found.append((f"{moment} >= ?", (_digits(first_date) + _digits(first_time),)))
    if last_date:
        found.append((f"{moment} <= ?", (_digits(last_date) + _digits(last_time) + "~",)))
    return joined(found)


def _digits(text: str) -> str:
    return text.replace(":", "").strip()


def _date_of(time_tag: str) -> str:
    return next(date for date, time in COMBINED.items() if time == time_tag)


def _moments(query: Query, level: Level) -> list[Condition]:
    return [
        _between(MOMENTS[name], bounds) for name, bounds in query.moments.items() if _level_of(name) <= level
    ]


def _between(column: str, bounds: tuple[float | None, float | None]) -> Condition:
    first, last = bounds
    found: list[Condition] = []
    if first is not None:
        found.append((f"{column} >= ?", (first,)))
    if last is not None:
        found.append((f"{column} <= ?", (last,)))
    return joined(found)


def _level_of(name: str) -> Level:
    return {"Pat": Level.PATIENT, "Stu": Level.STUDY, "Ser": Level.SERIES}[name[:3]]


def _in_study(query: Query) -> Iterator[Condition]:
    """Yield the conditions on what a study holds."""
    modalities = tuple(value.upper() for value in query.keys.get(MODALITIES_IN_STUDY, ()))
    each = [(one,) for one in modalities] if query.is_set("allOfModalitiesInStudy") else [modalities]
    column = COLUMNS["00080060"]
    for wanted in filter(None, each):
        text, values = match(column, wanted)
        yield _exists(text), values
    classes = query.keys.get(SOP_CLASSES_IN_STUDY, ())
    if classes:
        text, values = match(COLUMNS["00080016"], classes)
        inner = f"EXISTS (SELECT 1 FROM instance WHERE series_pk = series.pk AND {text})"  # noqa: S608 - fixed names
        yield _exists(inner), values


def _below_study(query: Query, keys: list[tuple[Column, tuple[str, ...]]]) -> Iterator[Condition]:
    """Yield the condition that one series of a study matches what is asked of series."""
    found = list(_keys(keys))
    if "SeriesReceiveDateTime" in query.moments:
        found.append(_between("series.received", query.moments["SeriesReceiveDateTime"]))
    if query.sending_aets:
        found.append(_sent_by(query))
    if query.is_set("storageVerificationFailed"):
        found.append(("series.failed_verifications > 0", ()))
    if found:
        text, values = joined(found)
        # Such a subquery is asked once, not once for each study: its cost is that of what it finds.
        yield f"study.pk IN (SELECT series.study_pk FROM series WHERE {text})", values  # noqa: S608 - fixed names


def _sent_by(query: Query) -> Condition:
    marks = ", ".join("?" * len(query.sending_aets))
    return f"series.sending_aet IN ({marks})", query.sending_aets


def _exists(text: str) -> str:
    return f"EXISTS (SELECT 1 FROM series WHERE series.study_pk = study.pk AND {text})"  # noqa: S608 - fixed names


def _flags(query: Query) -> Iterator[Condition]:
    if any(query.is_set(flag) for flag in _NEVER_TRUE):
        yield "0", ()
    if query.flags.get("ExpirationState", "UPDATEABLE") != "UPDATEABLE":
        yield "0", ()
    if query.flags.get("patientVerificationStatus", "UNVERIFIED") != "UNVERIFIED":
        yield "0", ()
    if size := query.flags.get("StudySizeInKB"):
        first, dash, last = size.partition("-")
        bounds = [bound * 1000 for bound in (int(first or 0), int((last if dash else first) or 10**12))]
        yield f"{_SIZE} BETWEEN ? AND ?", tuple(bounds)


def of_series(query: Query) -> list[Condition]:
    """Return what is asked of series beside their attributes, for the levels of series and instances."""
    found: list[Condition] = []
    if query.sending_aets:
        found.append(_sent_by(query))
    if query.is_set("storageVerificationFailed"):
        found.append(("series.failed_verifications > 0", ()))
    return found
