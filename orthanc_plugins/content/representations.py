"""Which kind of value an element has: by the dictionary (PS3.6), or by what the file states of it.

Kinds are coarser than value representations (PS3.5 6.2): what is padded, split and compared alike is one.
"""

from __future__ import annotations

from enum import IntEnum, auto
from functools import lru_cache

from pydicom.datadict import dictionary_keyword, dictionary_VR

PRIVATE = 0x10000
"""Set in the tag of an element of an odd group."""


class Kind(IntEnum):
    """How a value is read; whole numbers, for they are looked up at every element."""

    TEXT = auto()
    """Values between backslashes; spaces around them mean nothing."""
    LONG_TEXT = auto()
    """One value; spaces at its end mean nothing."""
    NAME = auto()
    """Person names: values between backslashes; delimiters at their end mean nothing (PS3.5 6.2.1.1)."""
    NUMBER = auto()
    """Numbers as text, between backslashes."""
    BINARY = auto()
    """Words of one to eight bytes."""
    SEQUENCE = auto()
    """Data sets."""
    UNKNOWN = auto()
    """Bytes that nothing is known of."""


_WORDS = {
    **dict.fromkeys((b"OB",), 1),
    **dict.fromkeys((b"US", b"SS", b"OW", b"AT"), 2),
    **dict.fromkeys((b"UL", b"SL", b"FL", b"OF", b"OL"), 4),
    **dict.fromkeys((b"FD", b"OD", b"OV", b"SV", b"UV"), 8),
}
REPRESENTATIONS: dict[bytes, tuple[Kind, int]] = {
    **dict.fromkeys((b"AE", b"AS", b"CS", b"DA", b"DT", b"LO", b"SH", b"TM", b"UC", b"UI"), (Kind.TEXT, 1)),
    **dict.fromkeys((b"LT", b"ST", b"UR", b"UT"), (Kind.LONG_TEXT, 1)),
    b"PN": (Kind.NAME, 1),
    **dict.fromkeys((b"DS", b"IS"), (Kind.NUMBER, 1)),
    **{representation: (Kind.BINARY, word) for representation, word in _WORDS.items()},
    b"SQ": (Kind.SEQUENCE, 1),
    b"UN": (Kind.UNKNOWN, 1),
}
"""Kind and bytes a word of each value representation."""
_TEXTUAL = frozenset({Kind.TEXT, Kind.LONG_TEXT, Kind.NAME, Kind.NUMBER})
_UNKNOWN = REPRESENTATIONS[b"UN"]


@lru_cache(maxsize=2**16)
def kind_of(tag: int, stated: bytes) -> tuple[Kind, int]:
    """Return the kind of an element's value, and its bytes a word.

    The dictionary decides of public elements, as far as what the file states can be read so: text one way or
    another, binary words of the stated size. Of private ones only the file tells. Unknown values (UN) are
    little endian in any file (PS3.5 6.2.2): their words have one byte here, which never changes places.

    Parameters
    ----------
    tag
        The element's.
    stated
        Value representation in the file, empty where it states none.

    >>> kind_of(0x00100010, b"UN"), kind_of(0x00280106, b"SS")
    ((<Kind.NAME: 3>, 1), (<Kind.BINARY: 5>, 2))
    """
    told = REPRESENTATIONS.get(stated, _UNKNOWN)
    known = dictionary_kind(tag)
    if known is None or known == told:
        return told
    if told == _UNKNOWN:
        return known[0], 1
    if told[0] in _TEXTUAL and known[0] in _TEXTUAL:
        return known
    return told


@lru_cache(maxsize=2**16)
def dictionary_kind(tag: int) -> tuple[Kind, int] | None:
    """Return what the dictionary says of an element; None of those it does not know.

    Of several representations, such as ``US or SS``, the first tells the kind.
    """
    if tag & PRIVATE:
        return None
    try:
        stated = dictionary_VR(tag)
    except KeyError:
        return None
    return REPRESENTATIONS.get(stated[:2].encode(), _UNKNOWN)


def keyword_of(tag: int) -> str | None:
    """Return the keyword of an element (PS3.6), None where it has none."""
    if tag & PRIVATE:
        return None
    try:
        return dictionary_keyword(tag) or None
    except KeyError:
        return None


def shown_tag(tag: int) -> str:
    """Return a tag as it is written for a person.

    >>> shown_tag(0x300600A4)
    '(3006,00A4)'
    """
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
