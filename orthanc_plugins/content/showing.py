"""Values, items and paths of elements as a person reads them."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR

from orthanc_plugins.content.characters import decoded, is_plain
from orthanc_plugins.content.representations import PRIVATE, Kind, keyword_of, kind_of

if TYPE_CHECKING:
    from orthanc_plugins.content.encoding import DataSet, Place

_NUMBERS = {
    "US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "SV": "q", "UV": "Q",
}  # fmt: skip
_MOST_NUMBERS = 64
_MOST_BYTES = 32
_MOST_ELEMENTS = 3
"""Of an item, so many of its elements are shown."""


def shown_path(data_set: DataSet, tag: int) -> str:
    """Return how an element is named in a path: its tag, or group, creator and number of a private one."""
    creator = data_set.creators.get(tag >> 8) if tag & PRIVATE else None
    if creator is None:
        return f"{tag:08X}"
    return f"{tag >> 16:04X}[{creator[0].decode('ascii', 'replace')}]{tag & 0xFF:02X}"


def shown_value(data_set: DataSet, tag: int, place: Place) -> str:
    """Return an element's value: text and numbers as they are, of long binary values their digest."""
    if place.items is not None:
        return shown_items(place.items)
    value = data_set.data[place.start : place.stop]
    kind, _ = kind_of(tag, place.representation)
    if kind in {Kind.BINARY, Kind.SEQUENCE}:
        big_endian = data_set.big_endian and place.representation != b"UN"
        return _shown_binary(value, _representation(tag, place), ">" if big_endian else "<")
    if kind is Kind.UNKNOWN and not (is_plain(value) and value.rstrip(b" \0").decode("ascii").isprintable()):
        return _shown_bytes(value)
    return _shown_text(value, kind, data_set)


def shown_items(items: list[DataSet]) -> str:
    """Return what a sequence holds: of one item its first elements, of more their number."""
    return shown_item(items[0]) if len(items) == 1 else f"{len(items):,} items"


def shown_item(item: DataSet) -> str:
    """Return the first elements of an item, UIDs last.

    Sequences inside it are counted, not opened.
    """
    valued = [(tag, place) for tag, place in item.places.items() if tag & 0xFFFF and place.start < place.stop]
    valued.sort(key=lambda one: _representation(*one) == "UI")
    parts = []
    for tag, place in valued[:_MOST_ELEMENTS]:
        value = f"{len(place.items)} items" if place.items is not None else shown_value(item, tag, place)
        parts.append(f"{keyword_of(tag) or shown_path(item, tag)}={value}")
    return f"item with {', '.join(parts)}" if parts else "empty item"


def _representation(tag: int, place: Place) -> str:
    """Return the value representation that a value is shown by."""
    if place.representation and place.representation != b"UN":
        return place.representation.decode("ascii")
    try:
        return str(dictionary_VR(tag))[:2]
    except KeyError:
        return "UN"


def _shown_binary(value: bytes, representation: str, order: str) -> str:
    if representation == "AT" and len(value) <= _MOST_BYTES and len(value) % 4 == 0:
        words = struct.unpack(f"{order}{len(value) // 2}H", value)
        return "\\".join(f"({words[k]:04X},{words[k + 1]:04X})" for k in range(0, len(words), 2))
    code = _NUMBERS.get(representation, "")
    size = struct.calcsize(f"={code}")
    if not code or len(value) % size or len(value) > size * _MOST_NUMBERS:
        return _shown_bytes(value)
    numbers = struct.unpack(f"{order}{len(value) // size}{code}", value)
    return "\\".join(f"{number:.9g}" if code == "f" else str(number) for number in numbers)


def _shown_bytes(value: bytes) -> str:
    """Return bytes in hexadecimal, of many their number and digest."""
    if len(value) <= _MOST_BYTES:
        return value.hex(" ")
    return f"{len(value):,} bytes, BLAKE2b {blake2b(value, digest_size=8).hexdigest()}"


def _shown_text(value: bytes, kind: Kind, data_set: DataSet) -> str:
    value = value.rstrip(b" \0")
    text = decoded(value, data_set.encodings, name=kind is Kind.NAME)
    return value.decode("ascii", "backslashreplace") if text is None else text
