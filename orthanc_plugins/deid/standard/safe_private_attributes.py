"""Private attributes that identify nobody, as manufacturers have stated (PS3.15 Table E.3.10-1)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.deid.standard.lines import read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping


class SafePrivate(NamedTuple):
    """A line of the table.

    ``tag`` is as printed, ``0019,xx0C``: its block is wherever the creator reserved one (PS3.5 7.8.1). ``vr``
    is empty where the manufacturer stated none, ``OW/OB`` where either occurs; ``meaning`` may be empty.
    """

    creator: str
    tag: str
    vr: str
    vm: str
    meaning: str


@cache
def safe_private() -> Mapping[tuple[str, int, int], SafePrivate]:
    """Return the lines by creator, group and the lower byte of the element.

    >>> safe_private()["SIEMENS MR HEADER", 0x0019, 0x0C].meaning
    'B Value'
    """
    path = files("orthanc_plugins.deid.standard") / "safe_private.tsv"
    lines = (SafePrivate(*cells) for cells in read_lines(path, SafePrivate._fields))
    return MappingProxyType(
        {(line.creator, int(line.tag[:4], 16), int(line.tag[-2:], 16)): line for line in lines}
    )
