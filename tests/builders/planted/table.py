"""The attributes of PS3.15 Table E.1-1, edition 2026c, as dicom-anonymizer lists them."""

from __future__ import annotations

import re
from functools import cache

from dicomanonymizer.dicom_anonymization_databases import (  # type: ignore[import-untyped]  # it has no types
    dicomfields_2026c,
)
from pydicom.datadict import get_entry

_NEWER = {
    **dict.fromkeys((0x00081301, 0x00081302, 0x00081303, 0x00081304), "SQ"),
    **dict.fromkeys((0x00100011, 0x00100014, 0x00100015, 0x00100041, 0x00100043), "SQ"),
    **dict.fromkeys((0x00100044, 0x00100046), "SQ"),
    0x00100012: "LT",
    **dict.fromkeys((0x00100013, 0x00100016, 0x00100042, 0x00100045), "UT"),
    **dict.fromkeys((0x00100047, 0x0040E012), "UR"),
    0x00102162: "UC",
    **dict.fromkeys((0x0040A034, 0x0040A035, 0x0040B034, 0x0040B036), "DT"),
    **dict.fromkeys((0x0040B03B, 0x0040B03F), "LO"),
}
"""Representations of what pydicom's dictionary does not know yet; a tool has to act on the tag alone."""
_ELSEWHERE = {0x0000, 0x0002, 0x0004, 0xFFFA, 0xFFFC}
"""Groups planted elsewhere: commands, meta information, directories, signatures, padding."""
_SURVIVING = {
    "0008,1140": "ReferencedImageSequence",
    "0008,2112": "SourceImageSequence",
    "0040,A730": "ContentSequence",
    "0070,0001": "GraphicAnnotationSequence",
    "0040,0555": "AcquisitionContextSequence",
    "0040,0275": "RequestAttributesSequence",
}
"""Sequences of the table that are cleaned or mapped, not removed, where a release is to be of use."""
_STEP = re.compile(r"\(([0-9A-F]{3}([0-9A-F]),[0-9A-F]{4})\)\[")


@cache
def every_attribute() -> dict[int, str]:
    """Return the representation of every attribute of the table that a data set may hold, by tag.

    The repeating groups 50xx and 60xx are planted elsewhere, too.
    """
    tags = (group << 16 | element for group, element, *mask in dicomfields_2026c.ALL_TAGS if not mask)
    listed = [tag for tag in tags if tag >> 16 not in _ELSEWHERE]
    return {tag: _representation(tag) for tag in sorted(listed)}


def _representation(tag: int) -> str:
    try:
        return get_entry(tag)[0]
    except KeyError:
        return _NEWER[tag]


@cache
def _removed_sequences() -> frozenset[str]:
    listed = {tag for tag, representation in every_attribute().items() if representation == "SQ"}
    return frozenset(f"{tag >> 16:04X},{tag & 0xFFFF:04X}" for tag in listed) - set(_SURVIVING)


def lies_in_what_is_removed(path: str) -> bool:
    """Return whether a place is inside a sequence that de-identification removes whole, or a private one."""
    return any(step in _removed_sequences() or last in "13579BDF" for step, last in _STEP.findall(path))
