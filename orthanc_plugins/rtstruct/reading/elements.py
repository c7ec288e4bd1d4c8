"""Read single elements from their bytes, so that a damaged value touches nothing but itself.

pydicom would validate and convert, which is slow for Contour Data and warns with the value itself, which may
be a patient's.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

from orthanc_plugins.rtstruct.reading.plain import NotPlainError, PlainItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

type Item = PlainItem | Dataset
"""A data set or an item of a sequence, of a plain file or as pydicom has read it."""

REACH_MM = 10_000.0
"""A coordinate farther from the origin than this (10 m) is damage, not anatomy; it bounds all later work."""
_ESCAPE = b"\x1b"
"""Begins a switch of character set inside a value (PS3.5 6.1.2.5)."""


_ENCODINGS = {b"": "iso8859", b"ISO_IR 6": "iso8859", b"ISO_IR 100": "latin_1", b"ISO_IR 192": "utf8"}
"""The commonest character sets (PS3.3 C.12.1.1.2); pydicom knows the others."""
_CHARACTER_SET = 0x00080005


def parse_errors(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what pydicom raises on bytes that are not what they claim to be, and others."""
    from pydicom.errors import BytesLengthException, InvalidDicomError  # noqa: PLC0415 - plain files need no pydicom

    return (
        InvalidDicomError,
        BytesLengthException,
        EOFError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        struct.error,
        zlib.error,
        ArithmeticError,
        NotImplementedError,
        RecursionError,
        *others,
    )


def raw(item: Item, tag: int) -> bytes:
    """Return the bytes of an element as the file holds them; none when it is absent."""
    if isinstance(item, PlainItem):
        return item.raw(tag)
    element: Any = item.get_item(tag)
    value = None if element is None else element.value
    return value if isinstance(value, bytes) else b""


def sequence(item: Item, tag: int) -> Sequence[Item]:
    """Return the items of a sequence; none when it is absent."""
    if isinstance(item, PlainItem):
        return item.sequence(tag)
    items: Sequence[Dataset] = (item[tag].value if tag in item else None) or ()
    return items


def encodings_of(item: Item) -> list[str]:
    """Return the Python encodings of a data set's Specific Character Set (0008,0005).

    Raises
    ------
    NotPlainError
        The data set is a plain file's, and only pydicom knows the character set.
    """
    if isinstance(item, PlainItem):
        value = item.raw(_CHARACTER_SET).rstrip(b" \0")
        if value not in _ENCODINGS:
            raise NotPlainError
        return [_ENCODINGS[value]]
    from pydicom.charset import convert_encodings  # noqa: PLC0415 - as above

    element: Any = item.get(_CHARACTER_SET)
    return convert_encodings(None if element is None else element.value)


def whole_number(item: Item, tag: int) -> int | None:
    """Return an integer string (VR IS, PS3.5 6.2: 32 bits), None when it is absent or none of these."""
    try:
        number = int(raw(item, tag).strip(b" \0"))
    except ValueError:
        return None
    return number if -(2**31) <= number < 2**31 else None


def uid(item: Item, tag: int) -> str:
    """Return a UID, empty when it is absent."""
    return raw(item, tag).strip(b" \0").decode("ascii", "replace")


def code(item: Item, tag: int) -> str:
    """Return a code string (VR CS) in capitals, empty when it is absent."""
    return raw(item, tag).strip(b" \0").decode("ascii", "replace").upper()


def text(item: Item, tag: int, encodings: Sequence[str]) -> str:
    """Return a text element without its trailing padding, whatever it holds."""
    value = raw(item, tag)
    if _ESCAPE in value:
        from pydicom.charset import decode_bytes  # noqa: PLC0415 - as above
        from pydicom.valuerep import TEXT_VR_DELIMS  # noqa: PLC0415 - as above

        decoded = decode_bytes(value, list(encodings), TEXT_VR_DELIMS)
    else:
        decoded = value.decode(encodings[0], "replace")
    return decoded.rstrip(" \0")


def colour(item: Item, tag: int) -> tuple[int, int, int] | None:
    """Return a colour, None when it is absent or not three numbers of 0 to 255."""
    try:
        red, green, blue = (int(part) for part in raw(item, tag).strip(b" \0").split(b"\\"))
    except ValueError:
        return None
    parts = (red, green, blue)
    return parts if all(0 <= part <= 255 for part in parts) else None  # noqa: PLR2004
