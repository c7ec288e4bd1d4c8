"""Data sets of any transfer syntax as positions in the file's bytes (PS3.5 chapter 7, PS3.10 chapter 7).

Implicit and explicit, little and big endian, deflated, sequences of defined and undefined length, unknown
(UN) values that are sequences, encapsulated pixels: one walk over all. Nothing is copied or converted before
it is asked for. What announces more than there is raises, for half an object is not to be taken for a whole
one; only of pixels at the end, what is there is kept and told (`DicomObject.damage`).
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.content.characters import Encodings, encodings_of
from orthanc_plugins.content.representations import PRIVATE, REPRESENTATIONS, Kind, kind_of, shown_tag
from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Mapping

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = frozenset({IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN})
"""Transfer syntaxes in which pixels are not compressed, PS3.5 annex A.1 to A.3 and A.5."""
CHARACTER_SET = 0x00080005
PIXEL_GROUP = 0x7FE0
PIXEL_DATA = 0x7FE00010

_PREAMBLE, _PREFIX = 128, b"DICM"
_TRANSFER_SYNTAX = 0x00020010
_META_GROUP = b"\2\0"
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_HEAD = 8
_DEEPEST = 64
"""Sequences are not nested deeper in any object there is; it bounds recursion."""
_MOST_INFLATED = 2**30
"""A deflated data set that holds more is damaged, or made to do harm; it bounds memory."""
_LONGEST_NUMBER = 12
"""Characters of an integer string (PS3.5 6.2)."""
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations whose length has four bytes after two reserved ones (PS3.5 7.1.2)."""
_BYTES = frozenset({b"OB", b"OW"})
_SIMPLE = frozenset(REPRESENTATIONS) - {b"SQ", b"UN"}
"""What is said to be no sequence is none."""
_UNKNOWN = b"UN"
_ITEM_BYTES = b"\xfe\xff\x00\xe0"


class Place(NamedTuple):
    """Where a value is.

    Parameters
    ----------
    representation
        As the file states it, empty where it does not.
    start, stop
        Of the value in the file's bytes; of encapsulated pixels, of all their items.
    items
        Of a sequence, else None.
    fragments
        Start and stop of each fragment of encapsulated pixels, the Basic Offset Table first; else None.
    """

    representation: bytes
    start: int
    stop: int
    items: list[DataSet] | None = None
    fragments: list[tuple[int, int]] | None = None


class DataSet:
    """A data set, or an item of a sequence: where its elements are, by tag, in the order of the file.

    ``digest`` is kept by `datasets.digest_of`, once it has been asked for.
    """

    def __init__(self, walk: _Walk, parent: DataSet | None) -> None:
        self.data = walk.data
        self.big_endian = walk.order == ">"
        self.places: dict[int, Place] = {}
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.digest: bytes | None = None
        self._parent = parent

    def __contains__(self, tag: int) -> bool:
        return tag in self.places

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a value as the file holds them; none of a sequence or when it is absent."""
        place = self.places.get(tag)
        return b"" if place is None or place.items is not None else self.data[place.start : place.stop]

    def text(self, tag: int) -> str:
        """Return a value of plain text, such as a UID or a code, without padding; empty when absent."""
        return self.raw(tag).strip(b" \0").decode("ascii", "replace")

    def whole_number(self, tag: int) -> int | None:
        """Return an unsigned whole number, binary or as text; None when it is absent or none.

        Of more than one value, the first.
        """
        value, kind = self.raw(tag), kind_of(tag, self.places[tag].representation)[0] if tag in self else None
        if kind is Kind.BINARY and len(value) in {2, 4}:
            big_endian = self.big_endian and self.places[tag].representation != _UNKNOWN
            return int.from_bytes(value, "big" if big_endian else "little")
        text = value.split(b"\\")[0].strip(b" \0")
        return int(text) if text.isdigit() and len(text) <= _LONGEST_NUMBER else None

    def items(self, tag: int) -> list[DataSet]:
        """Return the items of a sequence; none when it is absent or no sequence."""
        place = self.places.get(tag)
        return [] if place is None or place.items is None else place.items

    @property
    def character_set(self) -> bytes:
        """Specific Character Set: its own, or that of what it is nested in (PS3.5 7.5.3)."""
        if CHARACTER_SET in self.places:
            return self.raw(CHARACTER_SET).strip(b" \0")
        return b"" if self._parent is None else self._parent.character_set

    @cached_property
    def encodings(self) -> Encodings:
        """The character sets of its text."""
        return encodings_of(self.character_set)

    @cached_property
    def creators(self) -> Mapping[int, tuple[bytes, int]]:
        """Who reserved a block of private elements (PS3.5 7.8.1), by group and block as ``0xGGGGBB``.

        Beside the creator's name stands which of its blocks in the group it is, counted from 0.
        """
        names = {
            tag >> 8 & 0xFFFF00 | tag & 0xFF: self.raw(tag).strip(b" \0")
            for tag in sorted(self.places)
            if tag & PRIVATE and 0x10 <= tag & 0xFFFF <= 0xFF  # noqa: PLR2004 - the standard's
        }
        blocks: Counter[tuple[int, bytes]] = Counter()
        found = {}
        for block, name in names.items():
            found[block] = (name, blocks[block >> 8, name])
            blocks[block >> 8, name] += 1
        return found


class DicomObject(NamedTuple):
    """A file's data set, and how it was written; ``damage`` says what its pixels lack, empty when nothing."""

    transfer_syntax_uid: str
    data_set: DataSet
    damage: str = ""


