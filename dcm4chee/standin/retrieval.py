"""Which objects a retrieval is of, and what the archive changes of each on the way out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcm4chee.standin.merging import overwritten
from dcm4chee.standin.tags import ORIGINAL_ATTRIBUTES

if TYPE_CHECKING:
    import sqlite3

    from dcm4chee.standin.dataset import Attributes
    from dcm4chee.standin.state import State
    from dcm4chee.standin.views import View

_SELECT = """
SELECT instance.pk, study.uid AS study_uid, series.uid AS series_uid, instance.uid, orthanc_id, series_pk,
    as_received_pk, coerced, transfer_syntax, size, digest, {shown} AS shown,
    MAX(patient.updated, study.updated, series.updated, instance.updated) AS updated
FROM instance JOIN series ON series.pk = series_pk JOIN study ON study.pk = study_pk
    JOIN patient ON patient.pk = patient_pk
WHERE study.uid = ?1 AND (?2 IS NULL OR series.uid = ?2) AND (?3 IS NULL OR instance.uid = ?3)
ORDER BY series.pk, instance.pk"""


@dataclass(frozen=True)
class Scope:
    """A study, a series of it, or an object of that."""

    study_uid: str
    series_uid: str | None = None
    sop_instance_uid: str | None = None


@dataclass(frozen=True)
class Retrieved:
    """One object, and what is merged into it."""

    pk: int
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    orthanc_id: str
    transfer_syntax: str
    size: int
    digest: str
    changes: Attributes
    originals: tuple[Attributes, ...]

    @property
    def is_as_received(self) -> bool:
        """Whether it goes out with the bytes that came in."""
        return not self.changes and not self.originals


@dataclass(frozen=True)
class Retrieval:
    """All objects of a retrieval that are shown."""

    objects: tuple[Retrieved, ...]
    complete: bool
    """Whether Orthanc holds no others in the same scope."""
    updated: float
    """When anything of it last changed, seconds since 1970."""

    @property
    def can_be_passed_on(self) -> bool:
        """Whether Orthanc's own answer is this archive's."""
        return self.complete and all(one.is_as_received for one in self.objects)


def retrieval(state: State, view: View, scope: Scope) -> Retrieval:
    """Return what is retrieved; no object when nothing of it is shown."""
    rows = state.rows(
        _SELECT.format(shown=view.condition), (scope.study_uid, scope.series_uid, scope.sop_instance_uid)
    )
    shown = [row for row in rows if row["shown"]]
    merged = _Merged(state) if view.merges else None
    passed_over = bool(state.rows("SELECT 1 FROM ignored LIMIT 1"))
    return Retrieval(
        objects=tuple(_retrieved(row, merged) for row in shown),
        complete=len(shown) == len(rows) and not passed_over,
        updated=max((float(row["updated"]) for row in shown), default=0.0),
    )


def _retrieved(row: sqlite3.Row, merged: _Merged | None) -> Retrieved:
    changes: Attributes = {}
    originals: tuple[Attributes, ...] = ()
    if merged is not None:
        changes, above = merged.changes(int(row["series_pk"]), int(row["as_received_pk"]))
        originals = (*above, *(json.loads(row["coerced"]) if row["coerced"] else ()))
    return Retrieved(
        pk=int(row["pk"]),
        study_uid=row["study_uid"],
        series_uid=row["series_uid"],
        sop_instance_uid=row["uid"],
        orthanc_id=row["orthanc_id"],
        transfer_syntax=row["transfer_syntax"],
        size=int(row["size"]),
        digest=row["digest"],
        changes=changes,
        originals=originals,
    )


class _Merged:
    """What the archive holds against what was received, looked up once for each pair of a retrieval."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._held: dict[int, Attributes] = {}
        self._changes: dict[tuple[int, int], Attributes] = {}

    def changes(self, series_pk: int, as_received_pk: int) -> tuple[Attributes, tuple[Attributes, ...]]:
        """Return what is changed, and the items that levels above added to OriginalAttributesSequence."""
        held = self._held.get(series_pk)
        if held is None:
            held = self._held[series_pk] = self._state.held_above(series_pk)
        pair = (series_pk, as_received_pk)
        if pair not in self._changes:
            row = self._state.rows("SELECT attributes FROM as_received WHERE pk = ?", [as_received_pk])[0]
            self._changes[pair] = overwritten(json.loads(row["attributes"]), held)
        return self._changes[pair], tuple(held.get(ORIGINAL_ATTRIBUTES, {}).get("Value", ()))
