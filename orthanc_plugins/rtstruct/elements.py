"""Read single elements from their bytes, so that a damaged value touches nothing but itself.

pydicom would validate and convert, which is slow for Contour Data and warns with the value itself, which may
be a patient's.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from pydicom.charset import decode_bytes
from pydicom.valuerep import TEXT_VR_DELIMS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def raw(item: Dataset, tag: int) -> bytes:
    """Return the bytes of an element as the file holds them; none when it is absent."""
    element: Any = item.get_item(tag)
    value = None if element is None else element.value
    return value if isinstance(value, bytes) else b""


def whole_number(item: Dataset, tag: int) -> int | None:
    """Return an integer string (VR IS), None when it is absent or not a whole number."""
    try:
        return int(raw(item, tag).strip(b" \0"))
    except ValueError:
        return None


def text(item: Dataset, tag: int, encodings: list[str]) -> str:
    """Return a text element without its trailing padding, whatever it holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return decode_bytes(raw(item, tag), encodings, TEXT_VR_DELIMS).rstrip(" \0")


def colour(item: Dataset, tag: int) -> tuple[int, int, int] | None:
    """Return a colour, None when it is absent or not three numbers of 0 to 255."""
    try:
        red, green, blue = (int(part) for part in raw(item, tag).strip(b" \0").split(b"\\"))
    except ValueError:
        return None
    parts = (red, green, blue)
    return parts if all(0 <= part <= 255 for part in parts) else None  # noqa: PLR2004
