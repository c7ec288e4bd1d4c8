"""Reading DICOM JSON (PS3.18 annex F) as archives really write it.

Numbers come as numbers or as text, empty members as null, absent values as no ``Value``, a null one or an
empty list; DCM4CHEE writes IS and DS as text. Nothing here raises: what cannot be read is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

type Row = Mapping[str, Any]
"""A data set: elements by tag of eight hexadecimal digits."""

_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def rows_of(content: object) -> list[Row]:
    """Return the data sets of an answer: of a list, of a single one, or of none.

    >>> rows_of(None), rows_of([]), rows_of({"00080018": {}}), rows_of([{}, None])
    ([], [], [{'00080018': {}}], [{}])
    """
    entries = content if isinstance(content, list) else [content]
    return [entry for entry in entries if isinstance(entry, dict)]


def values(row: Row, tag: str) -> Sequence[Any]:
    """Return the values of an element that are there."""
    element = row.get(tag)
    found = element.get("Value") if isinstance(element, dict) else None
    return [value for value in found if value is not None] if isinstance(found, list) else []


def texts(row: Row, tag: str) -> list[str]:
    """Return the values of an element as text, without padding; those of names with all their groups.

    >>> texts({"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Phonetic": "C"}]}}, "00100010")
    ['A^B==C']
    >>> texts({"00201208": {"vr": "IS", "Value": ["12", None, 13, 1.0]}}, "00201208")
    ['12', '13', '1']
    """
    return [_text(value) for value in values(row, tag)]


def text(row: Row, tag: str) -> str:
    r"""Return the value of an element as text, several joined by backslashes; empty when it has none."""
    return "\\".join(texts(row, tag))


def number(row: Row, tag: str) -> int | None:
    """Return the first value of an element as a whole number, None when it is none.

    >>> number({"00201208": {"vr": "IS", "Value": [" 12 "]}}, "00201208")
    12
    >>> number({"00201208": {"vr": "IS", "Value": ["many"]}}, "00201208") is None
    True
    """
    found = texts(row, tag)
    try:
        return int(found[0])
    except (IndexError, ValueError):
        return None


def items(row: Row, tag: str) -> list[Row]:
    """Return the items of a sequence."""
    return rows_of(list(values(row, tag)))


def _text(value: object) -> str:
    if isinstance(value, dict):
        groups = [str(value.get(group) or "") for group in _NAME_GROUPS]
        return "=".join(group.strip() for group in groups).rstrip("=")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip(" \0")
