"""Data sets of plain files, little endian and well formed, as positions in the file's bytes (PS3.5 7).

Nothing is copied or converted before it is asked for, so that a structure set of thousands of contours is
walked in hundredths of a second. Whatever is odd about a file raises `NotPlainError`; it is then read by
pydicom, which forgives much and says the rest better.

Decisions
---------
2026-11-21  A reader of its own beside pydicom: importing pydicom and building its data sets took 0.35 of
            the 1.0 s that all masks of 30 regions on 200 slices take as a process, and 0.25 of 0.6 s for 10
            regions on 60 slices.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

PREAMBLE = 128
PREFIX = b"DICM"
TRANSFER_SYNTAX = 0x00020010
META_GROUP_END = 0x00030000
IMPLICIT = b"1.2.840.10008.1.2"
FOREIGN = frozenset({b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99"})
"""Big endian and deflated: rare, left to pydicom."""
LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations whose length has four bytes after two reserved ones (PS3.5 7.1.2)."""
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
DEEPEST = 16

_EXPLICIT_HEAD = struct.Struct("<HH2sH")
_IMPLICIT_HEAD = struct.Struct("<HHL")
_LENGTH = struct.Struct("<L")
_HEAD = 8
_ITEM_GROUP = 0xFFFE


class NotPlainError(Exception):
    """The file is coded in a way, or damaged so, that it is left to pydicom."""


class _Place(NamedTuple):
    """Where a value is, and its representation, empty where the file does not state it."""

    start: int
    stop: int
    representation: bytes
    is_open: bool


class PlainItem:
    """A data set, or an item of a sequence: bytes and sequences by tag."""

    __slots__ = ("_data", "_explicit", "_places")

    def __init__(self, data: bytes, places: dict[int, _Place], *, explicit: bool) -> None:
        self._data = data
        self._places = places
        self._explicit = explicit

    def __contains__(self, tag: int) -> bool:
        return tag in self._places

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a value as the file holds them; none when it is absent or a sequence."""
        place = self._places.get(tag)
        if place is None or place.is_open or place.representation == b"SQ":
            return b""
        return self._data[place.start : place.stop]

    def sequence(self, tag: int) -> list[PlainItem]:
        """Return the items of a sequence; none when it is absent.

        Raises
        ------
        NotPlainError
            It is not a well formed sequence.
        """
        place = self._places.get(tag)
        if place is None:
            return []
        if self._explicit and place.representation != b"SQ":
            raise NotPlainError
        walk = _Walk(self._data, explicit=self._explicit)
        return [
            PlainItem(self._data, walk.elements(start, stop), explicit=self._explicit)
            for start, stop in walk.items(place.start, place.stop)
        ]


def plain_data_set(data: bytes, before: int = UNDEFINED) -> PlainItem:
    """Return the data set of a DICOM file (PS3.10 7.1).

    Parameters
    ----------
    data
        The whole file.
    before
        Tag at which to stop; what comes after is not looked at.

    Raises
    ------
    NotPlainError
        The file is not plain DICOM, is damaged or cut short.
    """
    start = PREAMBLE + len(PREFIX)
    if data[PREAMBLE:start] != PREFIX:
        raise NotPlainError
    walk = _Walk(data, explicit=True)
    begin, syntax = walk.meta(start)
    if not syntax or syntax in FOREIGN:
        raise NotPlainError
    explicit = syntax != IMPLICIT
    places = _Walk(data, explicit=explicit).elements(begin, len(data), before)
    return PlainItem(data, places, explicit=explicit)


class _Walk:
    """Goes from element to element; every step checks that the next lies inside what holds it."""

    def __init__(self, data: bytes, *, explicit: bool) -> None:
        self._data = data
        self._explicit = explicit

    def meta(self, position: int) -> tuple[int, bytes]:
        """Return where the data set begins, and its transfer syntax."""
        syntax = b""
        while position < len(self._data):
            tag, place = self._element(position, len(self._data))
            if tag >= META_GROUP_END:
                break
            if tag == TRANSFER_SYNTAX:
                syntax = self._data[place.start : place.stop].rstrip(b" \0")
            position = place.stop
        return position, syntax

    def elements(self, position: int, end: int, before: int = UNDEFINED) -> dict[int, _Place]:
        """Return the places of the elements from a position up to an end, or to a tag."""
        places: dict[int, _Place] = {}
        last = -1
        while position < end:
            tag, place = self._element(position, end)
            if tag >= before:
                break
            if tag <= last:
                raise NotPlainError
            if place.is_open:
                stop, position = self._open_sequence(place.start, end, 0)
                place = place._replace(stop=stop, is_open=False)
            else:
                position = place.stop
            places[tag] = place
            last = tag
        return places

    def items(self, position: int, end: int) -> list[tuple[int, int]]:
        """Return where the content of each item of a sequence begins and ends."""
        found = []
        while position < end:
            tag, start, length = self._marker(position, end)
            if tag != ITEM:
                raise NotPlainError
            if length == UNDEFINED:
                stop, position = self._open_item(start, end, 0)
            else:
                stop = position = start + length
                if stop > end:
                    raise NotPlainError
            found.append((start, stop))
        return found

    def _element(self, position: int, end: int) -> tuple[int, _Place]:
        start = position + _HEAD
        if start > end:
            raise NotPlainError
        if not self._explicit:
            group, number, length = _IMPLICIT_HEAD.unpack_from(self._data, position)
            representation = b""
        else:
            group, number, representation, length = _EXPLICIT_HEAD.unpack_from(self._data, position)
            if representation in LONG:
                start += 4
                if start > end:
                    raise NotPlainError
                (length,) = _LENGTH.unpack_from(self._data, position + _HEAD)
            elif not (representation.isalpha() and representation.isupper()):
                raise NotPlainError
        is_open = length == UNDEFINED
        if (is_open and representation not in {b"", b"SQ"}) or group == _ITEM_GROUP:
            raise NotPlainError
        stop = start if is_open else start + length
        if stop > end:
            raise NotPlainError
        return group << 16 | number, _Place(start, stop, representation, is_open)

    def _marker(self, position: int, end: int) -> tuple[int, int, int]:
        """Return the tag of an item or a delimiter, where its content begins, and its length."""
        if position + _HEAD > end:
            raise NotPlainError
        group, number, length = _IMPLICIT_HEAD.unpack_from(self._data, position)
        return group << 16 | number, position + _HEAD, length

    def _open_sequence(self, position: int, end: int, depth: int) -> tuple[int, int]:
        """Return where the items of a sequence of undefined length end, and what follows its delimiter."""
        if depth > DEEPEST:
            raise NotPlainError
        while True:
            tag, start, length = self._marker(position, end)
            if tag == SEQUENCE_END:
                return position, start
            if tag != ITEM:
                raise NotPlainError
            if length == UNDEFINED:
                _, position = self._open_item(start, end, depth)
            else:
                position = start + length

    def _open_item(self, position: int, end: int, depth: int) -> tuple[int, int]:
        """Return where the elements of an item of undefined length end, and what follows its delimiter."""
        while True:
            tag, start, _ = self._marker(position, end)
            if tag == ITEM_END:
                return position, start
            _, place = self._element(position, end)
            position = self._open_sequence(place.start, end, depth + 1)[1] if place.is_open else place.stop
