"""Codes and UIDs that the standard assigns: CID 7050 of PS3.16, registries of PS3.6 and PS3.16."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.deid.standard.lines import read_lines
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA = files("orthanc_plugins.deid.standard")


class MethodCode(NamedTuple):
    """A de-identification method for De-identification Method Code Sequence (0012,0064): the code triplet."""

    value: str
    scheme: str
    meaning: str


def method_code(value: str) -> MethodCode:
    """Return the method of this code value (PS3.16 CID 7050).

    Raises
    ------
    ProfileError
        CID 7050 has no such code.

    >>> method_code("113100").meaning
    'Basic Application Confidentiality Profile'
    """
    if value not in _method_codes():
        raise ProfileError(f"CID 7050 De-identification Method has no code {value}")
    return _method_codes()[value]


@cache
def registered_uids() -> frozenset[str]:
    """Return the UIDs that stand for the same thing everywhere, so that replacing one breaks what it says.

    The well-known frames of reference and instances of PS3.6 annex A, and the coding schemes of PS3.16
    chapter 8, which are registered by others than DICOM.
    """
    return frozenset(uid for uid, _, _ in read_lines(_DATA / "registered_uids.tsv", ("uid", "name", "table")))


@cache
def _method_codes() -> Mapping[str, MethodCode]:
    codes = (MethodCode(*cells) for cells in read_lines(_DATA / "codes.tsv", MethodCode._fields))
    return MappingProxyType({code.value: code for code in codes})
