"""Where two data sets differ, element by element.

What `datasets` leaves aside is left aside here too. Items of sequences are compared with their counterparts:
by place, or by the number of their region where order says nothing. Sequences of different length are aligned
first, so that an item inserted at the beginning is one difference.
"""

from __future__ import annotations

from collections import defaultdict
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.content.characters import decoded
from orthanc_plugins.content.coded import Pixels
from orthanc_plugins.content.datasets import (
    UNORDERED,
    digest_of,
    elements_of,
    form_of,
    has_pixels,
    kind_reader,
)
from orthanc_plugins.content.encoding import PIXEL_DATA
from orthanc_plugins.content.findings import Finding, Findings, shortened, side
from orthanc_plugins.content.forms import number_form
from orthanc_plugins.content.pixels import compare_pixels
from orthanc_plugins.content.representations import Kind, dictionary_kind, keyword_of, kind_of
from orthanc_plugins.content.showing import shown_item, shown_path, shown_value
from orthanc_plugins.sync.differences import DifferenceClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.content.encoding import DataSet, DicomObject, Place

CONTOURS = 0x30060040
_REGIONS, _CONTOURS_OF_REGIONS, _OBSERVATIONS = 0x30060020, 0x30060039, 0x30060080
_NUMBER, _REFERENCED_NUMBER, _OBSERVATION_NUMBER = 0x30060022, 0x30060084, 0x30060082
_NUMBERED = {
    _REGIONS: (_NUMBER,),
    _CONTOURS_OF_REGIONS: (_REFERENCED_NUMBER,),
    _OBSERVATIONS: (_REFERENCED_NUMBER, _OBSERVATION_NUMBER),
}
"""Sequences whose items are told by numbers in them, in any order (PS3.3 C.8.8.5, C.8.8.6, C.8.8.8)."""
_PAYLOAD = frozenset({0x00420011, 0x54001010, 0x56000020})
"""Encapsulated Document, Waveform Data, Spectroscopy Data: what an object is there for, as pixels are."""
_PAYLOAD_GROUPS = {0x50: (0x200C, 0x3000), 0x60: (0x3000,)}
"""Curve Data, Audio Sample Data and Overlay Data of groups 50xx and 60xx."""
_TEXTUAL = frozenset({Kind.TEXT, Kind.LONG_TEXT, Kind.NAME, Kind.NUMBER})


class Element(NamedTuple):
    """An element of a data set."""

    data_set: DataSet
    tag: int
    place: Place

    @property
    def form(self) -> bytes:
        """Its value's form (see `forms`)."""
        return form_of(self.data_set, self.tag, self.place)

    @property
    def kind(self) -> Kind:
        """What its value is read as."""
        return (
            Kind.SEQUENCE if self.place.items is not None else kind_of(self.tag, self.place.representation)[0]
        )

    @property
    def value(self) -> bytes:
        """Its bytes."""
        return self.data_set.data[self.place.start : self.place.stop]

    @property
    def shown(self) -> str:
        """Its value for a person."""
        return shown_value(self.data_set, self.tag, self.place)


class Apart(NamedTuple):
    """A finding, and which element of the data set itself it lies in.

    ``key`` is that element's, as `elements_of` yields it; ``region`` the number of the region of a structure
    set whose contours differ, or that only one copy has.
    """

    finding: Finding
    key: bytes
    region: int | None = None


def elements_by_key(data_set: DataSet, *, pixels: bool) -> dict[bytes, Element]:
    """Return the elements that are compared; ``pixels`` as in `elements_of`."""
    return {key: Element(data_set, tag, place) for key, tag, place in elements_of(data_set, pixels=pixels)}


def same(left: Element | None, right: Element | None) -> bool:
    """Return whether two elements say the same; None is an element that is absent."""
    if (left.form if left else b"") == (right.form if right else b""):
        return True
    if left is None or right is None or dictionary_kind(left.tag) is not None:
        return False
    kinds = {left.kind, right.kind}
    if kinds <= _TEXTUAL:
        read = kind_reader(left.kind if len(kinds) == 1 else Kind.TEXT, 1)
        return read(left.value, left.data_set) == read(right.value, right.data_set)
    texts = [_perhaps_text(element) for element in (left, right)]
    return texts[0] is not None and texts[0] == texts[1]


def _perhaps_text(element: Element) -> str | None:
    """Return the value of an element as text where it is, or seems to be and nothing says otherwise."""
    if element.kind not in _TEXTUAL | {Kind.UNKNOWN}:
        return None
    value = element.value.rstrip(b" \0" if element.kind in _TEXTUAL else b" ")
    text = decoded(value, element.data_set.encodings, name=element.kind is Kind.NAME)
    return text if text is not None and text.replace("\r\n", "").isprintable() else None


def compare_attributes(left: DicomObject, right: DicomObject, found: Findings) -> Iterator[Apart]:
    """Yield what the data sets of two copies differ in; pixels of their items go to ``found``."""
    yield from _Attributes(left, right, found).differing(left.data_set, right.data_set, "")


