"""What Table E.1-1 of PS3.15 leaves out: rules for what may identify, and the role of every date and time.

The table says of itself that it does not list everything (PS3.15 E.1.1). Here every attribute of PS3.6 that
holds text, a name, a date, a UID or free bytes has a rule, and so have sequences whose codes name persons or
places. ``supplement.tsv`` and ``date_roles.tsv`` were judged row by row and are edited by hand; what an
information object has (``in_standard_iod``) is after PS3.3 of 2026b as published with highdicom 0.28.2.
"""

from __future__ import annotations

import csv
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from orthanc_plugins.deid.standard.tables import Row, confidentiality_rows, read_rows
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

_DATA = files("orthanc_plugins.deid.standard")


class DateRole(StrEnum):
    """What a date or time tells of, which decides whether it may move with the patient (PS3.15 E.3.6).

    A date that is public, moved by the patient's offset, tells the offset to whoever knows the date. So only
    events of the patient's course move; under no option does another role.
    """

    SUBJECT = "subject"
    """An event of the patient's course, as a scan, a treatment, a report."""

    DEVICE = "device"
    """Calibration, manufacture or installation of equipment, shelf life of a product."""

    VOCABULARY = "vocabulary"
    """The version of a list of codes, a template, a protocol, a trial's approval."""

    PERSON = "person"
    """Birth and death: never kept and never moved."""

    TECHNICAL = "technical"
    """Bookkeeping of archives, printers and screens, and what to search for."""

    @property
    def moves(self) -> bool:
        """Whether the patient's offset may be added.

        >>> DateRole.SUBJECT.moves, DateRole.DEVICE.moves
        (True, False)
        """
        return self is DateRole.SUBJECT


@cache
def supplement_rows() -> tuple[Row, ...]:
    """Return the rules beside Table E.1-1, none for what it lists; the source of each is its reason."""
    return read_rows(_DATA / "supplement.tsv")


@cache
def _rows_by_mask() -> Mapping[str, Row]:
    return MappingProxyType({row.mask: row for row in (*confidentiality_rows(), *supplement_rows())})


def row_of(tag: int) -> Row | None:
    """Return the row of an attribute, in Table E.1-1 or beside it, but for repeating groups."""
    return _rows_by_mask().get(f"{tag >> 16:04X},{tag & 0xFFFF:04X}")


def date_role(tag: int) -> DateRole:
    """Return the role of a date or time; one that PS3.6 does not know is `DateRole.TECHNICAL`, so stays put.

    >>> str(date_role(0x0008_0020)), str(date_role(0x0018_1200)), str(date_role(0x0009_1001))
    ('subject', 'device', 'technical')
    """
    return date_roles().get(tag, DateRole.TECHNICAL)


@cache
def date_roles() -> Mapping[int, DateRole]:
    """Return the roles by tag, its group in the upper 16 bits."""
    return _read_roles(_DATA / "date_roles.tsv")


def _read_roles(path: Traversable) -> Mapping[int, DateRole]:
    """Return the roles that a table states.

    Raises
    ------
    ProfileError
        The table has other columns, a role that does not exist, or two rows for one tag.
    """
    with path.open(encoding="utf-8") as lines:
        table = csv.DictReader(
            (line for line in lines if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE
        )
        cells = list(table)
    if table.fieldnames != ["tag", "name", "role", "reason"]:
        raise ProfileError(f"The table {path.name} has other columns than tag name role reason")
    if not {row["role"] for row in cells} <= set(DateRole):
        raise ProfileError(f"The table {path.name} has a role that does not exist")
    roles = {int(row["tag"].replace(",", ""), 16): DateRole(row["role"]) for row in cells}
    if len(roles) != len(cells):
        raise ProfileError(f"The table {path.name} has two rows for one tag")
    return MappingProxyType(roles)
