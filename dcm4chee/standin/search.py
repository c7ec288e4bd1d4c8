"""Searching the index: the matches of one level in the archive's order, and what it knows of each."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dcm4chee.standin.conditions import conditions, joined, of_series
from dcm4chee.standin.schema import COLUMNS, Kind
from dcm4chee.standin.tags import Level

if TYPE_CHECKING:
    import sqlite3

    from dcm4chee.standin.conditions import Condition
    from dcm4chee.standin.dataset import Attributes
    from dcm4chee.standin.query import Query
    from dcm4chee.standin.state import State
    from dcm4chee.standin.views import View

_STUDIES = "study JOIN patient ON patient.pk = study.patient_pk"
_SERIES = "series JOIN study ON study.pk = series.study_pk JOIN patient ON patient.pk = study.patient_pk"
_FROM = {
    Level.PATIENT: "patient",
    Level.STUDY: _STUDIES,
    Level.SERIES: _SERIES,
    Level.INSTANCE: "instance JOIN series ON series.pk = instance.series_pk"
    " JOIN study ON study.pk = series.study_pk JOIN patient ON patient.pk = study.patient_pk",
}
_SELECT = {
    Level.PATIENT: "patient.pk AS patient_pk, patient.attributes AS p, created,"
    " patient.updated AS patient_updated",
    Level.STUDY: "study.pk AS study_pk, study.attributes AS t, study.received AS study_received,"
    " study.updated AS study_updated, study.modified AS study_modified",
    Level.SERIES: "series.pk AS series_pk, series.attributes AS s, series.received AS series_received,"
    " series.updated AS series_updated, series.modified AS series_modified, sending_aet",
    Level.INSTANCE: "instance.pk AS instance_pk, instance.attributes AS i, coerced, transfer_syntax, size,"
    " digest, orthanc_id, instance.received AS instance_received, instance.updated AS instance_updated,"
    " rejected, as_received_pk",
}
_ORDER = {
    Level.PATIENT: "patient.pk",
    Level.STUDY: "study.pk",
    Level.SERIES: "series.pk",
    Level.INSTANCE: "series.pk, instance.pk",
}
_COUNTS = """
SELECT {group} AS pk, SUM({shown}) AS instances,
    COUNT(DISTINCT CASE WHEN {shown} THEN series.pk END) AS series,
    GROUP_CONCAT(DISTINCT CASE WHEN {shown} THEN series.t00080060 END) AS modalities,
    GROUP_CONCAT(DISTINCT CASE WHEN {shown} THEN instance.t00080016 END) AS classes,
    GROUP_CONCAT(DISTINCT CASE WHEN {shown} THEN transfer_syntax END) AS syntaxes,
    SUM(size) AS size, SUM(note IS NULL) AS objects, SUM(note IS NULL AND rejected IS NOT NULL) AS rejected
