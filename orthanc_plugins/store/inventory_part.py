"""What the parts of the inventory share: its tables, and the way from their rows to records."""

from __future__ import annotations

import unicodedata
from dataclasses import fields
from itertools import batched
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import sessionmaker

from orthanc_plugins.store.inventory_records import InventoryRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Engine

    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.store.inventory_tables import InventoryStudy

CHUNK = 500
"""Studies in one transaction, or in one list of a query: other writers of SQLite wait only that long."""

COLUMNS = tuple(field.name for field in fields(InventoryRow))
"""The columns of `InventoryStudy` that make an `InventoryRow`, in its order."""

NOTHING_KNOWN = {
    "pass_number": 0,
    "state": "incomplete",
    "error": "",
    "extra_studies": 0,
    "extra_instances": 0,
}
"""Columns of the position of an archive that was never looked at."""

_VALUES = attrgetter(*COLUMNS)
_MODALITIES = COLUMNS.index("modalities")


class InventoryPart:
    """One part of the inventory's methods; all work on the same database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions = sessionmaker(engine)

    def _insert(self, table: Any) -> Any:
        """Return an insert of the database's own kind, which can say what to do on a conflict.

        It goes past the mapped classes, which takes half of the time of many rows.
        """
        kind = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        return kind.insert(table.__table__)


def row_values(row: InventoryRow) -> dict[str, Any]:
    """Return the columns of a row; the record has their names."""
    values = dict(zip(COLUMNS, _VALUES(row), strict=True))
    values["modalities"] = "\\".join(row.modalities)
    values["search_text"] = searchable(f"{row.patient_id} {row.patient_name}")
    return values


def row_of(values: Sequence[Any]) -> InventoryRow:
    """Return the record of the values of `COLUMNS`."""
    made = list(values)
    made[_MODALITIES] = tuple(made[_MODALITIES].split("\\")) if made[_MODALITIES] else ()
    return InventoryRow(*made)


def columns_of(table: type[InventoryStudy]) -> list[Any]:
    """Return the columns to select for an `InventoryRow`; the table may be an alias."""
    return [getattr(table, name) for name in COLUMNS]


def searchable(text: str) -> str:
    """Return text as it is searched: without case, accents and the delimiters of names.

    >>> searchable("MÜLLER^Änne")
    'muller anne'
    """
    kept = text.casefold()
    if not kept.isascii():
        plain = unicodedata.normalize("NFKD", kept)
        kept = "".join(one for one in plain if not unicodedata.combining(one))
    return " ".join(kept.replace("^", " ").replace("=", " ").split())


def in_chunks(study_uids: Iterable[StudyUid]) -> Iterator[tuple[StudyUid, ...]]:
    """Yield studies in lists that fit one statement, each study once."""
    return batched(dict.fromkeys(study_uids), CHUNK, strict=False)
