"""Whether the file holds nothing but elements that it may (PS3.15 E.1.1, PS3.10 7.1)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from orthanc_plugins.validation.claims import CLEAN_GRAPHICS, RETAIN_PRIVATE
from orthanc_plugins.validation.comparison import is_private
from orthanc_plugins.validation.reading import is_known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.validation.claims import Claims
    from orthanc_plugins.validation.comparison import Comparison
    from orthanc_plugins.validation.reading import Place
    from orthanc_plugins.validation.report import Finding

CHECK = "structure"
_PREAMBLE = 128
_META = frozenset({0x0000, 0x0001, 0x0002, 0x0003, 0x0010, 0x0012, 0x0013})
"""Elements of group 2 that say how the file is written, and by which implementation."""
_DIRECTORY, _CURVES, _OVERLAYS, _ITEMS = 0x0004, 0x5000, 0x6000, 0xFFFE
_REPEATING = 0xFF00
_PADDING = 0xFFFCFFFC
_FORBIDDEN = {
    0x04000500: "Encrypted Attributes are there",
    0xFFFAFFFA: "digital signatures of the original are there",
    0x04000561: "Original Attributes are there",
    _PADDING: "padding follows the data set",
}


def check_structure(comparison: Comparison) -> Iterator[Finding]:
    """Yield what the file has beside the elements that it may have."""
    released = comparison.released
    if released.data[:_PREAMBLE].strip(b"\0"):
        yield comparison.finding(CHECK, "preamble", "it is not zero")
    for element in released.meta:
        if element.tag.element not in _META:
            yield comparison.finding(CHECK, (int(element.tag),), "it does not belong there")
    same = released.transfer_syntax == comparison.original.transfer_syntax
    if not same and not comparison.is_cleaned:
        yield comparison.finding(CHECK, (0x00020010,), "the transfer syntax was changed")
    yield from _spans(comparison)
    for place in released.leaves:
        if text := _fault(place, comparison.claims):
            yield comparison.finding(CHECK, place, text)


def _spans(comparison: Comparison) -> Iterator[Finding]:
    """Yield what is wrong with the sequence of the data set's elements."""
    spans = comparison.released.spans
    if comparison.released.unused:
        yield comparison.finding(CHECK, "after the last element", "bytes follow that belong to no element")
    for one in spans:
        if not one.whole:
            yield comparison.finding(CHECK, (one.tag,), "it is longer than the file")
    for one, other in pairwise(spans):
        if other.tag <= one.tag:
            yield comparison.finding(CHECK, (other.tag,), "it is there twice, or out of order")


def _fault(place: Place, claims: Claims) -> str:
    """Return why an element may not be there, empty if it may."""
    tag = place[-1]
    group = tag >> 16
    if is_private(place):
        return "" if claims.has(RETAIN_PRIVATE) else "it is a private element"
    if group in {_DIRECTORY, 0x0000, _ITEMS}:
        return "its group does not belong there"
    if group & _REPEATING == _CURVES:
        return "it is of a curve"
    if group & _REPEATING == _OVERLAYS and not claims.has(CLEAN_GRAPHICS):
        return "it is of an overlay"
    return _FORBIDDEN.get(
        tag, "" if is_known(tag) or not tag & 0xFFFF else "no edition of DICOM known here has it"
    )
