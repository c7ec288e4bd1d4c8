"""Ways to spoil the bytes of a DICOM file: cut, lengthened, mistyped, nested, overwritten."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR", b"OF", b"OD", b"OL", b"OV", b"SV", b"UV")
_FIRST = 128 + 4
_ITEM = struct.pack("<HH", 0xFFFE, 0xE000)
_CONTOUR_DATA = struct.pack("<HH", 0x3006, 0x0050)
VRS = (*b"SQ UN DS IS CS UI LO OB FD US AT UT PN ZZ".split(), b"\0\0")
LENGTHS = (0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFE)
NUMBERS = (
    *(b"nan", b"inf", b"-inf", b"1e300", b"-1e300", b"1e9999", b"9" * 60, b"x", b"--1", b"1,5", b"1e"),
    *(b"", b" ", b"0x1F", b"\xff\xfe", b"1_0", b"\0", b"1.0 2.0", b"\xd9\xa1"),
)


@dataclass(frozen=True)
class Place:
    """Where an element's parts lie in the file; ``wide`` lengths have four bytes, the others two."""

    start: int
    tag: bytes
    length_at: int
    wide: bool
    value_at: int
    stop: int


def elements(content: bytes) -> list[Place]:
    """Return every element and item of an explicit little endian file, in the order of the file."""
    return list(_elements(content, _FIRST, len(content)))


def _elements(content: bytes, at: int, stop: int) -> Iterator[Place]:
    while at < stop:
        tag, vr = content[at : at + 4], content[at + 4 : at + 6]
        item = tag == _ITEM
        wide = item or vr in _LONG
        length_at = at + (4 if item else 8 if wide else 6)
        value_at = length_at + (4 if wide else 2)
        (length,) = struct.unpack_from("<I" if wide else "<H", content, length_at)
        yield Place(at, tag, length_at, wide, value_at, value_at + length)
        if item or vr == b"SQ":
            yield from _elements(content, value_at, value_at + length)
        at = value_at + length


type Mutation = Callable[[bytes, list[Place]], bytes]


def replaced(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


@st.composite
def overwriting(draw: st.DrawFn) -> Mutation:
    """Overwrite a few bytes anywhere."""
    spots = draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12))

    def mutate(content: bytes, _: list[Place]) -> bytes:
        changed = bytearray(content)
        for where, value in spots:
            changed[_FIRST + int(where * (len(content) - _FIRST - 1))] = value
        return bytes(changed)

    return mutate


@st.composite
def lengthening(draw: st.DrawFn) -> Mutation:
    """Announce another length for an element."""
    share = draw(st.floats(0, 1, exclude_max=True))
    length = draw(st.one_of(st.integers(0, 64), st.sampled_from(LENGTHS)))

    def mutate(content: bytes, places: list[Place]) -> bytes:
        place = places[int(share * len(places))]
        value = struct.pack("<I" if place.wide else "<H", length & (0xFFFFFFFF if place.wide else 0xFFFF))
        return replaced(content, place.length_at, value)

    return mutate


@st.composite
def mistyping(draw: st.DrawFn) -> Mutation:
    """Announce another value representation for an element."""
    share, vr = draw(st.floats(0, 1, exclude_max=True)), draw(st.sampled_from(VRS))

    def mutate(content: bytes, places: list[Place]) -> bytes:
        typed = [place for place in places if place.tag != _ITEM]
        return replaced(content, typed[int(share * len(typed))].start + 4, vr)

    return mutate


@st.composite
def renumbering(draw: st.DrawFn) -> Mutation:
    """Write other text of the same length over the beginning of a value."""
    share, text = draw(st.floats(0, 1, exclude_max=True)), draw(st.sampled_from(NUMBERS))

    def mutate(content: bytes, places: list[Place]) -> bytes:
        valued = [place for place in places if place.tag == _CONTOUR_DATA] or places
        place = valued[int(share * len(valued))]
        return replaced(content, place.value_at, text[: max(place.stop - place.value_at, 0)])

    return mutate


@st.composite
def swapping(draw: st.DrawFn) -> Mutation:
    """Put one element or item where another one is, whatever it holds."""
    first, second = draw(st.floats(0, 1, exclude_max=True)), draw(st.floats(0, 1, exclude_max=True))

    def mutate(content: bytes, places: list[Place]) -> bytes:
        a, b = places[int(first * len(places))], places[int(second * len(places))]
        return content[: a.start] + content[b.start : b.stop] + content[a.stop :]

    return mutate


mutations = st.one_of(overwriting(), lengthening(), mistyping(), renumbering(), swapping())