FROM instance JOIN series ON series.pk = instance.series_pk
WHERE {group} IN (SELECT value FROM json_each(?)) GROUP BY {group}"""


@dataclass(frozen=True)
class Counts:
    """What a study or series holds: as one AE title shows it, but for ``size`` and the rejection state."""

    instances: int
    series: int
    modalities: tuple[str, ...]
    classes: tuple[str, ...]
    syntaxes: tuple[str, ...]
    size: int
    rejection: str
    """``NONE``, ``PARTIAL`` or ``COMPLETE``."""


@dataclass(frozen=True)
class Match:
    """A match, with all the index knows of it and of what it belongs to."""

    attributes: Attributes
    row: dict[str, Any]
    study: Counts | None = None
    series: Counts | None = None
    studies_of_patient: int = 0

    def is_shown(self, level: Level) -> bool:
        """Return whether anything of it is shown; dcm4chee counts matches before it looks."""
        counts = self.study if level is Level.STUDY else self.series if level is Level.SERIES else None
        return counts is None or counts.instances > 0


class Search:
    """One query of one level through the eyes of one AE title."""

    def __init__(self, state: State, view: View, level: Level, query: Query) -> None:
        self._state, self._view, self._level, self.query = state, view, level, query
        found = conditions(query, level)
        if level >= Level.SERIES:
            found += of_series(query)
        if level is Level.INSTANCE:
            found.append((view.condition, ()))
        elif view.only_rejected:
            found.append((self._has_shown(), ()))
        self._where: Condition = joined(found)

    def count(self) -> int:
        """Return how many match."""
        where, values = self._where
        sql = f"SELECT COUNT(*) AS n FROM {_FROM[self._level]} WHERE {where}"  # noqa: S608 - fixed names
        return int(self._state.rows(sql, values)[0]["n"])

    def size(self) -> int:
        """Return the bytes of all studies that match."""
        where, values = self._where
        inner = f"SELECT study.pk FROM {_FROM[Level.STUDY]} WHERE {where}"  # noqa: S608 - fixed names
        sql = (
            "SELECT COALESCE(SUM(size), 0) AS n FROM instance"  # noqa: S608 - fixed names
            " JOIN series ON series.pk = series_pk"
            f" WHERE study_pk IN ({inner})"
        )
        return int(self._state.rows(sql, values)[0]["n"])

    def matches(self, limit: int, offset: int) -> list[Match]:
        """Return some of the matches, in order, those of which nothing is shown among them."""
        where, values = self._where
        selected = ", ".join(_SELECT[level] for level in Level if level <= self._level)
        sql = (
            f"SELECT {selected} FROM {_FROM[self._level]} WHERE {where}"  # noqa: S608 - fixed names
            f" ORDER BY {self._ordered()} LIMIT ? OFFSET ?"
        )
        rows = self._state.rows(sql, (*values, limit, offset))
        studies = self._counts("series.study_pk", "study_pk", rows) if self._level >= Level.STUDY else {}
        series = self._counts("series.pk", "series_pk", rows) if self._level >= Level.SERIES else {}
        of_patient = self._studies_of(rows)
        return [
            Match(
                attributes=_attributes(row, self._level),
                row=dict(row),
                study=studies.get(row["study_pk"], _EMPTY) if self._level >= Level.STUDY else None,
                series=series.get(row["series_pk"], _EMPTY) if self._level >= Level.SERIES else None,
                studies_of_patient=of_patient.get(row["patient_pk"], 0),
            )
            for row in rows
        ]

    def _ordered(self) -> str:
        order = []
        for tag, downwards in self.query.order:
            column = COLUMNS.get(tag)
            if column is not None and column.level <= self._level and tag != "00100020":
                by = f"UPPER({column.name})" if column.kind is Kind.NAME else column.name
                order.append(f"{by} DESC" if downwards else by)
        return ", ".join((*order, _ORDER[self._level]))

    def _has_shown(self) -> str:
        table = {Level.PATIENT: "study.patient_pk = patient", Level.STUDY: "series.study_pk = study"}
        owner = table.get(self._level, "instance.series_pk = series")
        return (
            "EXISTS (SELECT 1 FROM instance"  # noqa: S608 - fixed names
            " JOIN series ON series.pk = instance.series_pk"
            f" JOIN study ON study.pk = series.study_pk WHERE {owner}.pk AND {self._view.condition})"
        )

    def _counts(self, group: str, name: str, rows: list[sqlite3.Row]) -> dict[int, Counts]:
        wanted = json.dumps(sorted({int(row[name]) for row in rows}))
        sql = _COUNTS.format(group=group, shown=self._view.condition)
        return {int(row["pk"]): _counted(row) for row in self._state.rows(sql, [wanted])}

    def _studies_of(self, rows: list[sqlite3.Row]) -> dict[int, int]:
        wanted = json.dumps(sorted({int(row["patient_pk"]) for row in rows}))
        sql = (
            "SELECT patient_pk, COUNT(*) AS n FROM study"
            " WHERE patient_pk IN (SELECT value FROM json_each(?)) GROUP BY patient_pk"
        )
        return {int(row["patient_pk"]): int(row["n"]) for row in self._state.rows(sql, [wanted])}


def within(query: Query, study_uid: str, series_uid: str | None) -> Query:
    """Return a query of one study, or of one series of it."""
    keys = query.keys | {"0020000D": (study_uid,)}
    if series_uid is not None:
        keys |= {"0020000E": (series_uid,)}
    return replace(query, keys=keys, include=query.include | keys.keys())


_EMPTY = Counts(0, 0, (), (), (), 0, "NONE")


def _counted(row: sqlite3.Row) -> Counts:
    def listed(name: str) -> tuple[str, ...]:
        return tuple(str(row[name]).split(",")) if row[name] else ()

    rejected, objects = int(row["rejected"]), int(row["objects"])
    rejection = "NONE" if not rejected else "COMPLETE" if rejected == objects else "PARTIAL"
    return Counts(
        instances=int(row["instances"]),
        series=int(row["series"]),
        modalities=listed("modalities"),
        classes=listed("classes"),
        syntaxes=listed("syntaxes"),
        size=int(row["size"]),
        rejection=rejection,
    )


def _attributes(row: sqlite3.Row, level: Level) -> Attributes:
    found: Attributes = {}
    for name in "ptsi"[: level + 1]:
        found |= json.loads(row[name])
    return found