def body_of(content: bytes) -> memoryview:
    """Return a file's bytes after its File Meta Information; all of them where there is none to be read."""
    try:
        begin, _ = _meta(content)
    except InvalidDicom:
        begin = 0
    return memoryview(content)[begin:]


def read_object(content: bytes, transfer_syntax_uid: str = "") -> DicomObject:
    """Return the data set of a file.

    Parameters
    ----------
    content
        The whole file.
    transfer_syntax_uid
        What to take a file for that has no File Meta Information; empty: what it looks like.

    Raises
    ------
    InvalidDicom
        It is no DICOM, is damaged or is cut short ahead of its pixels.
    """
    begin, stated = _meta(content)
    syntax = stated or transfer_syntax_uid
    if syntax == DEFLATED:
        content, begin = _inflated(content, begin), 0
    backwards = not syntax and content[begin : begin + 1] == b"\0"  # its first group is below 256
    order = ">" if backwards or syntax == BIG_ENDIAN else "<"
    explicit = content[begin + 4 : begin + 6] in REPRESENTATIONS
    walk = _Walk(content, explicit=explicit, order=order)
    try:
        data_set, _ = walk.data_set(begin, len(content), None)
    except struct.error as error:
        raise InvalidDicom("The file is cut short inside the head of an element. Get it again.") from error
    seeming = BIG_ENDIAN if backwards else EXPLICIT if explicit else IMPLICIT
    return DicomObject(syntax or seeming, data_set, walk.damage)


def _meta(content: bytes) -> tuple[int, str]:
    """Return where the data set begins, and the transfer syntax the File Meta Information states."""
    begin = _PREAMBLE + len(_PREFIX)
    if content[_PREAMBLE:begin] != _PREFIX:
        begin = 0
    walk, syntax = _Walk(content, explicit=True, order="<"), ""
    holder = DataSet(walk, None)
    try:
        while content.startswith(_META_GROUP, begin):
            tag, place = walk.element(begin, len(content), holder)
            begin = place.stop
            if tag == _TRANSFER_SYNTAX:
                syntax = content[place.start : place.stop].rstrip(b" \0").decode("ascii", "replace")
    except struct.error as error:
        raise InvalidDicom("The file ends inside its File Meta Information. Get it again.") from error
    if begin >= len(content):
        raise InvalidDicom("The file holds no data set. Get it again.")
    return begin, syntax


def _inflated(content: bytes, begin: int) -> bytes:
    """Return the bytes of a deflated data set (PS3.5 A.5)."""
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflating.decompress(memoryview(content)[begin:], _MOST_INFLATED)
    except zlib.error as error:
        raise InvalidDicom("The file's deflated data set is damaged. Get it again.") from error
    if not inflating.eof:
        raise InvalidDicom("The file's deflated data set is cut short, or larger than 1 GiB. Get it again.")
    return data


