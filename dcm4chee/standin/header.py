"""A quick reading of what the archive keeps of a file, for the files that most are.

Explicit or implicit little endian, one character set, nothing kept that is a sequence: ten times as fast as a
whole data set. Of any other file, and of a damaged one, it says nothing, and `dataset` reads it with care.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.charset import python_encoding
from pydicom.uid import UID, ImplicitVRLittleEndian

from dcm4chee.standin.tags import ALL_KEPT, vr_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcm4chee.standin.dataset import Attributes, Element

_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
"""Representations whose length has four bytes (PS3.5 7.1.2)."""
_UNDEFINED = 0xFFFFFFFF
_PIXELS = 0x7FE00008
_WANTED = {int(tag, 16): tag for tag in ALL_KEPT}
_IMPLICIT_VR = {number: vr_of(tag).encode() for number, tag in _WANTED.items()}
_FORMATS = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d"}
_TEXT = frozenset((b"LO", b"SH", b"PN"))
_UNDIVIDED = frozenset((b"ST", b"LT", b"UT", b"UC", b"UR"))
_ASCII = frozenset((b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"TM", b"UI"))
_STRIPPED = frozenset((b"AE", b"DS", b"IS", b"CS"))
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


class _OtherwiseError(Exception):
    """Not one of the files that are read here."""


@dataclass(frozen=True)
class Header:
    """What the archive keeps of a file; where there are no pixels they begin at the end."""

    attributes: Attributes
    transfer_syntax_uid: str
    pixels: int
    implicit: bool


def quick_header(content: bytes) -> Header | None:
    """Return what is read of a file, or of its first bytes; None when that has to be done with care."""
    try:
        syntax, start = _meta_information(content)
        implicit = syntax == ImplicitVRLittleEndian
        if not implicit and (UID(syntax).is_deflated or not UID(syntax).is_little_endian):
            return None
        found: dict[int, tuple[bytes, bytes]] = {}
        pixels = len(content)
        for tag, vr, begin, end in _elements(content, start, implicit=implicit):
            if tag >= _PIXELS:
                pixels = begin
                break
            if tag in _WANTED:
                found[tag] = vr, content[begin:end]
        encoding = _encoding(found.get(0x00080005, (b"CS", b""))[1])
        attributes = {_WANTED[tag]: _element(vr, value, encoding) for tag, (vr, value) in found.items()}
    except (_OtherwiseError, struct.error, UnicodeDecodeError, ValueError):
        return None
    return Header(attributes, syntax, pixels, implicit)


def _meta_information(content: bytes) -> tuple[str, int]:
    """Return the transfer syntax, and where the data set begins (PS3.10 7.1)."""
    if content[128:140] != b"DICM\x02\x00\x00\x00UL\x04\x00":
        raise _OtherwiseError
    (length,) = struct.unpack_from("<I", content, 140)
    end = 144 + length
    for tag, _, begin, stop in _elements(content[:end], 144, implicit=False):
        if tag == 0x00020010:  # noqa: PLR2004 - TransferSyntaxUID
            return content[begin:stop].rstrip(b" \0").decode("ascii"), end
    raise _OtherwiseError


def _elements(content: bytes, place: int, *, implicit: bool) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield tag, representation, and where the value begins and ends; of pixels where the element begins."""
    while place < len(content):
        group, element = struct.unpack_from("<HH", content, place)
        tag = group << 16 | element
        if tag >= _PIXELS:
            yield tag, b"", place, place
            return
        if implicit:
            vr, begin = _IMPLICIT_VR.get(tag, b"UN"), place + 8
            (length,) = struct.unpack_from("<I", content, place + 4)
        else:
            vr = content[place + 4 : place + 6]
            is_long = vr in _LONG
            begin = place + (12 if is_long else 8)
            (length,) = struct.unpack_from("<I" if is_long else "<H", content, begin - (4 if is_long else 2))
        if length == _UNDEFINED or begin + length > len(content) or not vr.isalpha():
            raise _OtherwiseError
        yield tag, vr, begin, begin + length
        place = begin + length


def _encoding(value: bytes) -> str:
    """Return Python's name of the one character set of a file (PS3.3 C.12.1.1.2)."""
    term = value.strip(b" \0").decode("ascii")
    if "\\" in term or term not in python_encoding:
        raise _OtherwiseError
    return python_encoding[term]


def _element(vr: bytes, value: bytes, encoding: str) -> Element:
    name = vr.decode("ascii")
    if vr == b"SQ":
        if value:
            raise _OtherwiseError
        return {"vr": name}
    values = _values(vr, value, encoding)
    return {"vr": name, "Value": values} if any(one is not None for one in values) else {"vr": name}


def _values(vr: bytes, value: bytes, encoding: str) -> list[Any]:
    if vr in _FORMATS:
        return [one[0] for one in struct.iter_unpack(f"<{_FORMATS[vr]}", value)]
    if vr in _ASCII:
        texts = value.decode("ascii").rstrip(" \0").split("\\")
        return [(one.strip() if vr in _STRIPPED else one.rstrip(" \0")) or None for one in texts]
    if vr in _UNDIVIDED:
        return [value.decode(encoding).rstrip(" \0") or None]
    if vr in _TEXT:
        texts = [one.rstrip(" \0") for one in value.decode(encoding).split("\\")]
        return [_name(one) if vr == b"PN" else one or None for one in texts]
    raise _OtherwiseError


def _name(text: str) -> dict[str, str] | None:
    groups = zip(_GROUPS, text.split("="), strict=False)
    return {key: group for key, group in groups if group} or None
