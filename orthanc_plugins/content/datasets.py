"""What a data set says, as a digest that does not depend on how it is written, and element by element.

Left aside are what only describes the writing (Specific Character Set, group lengths, blocks of private
elements, padding at the end), and the archive's record of its own changes, Original Attributes Sequence.
Pixels, and the two attributes that change with their coding, are compared by `pixels`. An element without a
value is one that is absent.
"""

from __future__ import annotations

from functools import cache, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from orthanc_plugins.content.encoding import CHARACTER_SET, PIXEL_DATA, PIXEL_GROUP
from orthanc_plugins.content.forms import (
    binary_form,
    long_text_form,
    name_form,
    number_form,
    padded,
    text_form,
)
from orthanc_plugins.content.representations import PRIVATE, Kind, dictionary_kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orthanc_plugins.content.encoding import DataSet, Place

ORIGINAL_ATTRIBUTES = 0x04000561
PHOTOMETRIC_INTERPRETATION = 0x00280004
PLANAR_CONFIGURATION = 0x00280006
FLOAT_PIXELS, DOUBLE_PIXELS = 0x7FE00008, 0x7FE00009
PIXELS = (PIXEL_DATA, FLOAT_PIXELS, DOUBLE_PIXELS)
"""Pixel Data, Float Pixel Data, Double Float Pixel Data (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25)."""
DIGEST_BYTES = 16

_PADDING_AT_THE_END = 0xFFFCFFFC
_ASIDE = frozenset({CHARACTER_SET, _PADDING_AT_THE_END})
_ASIDE_AT_THE_TOP = _ASIDE | {ORIGINAL_ATTRIBUTES}
_WITH_PIXELS = frozenset({PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION})
_REGIONS = 0x30060020
_CONTOURS_OF_REGIONS = 0x30060039
_OBSERVATIONS = 0x30060080
_CONTOURS = 0x30060040
UNORDERED = frozenset({_REGIONS, _CONTOURS_OF_REGIONS, _OBSERVATIONS, _CONTOURS})
"""Sequences whose order says nothing (PS3.3 C.8.8.5, C.8.8.6, C.8.8.8): items name their region by number."""
_LONGEST = 4096
"""Longer forms stand in the digest as digests of their own."""


def digest_of(data_set: DataSet) -> bytes:
    """Return the digest of a data set, or of an item: `DIGEST_BYTES`, equal for data sets that say the same.

    Data sets with other digests may still say the same where one does not state how its private elements are
    to be read: `attributes` decides.
    """
    if data_set.digest is None:
        entries = []
        for key, tag, place in elements_of(data_set, pixels=has_pixels(data_set)):
            form = form_of(data_set, tag, place)
            if form:
                entries.append(b"%b%d:%b" % (key, len(form), form))
        entries.sort()
        data_set.digest = blake2b(b"".join(entries), digest_size=DIGEST_BYTES).digest()
    return data_set.digest


def elements_of(data_set: DataSet, *, pixels: bool) -> Iterator[tuple[bytes, int, Place]]:
    """Yield key, tag and place of each element that is compared.

    Parameters
    ----------
    data_set
        Its elements.
    pixels
        Whether pixels are compared elsewhere, and with them what describes how they are coded. Those of items
        never are.

    The key is the tag or, of a private element, group, creator and number inside its block: in which block
    the creator's elements are is a matter of writing (PS3.5 7.8.1).
    """
    top = data_set.depth == 0
    aside = _ASIDE_AT_THE_TOP if top else _ASIDE
    pixels = pixels and top
    for tag, place in data_set.places.items():
        if tag in aside or (pixels and (tag >> 16 == PIXEL_GROUP or tag in _WITH_PIXELS)):
            continue
        if tag & PRIVATE:
            if (key := _private_key(data_set, tag)) is not None:
                yield key, tag, place
        elif tag & 0xFFFF:
            yield tag.to_bytes(4), tag, place


def _private_key(data_set: DataSet, tag: int) -> bytes | None:
    """Return the key of a private element, None of one that only reserves a block."""
    if 0x10 <= tag & 0xFFFF <= 0xFF:  # noqa: PLR2004 - the standard's
        return None
    creator = data_set.creators.get(tag >> 8)
    if creator is None:
        return tag.to_bytes(4) if tag & 0xFFFF else None
    name, number = creator
    return b"%b[%b]%b" % ((tag >> 16).to_bytes(2), name, bytes((number % 256, tag & 0xFF)))


def has_pixels(data_set: DataSet) -> bool:
    """Return whether a data set has pixels of any kind; an element without a value is none."""
    return any(place.start < place.stop for tag in PIXELS if (place := data_set.places.get(tag)))


def form_of(data_set: DataSet, tag: int, place: Place) -> bytes:
    """Return the form of an element's value: equal for equal values, empty for none (see `forms`)."""
    if place.items is not None:
        return sequence_form(tag, place.items)
    if place.fragments is not None:
        form = b"".join([data_set.data[start:stop] for start, stop in place.fragments[1:]])
    else:
        form = reader_of(tag, place.representation)(data_set.data[place.start : place.stop], data_set)
    return form if len(form) <= _LONGEST else b"\xfd" + blake2b(form, digest_size=DIGEST_BYTES).digest()


def sequence_form(tag: int, items: list[DataSet]) -> bytes:
    """Return the form of a sequence: the digests of its items."""
    digests = [digest_of(item) for item in items]
    if tag in UNORDERED:
        digests.sort()
    return b"".join(digests)


@lru_cache(maxsize=2**16)
def reader_of(tag: int, stated: bytes) -> Callable[[bytes, DataSet], bytes]:
    """Return what makes the form of a value of an element, as its representation is stated.

    Of an element that the dictionary does not know, another file may hold the value without saying how it is
    to be read (UN). Its form is the value as it is written in little endian, so that both have the same one.
    """
    kind, word = kind_of(tag, stated)
    if dictionary_kind(tag) is not None or kind in {Kind.BINARY, Kind.UNKNOWN, Kind.SEQUENCE}:
        return kind_reader(kind, word)
    padding = b"\0" if stated == b"UI" else b" "
    return lambda value, data_set: padded(long_text_form(value, data_set), padding)


@cache
def kind_reader(kind: Kind, word: int) -> Callable[[bytes, DataSet], bytes]:
    """Return what makes the form of a value of a kind."""
    match kind:
        case Kind.TEXT:
            return text_form
        case Kind.NUMBER:
            return lambda value, _: number_form(value)
        case Kind.NAME:
            return name_form
        case Kind.LONG_TEXT:
            return long_text_form
        case _:
            return lambda value, data_set: binary_form(value, word, data_set)