class _Walk:
    """Goes from element to element; every step checks that the next lies inside what holds it."""

    __slots__ = ("_explicit", "_explicit_head", "_implicit_head", "_long_length", "damage", "data", "order")

    def __init__(self, data: bytes, *, explicit: bool, order: str) -> None:
        self.data = data
        self.order = order
        self.damage = ""
        self._explicit = explicit
        self._explicit_head = struct.Struct(f"{order}HH2sH").unpack_from
        self._implicit_head = struct.Struct(f"{order}HHL").unpack_from
        self._long_length = struct.Struct(f"{order}L").unpack_from

    def data_set(
        self, position: int, end: int, parent: DataSet | None, *, is_open: bool = False
    ) -> tuple[DataSet, int]:
        """Return the data set that reaches to the end or, when open, to its delimiter; and what follows."""
        found = DataSet(self, parent)
        places = found.places
        while position < end:
            if is_open and self._delimiter(position) == _ITEM_END:
                return found, position + _HEAD
            tag, place = self.element(position, end, found)
            if tag in places:
                raise InvalidDicom(f"The file holds element {shown_tag(tag)} twice in one data set.")
            places[tag] = place
            position = place.stop
        if is_open:
            raise InvalidDicom("The file is cut short inside an item of a sequence. Get it again.")
        return found, position

    def element(self, position: int, end: int, holder: DataSet) -> tuple[int, Place]:
        """Return the element at a position: its tag, and where its value is."""
        tag, stated, start, length = self._head(position)
        if stated in _SIMPLE and start + length <= end:
            return tag, Place(stated, start, start + length)
        if length == _UNDEFINED:
            return tag, self._open(tag, stated, start, end, holder)
        stop = start + length
        if stop > end:
            if holder.depth or tag >> 16 != PIXEL_GROUP:
                raise InvalidDicom(
                    f"The file is cut short: element {shown_tag(tag)} announces {length:,} bytes and only "
                    f"{end - start:,} are there. Get it again."
                )
            stop = end
            self.damage = f"of {length:,} bytes of pixels that are announced, {end - start:,} are there"
        return tag, Place(stated, start, stop, self._nested(tag, stated, start, stop, holder))

    def _nested(
        self, tag: int, stated: bytes, start: int, stop: int, holder: DataSet
    ) -> list[DataSet] | None:
        """Return the items of a value that is a sequence, None of any other.

        Of an unknown value (UN, or a private one without representation) it is tried: such sequences are
        implicit little endian (PS3.5 6.2.2).
        """
        kind, _ = kind_of(tag, stated)
        if kind is Kind.SEQUENCE and stated != _UNKNOWN:
            return self.items(start, stop, holder)[0]
        if kind not in {Kind.SEQUENCE, Kind.UNKNOWN} or not self.data.startswith(_ITEM_BYTES, start, stop):
            return None
        try:
            return self._implicit().items(start, stop, holder)[0]
        except (InvalidDicom, struct.error):
            return None

    def _open(self, tag: int, stated: bytes, start: int, end: int, holder: DataSet) -> Place:
        """Return the place of a value of undefined length: a sequence, or encapsulated pixels."""
        if stated in _BYTES or tag == PIXEL_DATA:
            fragments, stop = self._fragments(tag, start, end, holder)
            return Place(stated, start, stop, fragments=fragments)
        if kind_of(tag, stated)[0] not in {Kind.SEQUENCE, Kind.UNKNOWN}:
            raise InvalidDicom(f"The file is damaged: element {shown_tag(tag)} has no length. Get it again.")
        walk = self._implicit() if stated == _UNKNOWN else self
        items, stop = walk.items(start, end, holder, is_open=True)
        return Place(stated, start, stop, items)

    def items(
        self, position: int, end: int, holder: DataSet, *, is_open: bool = False
    ) -> tuple[list[DataSet], int]:
        """Return the items of a sequence (PS3.5 7.5), and where the next thing begins."""
        if holder.depth >= _DEEPEST:
            raise InvalidDicom(f"The file nests sequences deeper than {_DEEPEST} levels: it is damaged.")
        found: list[DataSet] = []
        while position < end:
            group, number, length = self._implicit_head(self.data, position)
            delimiter, position = group << 16 | number, position + _HEAD
            if is_open and delimiter == _SEQUENCE_END:
                return found, position
            stop = end if length == _UNDEFINED else position + length
            if delimiter != _ITEM or stop > end:
                raise InvalidDicom("The file is damaged inside a sequence, or cut short. Get it again.")
            item, position = self.data_set(position, stop, holder, is_open=length == _UNDEFINED)
            found.append(item)
        if is_open:
            raise InvalidDicom("The file is cut short inside a sequence. Get it again.")
        return found, position

    def _fragments(
        self, tag: int, position: int, end: int, holder: DataSet
    ) -> tuple[list[tuple[int, int]], int]:
        """Return start and stop of the fragments of encapsulated pixels (PS3.5 A.4), and what follows."""
        found: list[tuple[int, int]] = []
        while position + _HEAD <= end:
            group, number, length = self._implicit_head(self.data, position)
            delimiter, position = group << 16 | number, position + _HEAD
            if delimiter == _SEQUENCE_END:
                return found, position
            if delimiter != _ITEM:
                raise InvalidDicom("The file is damaged between fragments of its pixels. Get it again.")
            found.append((position, min(position + length, end)))
            position += length
        if holder.depth or tag >> 16 != PIXEL_GROUP:
            raise InvalidDicom(f"The file is cut short inside element {shown_tag(tag)}. Get it again.")
        self.damage = f"they end inside fragment {len(found)}, without the delimiter that is their end"
        return found, end

    def _delimiter(self, position: int) -> int:
        group, number, _ = self._implicit_head(self.data, position)
        return int(group << 16 | number)

    def _implicit(self) -> _Walk:
        """Return the walk over values of unknown representation in the same bytes."""
        return _Walk(self.data, explicit=False, order="<")

    def _head(self, position: int) -> tuple[int, bytes, int, int]:
        """Return tag, stated representation, start and length of the value of the element at a position."""
        if self._explicit:
            group, number, stated, length = self._explicit_head(self.data, position)
            if stated in REPRESENTATIONS:
                if stated in _LONG:
                    (length,) = self._long_length(self.data, position + _HEAD)
                    return group << 16 | number, stated, position + _HEAD + 4, length
                return group << 16 | number, stated, position + _HEAD, length
        group, number, length = self._implicit_head(self.data, position)
        return group << 16 | number, b"", position + _HEAD, length
