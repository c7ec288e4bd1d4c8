"""Structure sets that are cut, nested or changed: read alike both ways, or left to pydicom."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.sequence import Sequence
from pydicom.uid import (
    ImplicitVRLittleEndian,
)

from orthanc_plugins.rtstruct.reading import plain
from orthanc_plugins.rtstruct.reading.contours import read_structure_set
from orthanc_plugins.rtstruct.reading.plain import NotPlainError, PlainItem, plain_data_set
from tests.unit.rtstruct.agreement import (
    BASES,
    DELIMITERS,
    FIRST,
    ITEM,
    ITEM_END,
    NONE,
    OPEN,
    PLACES,
    SEQUENCE_END,
    VARIED,
    WHOLE,
    check_equal,
    check_left,
    check_plain,
    flipping,
    inserting,
    place_of,
    pydicom_forbidden,
    structure_set,
    top_places,
    with_element,
    written,
)
from tests.unit.rtstruct.mutations import Mutation, mutations, replaced

pytestmark = pytest.mark.filterwarnings("ignore")


PADDINGS = [bytes(count) for count in (1, 7, 8, 12, 100)] + [
    *(struct.pack("<HH", 0xFFFC, 0xFFFC) + b"OB\0\0" + struct.pack("<L", 4) + NONE, b"\n", b"\x1a" * 9),
    *(ITEM_END + NONE, SEQUENCE_END + NONE, ITEM + NONE, ITEM_END + b"OB\0\0"),
    *(struct.pack("<HH", 0xFFFC, 0xFFFC) + b"OB\0\0" + struct.pack("<L", 400), WHOLE[FIRST:], WHOLE[400:420]),
]


@pytest.mark.parametrize("padding", PADDINGS)
def test_whatever_follows_the_data_set_changes_nothing(padding: bytes) -> None:
    for content in (WHOLE, *VARIED):
        check_equal(content + padding)


def test_padding_by_its_own_element_is_plain() -> None:
    check_plain(WHOLE + PADDINGS[5])


@pytest.mark.parametrize("length", [1, 3, 5])
def test_odd_lengths_are_plain(length: int) -> None:
    check_plain(with_element(0x30060002, b"SH", b"plain"[:length]))
    check_plain(with_element(0x30060002, b"SH", b""))


@pytest.mark.parametrize("tag", [0x00080018, 0x30060020, 0x30060039, 0x30060002])
def test_elements_that_come_twice_or_out_of_order_are_left_to_pydicom(tag: int) -> None:
    place = next(place for place in top_places() if place is place_of(tag))
    element = WHOLE[place.start : place.stop]
    check_left(WHOLE[: place.stop] + element + WHOLE[place.stop :])
    last = WHOLE[: place.start] + WHOLE[place.stop :] + element
    assert check_left(last) == check_equal(WHOLE)


def test_elements_of_the_meta_information_behind_it_and_commands_are_left_to_pydicom() -> None:
    (length,) = struct.unpack_from("<L", WHOLE, FIRST + 8)
    end = FIRST + 12 + length
    command = struct.pack("<HHLH", 0, 0x0800, 2, 1)
    for more in (command, struct.pack("<HH", 0, 0x0800) + b"US\2\0\1\0", WHOLE[FIRST : FIRST + 12]):
        check_left(WHOLE[:end] + more + WHOLE[end:])
        check_left(WHOLE[:FIRST] + more + WHOLE[FIRST:])
    for wrong in (0, length - 8, length + 8, 0xFFFFFFFF):
        check_plain(replaced(WHOLE, FIRST + 8, struct.pack("<L", wrong)))
    check_left(WHOLE[:FIRST] + WHOLE[FIRST + 12 :])


@pytest.mark.parametrize("content", VARIED)
def test_a_file_cut_anywhere_has_one_outcome(content: bytes) -> None:
    for end in range(0, len(content), 1 + len(content) // 60):
        check_equal(content[:end])


def test_a_file_cut_inside_an_element_is_not_plain() -> None:
    borders = {place.start for place in top_places()}
    for end in set(range(len(WHOLE))) - borders:
        with pytest.raises(NotPlainError):
            plain_data_set(WHOLE[:end])


def nested(depth: int, *, is_open: bool) -> bytes:
    """Return a file with a private sequence as deep as asked."""
    content = b""
    for _ in range(depth):
        size = OPEN if is_open else struct.pack("<L", len(content))
        item = ITEM + size + content + (ITEM_END + NONE if is_open else b"")
        size = OPEN if is_open else struct.pack("<L", len(item))
        content = (
            struct.pack("<HH", 0x7771, 0x1001) + b"SQ\0\0" + size + item + (SEQUENCE_END + NONE) * is_open
        )
    return WHOLE + content


def test_sequences_nested_deep_are_left_to_pydicom() -> None:
    check_plain(nested(plain.DEEPEST, is_open=True))
    check_plain(nested(100, is_open=False))
    check_left(nested(plain.DEEPEST + 2, is_open=True))
    check_left(nested(2000, is_open=True))


@pytest.mark.parametrize("length", [0xFFFE, 0xFFFFFFFE, 0x7FFFFFFF, 0xFFFFFFFF, 0])
def test_a_wrong_length_has_one_outcome(length: int) -> None:
    for place in PLACES[:: 1 + len(PLACES) // 40]:
        size = struct.pack("<L", length) if place.wide else struct.pack("<H", length & 0xFFFF)
        check_equal(replaced(WHOLE, place.length_at, size))


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_a_stray_delimiter_anywhere_has_one_outcome(delimiter: bytes) -> None:
    for place in PLACES[:: 1 + len(PLACES) // 20]:
        check_equal(WHOLE[: place.start] + delimiter + WHOLE[place.start :])
        check_equal(replaced(WHOLE, place.value_at, delimiter))
    for content in VARIED:
        at = content.rindex(ITEM_END) if ITEM_END in content else len(content)
        check_equal(content[:at] + delimiter + content[at:])
        check_equal(replaced(content, min(at, len(content) - 8), delimiter))


def test_a_delimiter_in_place_of_the_last_bytes_of_an_item_is_left_to_pydicom() -> None:
    after = place_of(0x30060020).start
    item = next(place for place in PLACES if place.start > after)
    check_left(WHOLE[: item.stop - 8] + ITEM_END + NONE + WHOLE[item.stop :])


@pytest.mark.parametrize("value", [b"\0\0", b"\0", b"", b"\0\0\0\0"])
def test_a_pixel_representation_has_no_say(value: bytes) -> None:
    check_left(with_element(0x00280103, b"US", value))


def test_a_text_said_to_be_a_sequence_is_left_to_pydicom() -> None:
    for content in (b"", b"label!", ITEM + NONE):
        check_left(with_element(0x30060002, b"SQ", content))


@pytest.mark.parametrize("number", [0x0002, 0x0008])
@pytest.mark.parametrize(
    "delimiter", [SEQUENCE_END + NONE, ITEM + OPEN + ITEM_END + NONE + SEQUENCE_END + NONE]
)
def test_texts_without_length_are_left_to_pydicom(delimiter: bytes, number: int) -> None:
    implicit = written(structure_set(), ImplicitVRLittleEndian)
    head = struct.pack("<HH", 0x3006, number)
    at = implicit.index(head)
    (length,) = struct.unpack_from("<L", implicit, at + 4)
    check_left(implicit[:at] + head + OPEN + delimiter + implicit[at + 8 + length :])


@given(
    st.integers(0, len(BASES) - 1),
    st.lists(st.one_of(mutations, inserting(), flipping()), min_size=1, max_size=3),
)
def test_whatever_bytes_are_changed_both_ways_have_one_outcome(base: int, changes: list[Mutation]) -> None:
    content, places = BASES[base]
    for change in changes:
        content = change(content, places)
    check_equal(content)


@given(st.binary(max_size=400))
@example(b"")
def test_any_bytes_have_one_outcome(content: bytes) -> None:
    check_equal(content)
    check_equal(WHOLE[:400] + content)


def contour_count(count: int) -> bytes:
    many = structure_set()
    drawn = many.ROIContourSequence[0].ContourSequence
    many.ROIContourSequence[0].ContourSequence = Sequence([drawn[0]] * count)
    return written(many, is_open=True)


class _Counting:
    """Counts the heads unpacked."""

    def __init__(self, packed: struct.Struct) -> None:
        self.packed = packed
        self.count = 0

    def unpack_from(self, data: bytes, position: int) -> tuple[Any, ...]:
        self.count += 1
        return self.packed.unpack_from(data, position)


def test_every_head_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    meta_count = 12
    for content in (contour_count(20), nested(plain.DEEPEST, is_open=True), *VARIED):
        counters = [_Counting(plain._EXPLICIT_HEAD), _Counting(plain._IMPLICIT_HEAD)]
        monkeypatch.setattr(plain, "_EXPLICIT_HEAD", counters[0])
        monkeypatch.setattr(plain, "_IMPLICIT_HEAD", counters[1])
        walked = everything(plain_data_set(content))
        monkeypatch.undo()
        assert walked > 30
        assert sum(counter.count for counter in counters) <= walked + meta_count


def everything(item: PlainItem) -> int:
    """Return how many elements and items lie in and below an item, having asked for every sequence."""
    count = 1
    for tag, place in item._places.items():
        count += 1
        if place.items is not None or place.representation == b"SQ" or tag in plain._SEQUENCES:
            count += sum(everything(inner) for inner in item.sequence(tag))
    return count


def test_points_are_numbers_of_double_precision() -> None:
    with pydicom_forbidden():
        found = read_structure_set(WHOLE)
    assert {contour.points_lps_mm.dtype for region in found.regions for contour in region.contours} == {
        np.dtype(np.float64)
    }
