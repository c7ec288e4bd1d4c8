"""Data sets of plain files, little endian and well formed, as positions in the file's bytes (PS3.5 7).

Nothing is copied or converted before it is asked for, so that a structure set of thousands of contours is
walked in hundredths of a second. Whatever is odd about a file raises `NotPlainError`; it is then read by
pydicom, which forgives much and says the rest better.

Decisions
---------
2026-11-21  A reader of its own beside pydicom: importing pydicom and building its data sets took 0.35 of
            the 1.0 s that all masks of 30 regions on 200 slices take as a process, and 0.25 of 0.6 s for 10
            regions on 60 slices.
2026-11-21  It is the stricter of the two: it reads nothing otherwise than pydicom does. What pydicom would
            trip over or take differently, even where nobody asks for that element, is not plain.
2026-11-21  Sequences of undefined length are read at once, for their end is known only then; those with a
            length when they are asked for. So every byte is walked once.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

PREAMBLE = 128
PREFIX = b"DICM"
TRANSFER_SYNTAX = 0x00020010
META_GROUP = b"\2\0"
META_GROUP_END = 0x00030000
IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"
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
_ITEM_DELIMITER = _IMPLICIT_HEAD.pack(_ITEM_GROUP, 0xE00D, 0)
_SEQUENCE_DELIMITER = _IMPLICIT_HEAD.pack(_ITEM_GROUP, 0xE0DD, 0)
_META_GROUP_LENGTH = 0x00020000
_ANY = range(UNDEFINED)
_CHARACTER_SET = 0x00080005
_PIXEL_REPRESENTATION = 0x00280103
_SEQUENCES = frozenset(
    (
        *(0x00081032, 0x00081110, 0x00081111, 0x00081115, 0x00081120, 0x00081140, 0x00081199, 0x00081250),
        *(0x00101002, 0x00400275, 0x0040A043, 0x300C0002, 0x300C0060),
        *(0x30060010, 0x30060012, 0x30060014, 0x30060016, 0x30060018, 0x30060020, 0x30060030, 0x30060037),
        *(0x30060039, 0x30060040, 0x30060080, 0x30060086, 0x300600A0, 0x300600B0, 0x300600B6, 0x300600B9),
        *(0x300600C0,),
    )
)
"""What a structure set holds of sequences (PS3.3 A.19): without representations, nothing else tells them."""


class NotPlainError(Exception):
    """The file is coded in a way, or damaged so, that it is left to pydicom."""


class _Place(NamedTuple):
    """Where a value is, and its representation, empty where the file does not state it.

    ``items`` are those of a sequence of undefined length, None of everything else.
    """

    start: int
    stop: int
    representation: bytes
    items: list[PlainItem] | None = None


class PlainItem:
    """A data set, or an item of a sequence: bytes and sequences by tag."""

    __slots__ = ("_places", "_walk")

    def __init__(self, walk: _Walk, places: dict[int, _Place]) -> None:
        self._walk = walk
        self._places = places

    def __contains__(self, tag: int) -> bool:
        return tag in self._places

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a value as the file holds them; none when it is absent.

        Raises
        ------
        NotPlainError
            It is a sequence.
        """
        place = self._places.get(tag)
        if place is None:
            return b""
        if place.items is not None or place.representation == b"SQ":
            raise NotPlainError
        return self._walk.data[place.start : place.stop]

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
        if place.items is not None:
            return place.items
        if place.representation not in {b"", b"SQ"}:
            raise NotPlainError
        return self._walk.items(place.start, place.stop)[0]


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
    start, syntax = _Walk(data, explicit=True).meta(start)
    if syntax not in {IMPLICIT, EXPLICIT}:
        raise NotPlainError
    walk = _Walk(data, explicit=syntax == EXPLICIT)
    if syntax == IMPLICIT and has_representation(data, start):
        raise NotPlainError
    places, _ = walk.elements(start, len(data), range(META_GROUP_END, before))
    if _CHARACTER_SET in places and places[_CHARACTER_SET].representation not in {b"", b"CS"}:
        raise NotPlainError
    return PlainItem(walk, places)


def has_representation(data: bytes, position: int) -> bool:
    """Return whether an element seems to state its representation: some files do and say they do not."""
    seeming = data[position + 4 : position + 6]
    return seeming.isalpha() and seeming.isupper()


