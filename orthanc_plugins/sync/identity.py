"""Which elements identify an object, refer to one or describe its pixels: none is repaired by itself.

``identity.txt`` holds the tags of every element of the value representation UI and of the sequences that
refer to other objects, from pydicom's dictionary (PS3.6). A test keeps it equal to the dictionary of the
locked pydicom and tells how it is made anew; pydicom itself, which loads NumPy, is not for this room.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orthanc_plugins.sync.paths import Step

_UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){5,}|2\.25\.\d{10,39}")
"""A number such as 1.25 has the form of a UID, too: those in use have more components, or are derived."""

_PIXEL_TAGS = frozenset(
    {
        *("00280002", "00280003", "00280004", "00280006", "00280008", "00280009", "00280010", "00280011"),
        *("00280014", "00280100", "00280101", "00280102", "00280103", "00280106", "00280107", "00280301"),
        *("00280A02", "00281101", "00281102", "00281103", "00281104", "00281201", "00281202", "00281203"),
        *("00281221", "00281222", "00281223", "00282110", "00282112", "00282114"),
    }
)
"""How pixels are coded (PS3.3 C.7.6.3) and were compressed: true of the pixels they came with only."""

_TEXT_CODING = frozenset({"00080005", "FFFCFFFC"})
"""Specific Character Set tells how the texts of its own data set are coded; the other is padding."""


@cache
def identity_tags() -> frozenset[str]:
    """Return the tags, in capitals, of elements that identify objects and of sequences that refer to them."""
    return frozenset((resources.files(__package__) / "identity.txt").read_text(encoding="ascii").split())


def is_identity(steps: tuple[Step, ...], *values: str | None) -> bool:
    """Return whether an element identifies an object or is part of a reference to one.

    Parameters
    ----------
    steps
        Path of the element.
    values
        What both copies have. A private element is told by its value having the form of a UID: no dictionary
        has its value representation.
    """
    if any(step.creator is None and step.tag in identity_tags() for step in steps):
        return True
    return steps[-1].creator is not None and any(_is_uid(value) for value in values if value is not None)


def describes_pixels(steps: tuple[Step, ...]) -> bool:
    """Return whether an element says how the pixels of its own instance are coded."""
    return len(steps) == 1 and steps[0].creator is None and steps[0].tag in _PIXEL_TAGS


def describes_coding(steps: tuple[Step, ...]) -> bool:
    """Return whether an element says how its own data set is written, and nothing of what it means."""
    return steps[-1].creator is None and steps[-1].tag in _TEXT_CODING


def _is_uid(value: str) -> bool:
    return any(_UID.fullmatch(one) for one in value.split("\\"))
