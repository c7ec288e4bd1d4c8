"""Rows of confidentiality tables: PS3.15 Table E.1-1, and what others write in its columns.

The columns are ``tag name retired in_standard_iod basic``, the ten options, ``edition source``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from orthanc_plugins.deid.standard.lines import read_lines
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

EDITION = "2026d"
"""The edition of DICOM whose Table E.1-1 this is."""
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
        The edition of DICOM in which the row was found to read so; that of `EDITION` reads the same.
    source
        Where it was found, or why it is there.
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
    rows = tuple(_row(cells, path.name) for cells in read_lines(path, COLUMNS))
    if len({row.mask for row in rows}) != len(rows):
        raise ProfileError(f"The table {path.name} has two rows for one tag")
    return rows


@cache
def confidentiality_rows() -> tuple[Row, ...]:
    """Return the rows of PS3.15 Table E.1-1 in the edition `EDITION`, in its order."""
    return read_rows(files("orthanc_plugins.deid.standard") / "e1_1.tsv")


def _row(cells: list[str], table: str) -> Row:
    mask, name, retired, in_standard_iod, basic, *actions, edition, source = cells
    options = {option: action for option, action in zip(Option, actions, strict=True) if action}
    if not ACTIONS.issuperset((basic, *options.values())):
        raise ProfileError(f"The table {table} has an action for {mask} that Table E.1-1a lacks")
    if not {retired, in_standard_iod} <= {"Y", "N"}:
        raise ProfileError(f"The table {table} says neither Y nor N of {mask}")
    return Row(
        mask=mask,
        name=name,
        retired=retired == "Y",
        in_standard_iod=in_standard_iod == "Y",
        basic=basic,
        options=MappingProxyType(options),
        edition=edition,
        source=source,
    )