class _Attributes:
    """Two objects whose data sets are compared."""

    def __init__(self, left: DicomObject, right: DicomObject, found: Findings) -> None:
        self._syntaxes = (left.transfer_syntax_uid, right.transfer_syntax_uid)
        self._found = found

    def differing(
        self, left: DataSet, right: DataSet, path: str, key: bytes = b"", region: int | None = None
    ) -> Iterator[Apart]:
        """Yield what two data sets, or items at a path, differ in."""
        pixels = has_pixels(left) or has_pixels(right)
        lefts, rights = (elements_by_key(one, pixels=pixels) for one in (left, right))
        for own_key in sorted(lefts.keys() | rights.keys()):
            one, other = lefts.get(own_key), rights.get(own_key)
            if not same(one, other):
                one, other = (element if element and element.form else None for element in (one, other))
                yield from self._element(one, other, path, key or own_key, region)

    def _element(
        self, left: Element | None, right: Element | None, path: str, key: bytes, region: int | None
    ) -> Iterator[Apart]:
        some = left or right
        assert some is not None, "one of them has a value"
        path += shown_path(some.data_set, some.tag)
        if left and right and left.place.items is not None and right.place.items is not None:
            if some.tag == CONTOURS and region is not None:
                yield Apart(_finding(left, right, path, "The contours differ."), key, region)
            else:
                yield from self._sequence(left, right, path, key)
        elif left and right and some.tag == PIXEL_DATA:
            self._pixels(left, right, path.removesuffix(f"{PIXEL_DATA:08X}"))
        else:
            yield Apart(_finding(left, right, path, _detail(left, right)), key, region)

    def _sequence(self, left: Element, right: Element, path: str, key: bytes) -> Iterator[Apart]:
        """Yield what the items of two sequences differ in."""
        lefts, rights = left.place.items or [], right.place.items or []
        for i, j in _pairs(left.tag, lefts, rights):
            one = None if i is None else lefts[i]
            other = None if j is None else rights[j]
            item = one or other
            region = _region(left.tag, item) if item else None
            where = f"{path}[{j if i is None else i}]"
            if one is not None and other is not None:
                yield from self.differing(one, other, f"{where}.", key, region)
            else:
                yield Apart(_item_finding(left.tag, one, other, where), key, region)

    def _pixels(self, left: Element, right: Element, path: str) -> None:
        """Add what pixels of two items differ in, such as those of icons."""
        nested = compare_pixels(
            Pixels(left.data_set, self._syntaxes[0]), Pixels(right.data_set, self._syntaxes[1]), path
        )
        self._found.differences.extend(nested.differences)
        self._found.incomplete.extend(nested.incomplete)
        self._found.notes.extend(nested.notes)


def _pairs(tag: int, lefts: list[DataSet], rights: list[DataSet]) -> Iterator[tuple[int | None, int | None]]:
    """Yield the places of items that are counterparts and differ, None where an item has none."""
    if tag in _NUMBERED:
        pairs = _by_number(tag, lefts, rights)
    elif tag in UNORDERED or len(lefts) == len(rights):
        pairs = zip_longest(range(len(lefts)), range(len(rights)))
    else:
        pairs = _aligned(lefts, rights)
    for i, j in pairs:
        if i is None or j is None or digest_of(lefts[i]) != digest_of(rights[j]):
            yield i, j


def _by_number(
    tag: int, lefts: list[DataSet], rights: list[DataSet]
) -> Iterator[tuple[int | None, int | None]]:
    """Yield the places of items with the same numbers; of several with the same, in their order."""
    places: dict[tuple[bytes, ...], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side_, items in enumerate((lefts, rights)):
        for place, item in enumerate(items):
            places[tuple(number_form(item.raw(number)) for number in _NUMBERED[tag])][side_].append(place)
    for of_left, of_right in places.values():
        yield from zip_longest(of_left, of_right)


def _aligned(lefts: list[DataSet], rights: list[DataSet]) -> Iterator[tuple[int | None, int | None]]:
    """Yield the places of items in sequences of different length, equal ones laid beside each other."""
    one, other = ([digest_of(item) for item in items] for items in (lefts, rights))
    for _, i, i_end, j, j_end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        yield from zip_longest(range(i, i_end), range(j, j_end))


def _region(tag: int, item: DataSet) -> int | None:
    """Return the number of the region that an item is of, None where it is of none."""
    return item.whole_number(_NUMBERED[tag][0]) if tag in _NUMBERED else None


def _finding(left: Element | None, right: Element | None, path: str, detail: str) -> Finding:
    some = left or right
    assert some is not None, "one of them has a value"
    kind = DifferenceClass.PIXEL if is_payload(some.tag) else DifferenceClass.METADATA
    shown = shortened(left.shown if left else None, right.shown if right else None)
    return Finding(kind, path, keyword_of(some.tag), *shown, detail)


def _item_finding(tag: int, left: DataSet | None, right: DataSet | None, path: str) -> Finding:
    shown = shortened(*(None if item is None else shown_item(item) for item in (left, right)))
    detail = f"Only {side(left=left is not None)}'s copy has this item."
    return Finding(DifferenceClass.METADATA, path, keyword_of(tag), *shown, detail)


def _detail(left: Element | None, right: Element | None) -> str:
    """Return in one sentence how two elements differ."""
    if left is None or right is None:
        return f"Only {side(left=left is not None)}'s copy has a value."
    if left.shown != right.shown:
        sets = [
            element.data_set.character_set.decode("ascii", "replace") or "none" for element in (left, right)
        ]
        if left.kind in _TEXTUAL and sets[0] != sets[1] and not (left.value + right.value).isascii():
            return f"The values differ; the character sets are {sets[0]} and {sets[1]}."
        return "The values differ."
    stated = [element.place.representation.decode("ascii") for element in (left, right)]
    if all(stated) and stated[0] != stated[1]:
        return f"The values read the same and differ in their bytes: {stated[0]} and {stated[1]}."
    return "The values read the same and differ in their bytes."


def is_payload(tag: int) -> bool:
    """Return whether an element is what its object is there for, as pixels are, and does not describe it."""
    return tag in _PAYLOAD or tag & 0xFFFF in _PAYLOAD_GROUPS.get(tag >> 24, ())
