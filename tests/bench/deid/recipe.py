"""Table E.1-1 as a recipe for deid, which has only a short one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR

from orthanc_plugins.deid.standard import confidentiality_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACTIONS = {
    "X": "REMOVE {0}",
    "Z": "BLANK {0}",
    "D": "REPLACE {0} func:dummy",
    "U": "REPLACE {0} func:new_uid",
}
_REPEATING = {"50xx,xxxx": "50..", "60xx,3000": "60..3000", "60xx,4000": "60..4000"}


def full_recipe() -> str:
    """Return the Basic Profile: of several actions the last, which leaves an object whole."""
    return "\n".join(("FORMAT dicom", "", "%header", "", *_lines(), ""))


def _lines() -> Iterator[str]:
    for row in confidentiality_rows():
        if row.mask in _REPEATING:
            yield f"REMOVE contains:^{_REPEATING[row.mask]}"
        elif "," in row.mask:
            yield from _line(row.mask.replace(",", ""), row.basic)


def _line(tag: str, action: str) -> Iterator[str]:
    last = action.rstrip("*").rpartition("/")[2]
    if _is_sequence(tag):
        if (
            last in "XZD"
        ):  # a sequence cannot be replaced; UIDs inside one that is mapped have rows of their own
            yield _ACTIONS["X" if last == "X" else "Z"].format(tag)
    else:
        yield _ACTIONS[last].format(tag)


def _is_sequence(tag: str) -> bool:
    try:
        return dictionary_VR(int(tag, 16)) == "SQ"
    except KeyError:
        return False
