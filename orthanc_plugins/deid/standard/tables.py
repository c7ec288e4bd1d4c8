"""Rows of confidentiality tables: PS3.15 Table E.1-1, and what others write in its columns.

A table is a text of tab-separated values in UTF-8; lines that begin with ``#`` are remarks, the first other
line names the columns: ``tag name retired in_standard_iod basic``, the ten options, ``edition source``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

PRIVATE = "private"
"""The mask of the row for every private element: those of an odd group (PS3.5 7.8)."""
_WILD = "x"


class Option(StrEnum):
    """The options of PS3.15 E.3 that have a column in Table E.1-1; those about pixels have none."""

    RETAIN_SAFE_PRIVATE = "retain_safe_private"
    RETAIN_UIDS = "retain_uids"
    RETAIN_DEVICE_IDENTITY = "retain_device_identity"
    RETAIN_INSTITUTION_IDENTITY = "retain_institution_identity"
    RETAIN_PATIENT_CHARACTERISTICS = "retain_patient_characteristics"
    RETAIN_LONGITUDINAL_FULL_DATES = "retain_longitudinal_full_dates"
    RETAIN_LONGITUDINAL_MODIFIED_DATES = "retain_longitudinal_modified_dates"
    CLEAN_DESCRIPTORS = "clean_descriptors"
    CLEAN_STRUCTURED_CONTENT = "clean_structured_content"
    CLEAN_GRAPHICS = "clean_graphics"


ACTIONS = frozenset({"D", "Z", "X", "K", "C", "U", "Z/D", "X/Z", "X/D", "X/Z/D", "X/Z/U*"})
"""The action codes of PS3.15 Table E.1-1a."""
COLUMNS = ("tag", "name", "retired", "in_standard_iod", "basic", *Option, "edition", "source")


@dataclass(frozen=True, slots=True)
class Row:
    """What a confidentiality table says of one data element, or of a repeating group (PS3.5 7.6).

    Parameters
    ----------
    mask
        Group and element in capital hexadecimal digits, ``0008,0050``; ``x`` is any digit, ``50xx,xxxx``; or
        `PRIVATE`, for every element of an odd group.
    retired
        PS3.6 has retired it; objects may still have it.
    in_standard_iod
        An information object of PS3.3 has it; the rest comes from elsewhere, such as commands and extensions.
    basic
        The action of the Basic Profile, one of `ACTIONS`.
    options
        The actions of those options that have one.
    edition
        The edition of DICOM in which the row reads so.
    source
        Where it was found.
    """

    mask: str
    name: str
    retired: bool
    in_standard_iod: bool
    basic: str
    options: Mapping[Option, str] = field(hash=False)
    edition: str
    source: str

    def matches(self, tag: int) -> bool:
        """Return whether the row speaks of this element, its group in the upper 16 bits of ``tag``."""
        if self.mask == PRIVATE:
            return bool(tag >> 16 & 1)
        digits = f"{tag >> 16:04X},{tag & 0xFFFF:04X}"
        return all(mine in {_WILD, its} for mine, its in zip(self.mask, digits, strict=True))


def read_rows(path: Traversable) -> tuple[Row, ...]:
    """Return the rows of a table, in its order.

    Raises
    ------
    ProfileError
        The table has other columns, an action that PS3.15 does not have, or two rows for one mask.
    """
    with path.open(encoding="utf-8") as lines:
        table = csv.DictReader(
            (line for line in lines if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE
        )
        if tuple(table.fieldnames or ()) != COLUMNS:
            raise ProfileError(f"The table {path.name} has other columns than {' '.join(COLUMNS)}")
        rows = tuple(_rows(table, path.name))
    if len({row.mask for row in rows}) != len(rows):
        raise ProfileError(f"The table {path.name} has two rows for one tag")
    return rows


def _rows(table: csv.DictReader[str], name: str) -> Iterator[Row]:
    for cells in table:
        options = {option: cells[option] for option in Option if cells[option]}
        row = Row(
            cells["tag"],
            cells["name"],
            cells["retired"] == "Y",
            cells["in_standard_iod"] == "Y",
            cells["basic"],
            MappingProxyType(options),
            cells["edition"],
            cells["source"],
        )
        if not {row.basic, *options.values()} <= ACTIONS:
            raise ProfileError(
                f"The table {name} has an action for {row.mask} that PS3.15 E.1-1a does not have"
            )
        yield row
