"""Read single elements from their bytes, so that a damaged value touches nothing but itself.

pydicom would validate and convert, which is slow for Contour Data and warns with the value itself, which may
be a patient's.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

from pydicom.charset import decode_bytes
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.valuerep import TEXT_VR_DELIMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

REACH_MM = 10_000.0
"""A coordinate farther from the origin than this (10 m) is damage, not anatomy; it bounds all later work."""
PARSE_ERRORS = (
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
)
"""What pydicom raises on bytes that are not what they claim to be."""
_ESCAPE = b"\x1b"
"""Begins a switch of character set inside a value (PS3.5 6.1.2.5)."""


def raw(item: Dataset, tag: int) -> bytes:
    """Return the bytes of an element as the file holds them; none when it is absent."""
    element: Any = item.get_item(tag)
    value = None if element is None else element.value
    return value if isinstance(value, bytes) else b""


def whole_number(item: Dataset, tag: int) -> int | None:
    """Return an integer string (VR IS, PS3.5 6.2: 32 bits), None when it is absent or none of these."""
    try:
        number = int(raw(item, tag).strip(b" \0"))
    except ValueError:
        return None
    return number if -(2**31) <= number < 2**31 else None


def uid(item: Dataset, tag: int) -> str:
    """Return a UID, empty when it is absent."""
    return raw(item, tag).strip(b" \0").decode("ascii", "replace")


def code(item: Dataset, tag: int) -> str:
    """Return a code string (VR CS) in capitals, empty when it is absent."""
    return raw(item, tag).strip(b" \0").decode("ascii", "replace").upper()


def text(item: Dataset, tag: int, encodings: Sequence[str]) -> str:
    """Return a text element without its trailing padding, whatever it holds."""
    value = raw(item, tag)
    if _ESCAPE in value:
        decoded = decode_bytes(value, list(encodings), TEXT_VR_DELIMS)
    else:
        decoded = value.decode(encodings[0], "replace")
    return decoded.rstrip(" \0")


def colour(item: Dataset, tag: int) -> tuple[int, int, int] | None:
    """Return a colour, None when it is absent or not three numbers of 0 to 255."""
    try:
        red, green, blue = (int(part) for part in raw(item, tag).strip(b" \0").split(b"\\"))
    except ValueError:
        return None
    parts = (red, green, blue)
    return parts if all(0 <= part <= 255 for part in parts) else None  # noqa: PLR2004