class _Walk:
    """Goes from element to element; every step checks that the next lies inside what holds it."""

    __slots__ = ("_explicit", "data")

    def __init__(self, data: bytes, *, explicit: bool) -> None:
        self.data = data
        self._explicit = explicit

    def meta(self, position: int) -> tuple[int, bytes]:
        """Return where the data set begins, and its transfer syntax (PS3.10 7.1)."""
        places: dict[int, _Place] = {}
        while self.data.startswith(META_GROUP, position):
            tag, place = self._element(position, len(self.data), 0)
            if tag in places:
                raise NotPlainError
            places[tag] = place
            position = place.stop
        first, syntax = next(iter(places.items()), None), places.get(TRANSFER_SYNTAX)
        if first is None or first[0] != _META_GROUP_LENGTH or first[1].representation != b"UL":
            raise NotPlainError
        if first[1].stop - first[1].start != _LENGTH.size or syntax is None or syntax.representation != b"UI":
            raise NotPlainError
        return position, self.data[syntax.start : syntax.stop].rstrip(b" \0")

    def elements(
        self,
        position: int,
        end: int,
        tags: range = _ANY,
        depth: int = 0,
        *,
        is_open: bool = False,
    ) -> tuple[dict[int, _Place], int]:
        """Return the places of elements, and where the next thing begins.

        They reach to the end, to the first tag beyond those asked for or, when their item is open, to its
        delimiter; each tag is greater than the one ahead of it.
        """
        least = tags.start
        places: dict[int, _Place] = {}
        while position < end:
            if is_open and self.data.startswith(_ITEM_DELIMITER, position):
                return places, position + _HEAD
            tag, place = self._element(position, end, depth)
            if tag >= tags.stop:
                return places, position
            if tag < least or tag == _PIXEL_REPRESENTATION:
                raise NotPlainError
            places[tag] = place
            position, least = place.stop, tag + 1
        if is_open or position != end:
            raise NotPlainError
        return places, position

    def items(
        self, position: int, end: int, depth: int = 0, *, is_open: bool = False
    ) -> tuple[list[PlainItem], int]:
        """Return the items of a sequence, and where the next thing begins (PS3.5 7.5)."""
        found: list[PlainItem] = []
        while position < end:
            if is_open and self.data.startswith(_SEQUENCE_DELIMITER, position):
                return found, position + _HEAD
            if position + _HEAD > end:
                raise NotPlainError
            group, number, length = _IMPLICIT_HEAD.unpack_from(self.data, position)
            position += _HEAD
            stop = end if length == UNDEFINED else position + length
            if group << 16 | number != ITEM or stop > end:
                raise NotPlainError
            places, position = self.elements(position, stop, depth=depth, is_open=length == UNDEFINED)
            if _CHARACTER_SET in places:
                raise NotPlainError
            found.append(PlainItem(self, places))
        if is_open or position != end:
            raise NotPlainError
        return found, position

    def _element(self, position: int, end: int, depth: int) -> tuple[int, _Place]:
        start = position + _HEAD
        if start > end:
            raise NotPlainError
        if not self._explicit:
            group, number, length = _IMPLICIT_HEAD.unpack_from(self.data, position)
            representation = b""
        else:
            group, number, representation, length = _EXPLICIT_HEAD.unpack_from(self.data, position)
            if representation in LONG:
                start += 4
                if start > end:
                    raise NotPlainError
                (length,) = _LENGTH.unpack_from(self.data, position + _HEAD)
            elif not (representation.isalpha() and representation.isupper()):
                raise NotPlainError
        if group == _ITEM_GROUP:
            raise NotPlainError
        tag = group << 16 | number
        if length == UNDEFINED:
            return tag, self._open_sequence(tag, representation, start, end, depth)
        stop = start + length
        if stop > end:
            raise NotPlainError
        return tag, _Place(start, stop, representation)

    def _open_sequence(self, tag: int, representation: bytes, start: int, end: int, depth: int) -> _Place:
        is_known = representation == b"SQ" or (not representation and (tag in _SEQUENCES or tag >> 16 & 1))
        if not is_known or depth > DEEPEST:
            raise NotPlainError
        items, stop = self.items(start, end, depth + 1, is_open=True)
        return _Place(start, stop, representation, items)
