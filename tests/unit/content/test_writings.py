"""However the same is written, nothing differs; whatever is changed is found where it is."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders.objects import header, rich_elements, with_value, without
from tests.builders.writing import BIG_ENDIAN, EXPLICIT, IMPLICIT, UNCOMPRESSED, Element, Writing, part_10
from tests.unit.content.copies import alike, compared, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.builders.writing import Elements

RICH = (*header(), *rich_elements())
PLAIN = Writing()

TEXT = st.text("abcXYZ äöüéÅß0129.-", max_size=12)
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: f"{number:.10g}"[:16])
BYTES = st.binary(min_size=1, max_size=9)
"""Values by representation; what a value says is not changed by its padding, so none ends in it."""


def words(size: int) -> st.SearchStrategy[bytes]:
    return st.integers(1, 3).flatmap(lambda count: st.binary(min_size=size * count, max_size=size * count))


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "SH": TEXT,
    "LO": TEXT,
    "UT": TEXT,
    "CS": st.sampled_from(["A", "BC", "A\\B", ""]),
    "PN": st.lists(TEXT.map(str.strip), min_size=1, max_size=3).map("^".join),
    "DS": st.lists(NUMBERS, min_size=1, max_size=20).map("\\".join),
    "IS": st.integers(-(2**31), 2**31 - 1).map(str),
    "US": words(2),
    "SL": words(4),
    "FD": words(8),
    "OB": BYTES,
    "OW": words(2),
}
TAGS = {
    "SH": (0x00080050, 0x00080094, 0x00102160),
    "LO": (0x00081030, 0x0008103E, 0x00100020),
    "UT": (0x0040A160,),
    "CS": (0x00080008, 0x00080060, 0x00080064),
    "PN": (0x00100010, 0x00080090, 0x00081050),
    "DS": (0x00180050, 0x00180060, 0x00101030),
    "IS": (0x00200011, 0x00200013, 0x00201208),
    "US": (0x00280106, 0x00280107, 0x00280120),
    "SL": (0x00186020, 0x00186022),
    "FD": (0x00189073, 0x00189087),
    "OB": (0x00282000, 0x04000120),
    "OW": (0x00281201, 0x00281202),
}
SEQUENCES = (0x00081115, 0x00081140, 0x00400275, 0x00081032)
CREATORS = ("VENDOR ONE", "VENDOR TWO")


@st.composite
def leaf_elements(draw: st.DrawFn) -> Element:
    vr = draw(st.sampled_from(sorted(VALUES)))
    value = draw(VALUES[vr])
    if draw(st.integers(0, 3)) == 0:
        group, number = draw(st.sampled_from((0x0009, 0x0029))), draw(st.integers(0, 255))
        return Element(group << 16 | number, vr, value, draw(st.sampled_from(CREATORS)))
    return Element(draw(st.sampled_from(TAGS[vr])), vr, value)


def data_sets(depth: int = 2) -> st.SearchStrategy[Elements]:
    """Return data sets without two elements of the same tag and creator."""
    elements = leaf_elements()
    if depth:
        items = st.lists(data_sets(depth - 1), max_size=3).map(tuple)
        sequences = st.builds(Element, st.sampled_from(SEQUENCES), st.just("SQ"), items)
        private = st.builds(Element, st.just(0x00290001), st.just("SQ"), items, st.just(CREATORS[0]))
        elements = st.one_of(elements, elements, sequences, private)
    return st.lists(elements, max_size=8).map(
        lambda found: tuple({(e.tag, e.creator): e for e in found}.values())
    )


WRITINGS = st.builds(
    Writing,
    syntax=st.sampled_from(UNCOMPRESSED),
    open_lengths=st.booleans(),
    group_lengths=st.booleans(),
    shuffled=st.none() | st.integers(0, 99),
    padding=st.sampled_from((0, 0, 2)),
    unknown=st.sets(
        st.sampled_from(sorted({*SEQUENCES, *(tag for held in TAGS.values() for tag in held)})), max_size=3
    ).map(frozenset),
    first_block=st.sampled_from((0x10, 0x11, 0xC0)),
    character_set=st.sampled_from(("ISO_IR 100", "ISO_IR 192")),
    trailing=st.sampled_from((0, 16)),
)


@settings(max_examples=60, deadline=None)
@given(data_sets(), WRITINGS, WRITINGS)
def test_whatever_is_written_in_two_ways_says_the_same(
    elements: Elements, one: Writing, other: Writing
) -> None:
    assert alike(part_10(elements, one), part_10(elements, other))


def paths(elements: Elements, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Yield the place of each element that has a value: indices of elements and items in turn."""
    for place, element in enumerate(elements):
        if isinstance(element.value, tuple):
            for number, item in enumerate(element.value):
                yield from paths(item, (*path, place, number))
        elif says_something(element):
            yield (*path, place)


def says_something(element: Element) -> bool:
    if isinstance(element.value, str):
        return bool(element.value.strip(" ^"))
    return bool(element.value)


def changed(element: Element) -> Element:
    """Return an element that says something else, however it is written."""
    if isinstance(element.value, bytes):
        return replace(element, value=bytes((element.value[0] ^ 1,)) + element.value[1:])
    if isinstance(element.value, tuple):
        raise TypeError
    if element.vr == "DS":
        return replace(
            element,
            value="\\".join(
                (f"{float(element.value.split('\\')[0]) + 1:.10g}", *element.value.split("\\")[1:])
            ),
        )
    if element.vr == "IS":
        return replace(
            element, value=str(int(element.value) // 2 + 1 if element.value not in {"1", "2"} else 77)
        )
    return replace(element, value=f"Q{element.value}")


def at(elements: Elements, path: tuple[int, ...], change: Any) -> Elements:
    """Return elements of which that at a place is changed, or left out where the change gives None."""
    place, *rest = path
    element = elements[place]
    if rest:
        assert isinstance(element.value, tuple)
        items = list(element.value)
        items[rest[0]] = at(items[rest[0]], tuple(rest[1:]), change)
        new: Element | None = replace(element, value=tuple(items))
    else:
        new = change(element)
    return (*elements[:place], *(() if new is None else (new,)), *elements[place + 1 :])


def shown_path(elements: Elements, path: tuple[int, ...]) -> str:
    place, *rest = path
    element = elements[place]
    group, number = element.tag >> 16, element.tag & 0xFF
    name = f"{group:04X}[{element.creator}]{number:02X}" if element.creator else f"{element.tag:08X}"
    if not rest:
        return name
    assert isinstance(element.value, tuple)
    return f"{name}[{rest[0]}].{shown_path(element.value[rest[0]], tuple(rest[1:]))}"


@settings(max_examples=60, deadline=None)
@given(st.data(), data_sets().filter(lambda elements: any(paths(elements))), WRITINGS, WRITINGS)
def test_any_change_is_found_where_it_is(
    data: st.DataObject, elements: Elements, one: Writing, other: Writing
) -> None:
    path = data.draw(st.sampled_from(list(paths(elements))))
    altered = at(elements, path, changed)
    found = compared(part_10(elements, one), part_10(altered, other))
    assert [finding.tag for finding in found.differences] == [shown_path(elements, path)]
    assert found.differences[0].kind.value == "metadata"
    assert None not in (found.differences[0].left, found.differences[0].right)


@settings(max_examples=60, deadline=None)
@given(st.data(), data_sets().filter(lambda elements: any(paths(elements))), WRITINGS, WRITINGS)
def test_any_value_that_is_lost_is_found_where_it_was(
    data: st.DataObject, elements: Elements, one: Writing, other: Writing
) -> None:
    path = data.draw(st.sampled_from(list(paths(elements))))
    found = compared(part_10(elements, one), part_10(at(elements, path, lambda _: None), other))
    assert [(finding.tag, finding.right) for finding in found.differences] == [
        (shown_path(elements, path), None)
    ]


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
@pytest.mark.parametrize(
    "writing",
    [
        Writing(),
        Writing(open_lengths=True),
        Writing(group_lengths=True, trailing=20),
        Writing(shuffled=5),
        Writing(padding=6),
        Writing(first_block=0x42),
        Writing(character_set="ISO_IR 100"),
        Writing(character_set="GB18030"),
        Writing(unknown=frozenset((0x00081115, 0x00100010, 0x00281234, 0x00189073, 0x00104000))),
    ],
    ids=["plain", "open", "group lengths", "order", "padding", "blocks", "Latin-1", "GB18030", "UN"],
)
def test_a_rich_data_set_says_the_same_in_every_writing(syntax: str, writing: Writing) -> None:
    assert alike(part_10(RICH), part_10(RICH, replace(writing, syntax=syntax)))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x00101030, "71.5"),
        (0x00101030, " +71.50 "),
        (0x00101030, "7.15E1"),
        (0x00200011, "001"),
        (0x00100010, "Müller^Änne^^^"),
        (0x00100010, "Müller^Änne=="),
        (0x00081030, " Straße 7 "),
        (0x00180050, "3"),
        (0x00104000, " Leading spaces count,\r\nthese do not:"),
    ],
)
def test_a_value_written_otherwise_is_the_same(tag: int, value: str) -> None:
    assert alike(part_10(RICH), part_10(with_value(RICH, tag, value)))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x00101030, "71.500001"),
        (0x00100010, "Müller^Anne"),
        (0x00100010, "Müller ^Änne"),
        (0x00100010, "Müller^^Änne"),
        (0x00081030, "straße 7"),
        (0x00080020, "2026.01.02"),
        (0x00104000, "Leading spaces count,\r\nthese do not:"),
        (0x00080008, "ORIGINAL\\AXIAL\\PRIMARY"),
        (0x00189073, struct.pack("<d", 0.1 + 1e-17 + 2e-17)),
        (0x00200013, "1A"),
    ],
)
def test_a_value_that_says_something_else_differs(tag: int, value: str | bytes) -> None:
    found = told(part_10(RICH), part_10(with_value(RICH, tag, value)))
    assert found == [("metadata", f"{tag:08X}")]


@pytest.mark.parametrize("tag", [0x00080050, 0x00081115, 0x00189073])
def test_an_absent_element_says_the_same_as_an_empty_one(tag: int) -> None:
    empty: Any = {0x00080050: "", 0x00081115: (), 0x00189073: b""}[tag]
    assert alike(part_10(without(RICH, tag)), part_10(with_value(RICH, tag, empty)))


def test_an_element_without_a_value_differs_from_one_that_has_one() -> None:
    found = compared(part_10(RICH), part_10(with_value(RICH, 0x00080050, "")))
    assert [(one.tag, one.left, one.right) for one in found.differences] == [("00080050", "ACC1", None)]
    assert found.differences[0].detail == "Only Orthanc's copy has a value."


def test_an_item_without_elements_is_not_the_same_as_no_item() -> None:
    assert told(part_10((Element(0x00081115, "SQ", ((),)),)), part_10(())) == [("metadata", "00081115")]


def test_an_item_inserted_at_the_beginning_is_one_difference() -> None:
    items = tuple((Element(0x00080100, "SH", f"C{number}"),) for number in range(20))
    added = ((Element(0x00080100, "SH", "NEW"),), *items)
    found = compared(
        part_10((Element(0x00081032, "SQ", items),)), part_10((Element(0x00081032, "SQ", added),))
    )
    assert [(one.tag, one.left, one.right) for one in found.differences] == [
        ("00081032[0]", None, "item with CodeValue=NEW")
    ]


def test_items_in_another_order_differ() -> None:
    items = tuple((Element(0x00080100, "SH", code),) for code in "AB")
    swapped = items[::-1]
    found = told(part_10((Element(0x00081032, "SQ", items),)), part_10((Element(0x00081032, "SQ", swapped),)))
    assert found == [("metadata", "00081032[0].00080100"), ("metadata", "00081032[1].00080100")]


def test_a_wrong_character_set_is_named() -> None:
    right = part_10(RICH, Writing(character_set="ISO_IR 192"))
    wrong = right.replace(b"ISO_IR 192", b"ISO_IR 100")
    found = compared(right, wrong)
    name = next(one for one in found.differences if one.tag == "00100010")
    assert (name.left, name.right) == ("Müller^Änne", "MÃ¼ller^Ã\x84nne")
    assert name.detail == "The values differ; the character sets are ISO_IR 192 and ISO_IR 100."
    assert all(one.tag != "00080005" for one in found.differences)


def test_bytes_that_are_no_text_in_their_character_set_are_compared_as_bytes() -> None:
    good = part_10((Element(0x00081030, "LO", "ab"),))
    bad, worse = (good.replace(b"LO\2\0ab", b"LO\2\0" + value) for value in (b"a\xff", b"a\xfe"))
    assert alike(bad, bad)
    found = compared(bad, worse)
    assert [(one.left, one.right) for one in found.differences] == [("a\\xff", "a\\xfe")]


def test_a_long_value_is_shown_from_where_it_differs() -> None:
    begin = "x" * 300
    found = compared(*(part_10((Element(0x0040A160, "UT", f"{begin}{end}"),)) for end in ("one", "two")))
    assert [(one.left, one.right) for one in found.differences] == [(f"…{'x' * 20}one", f"…{'x' * 20}two")]


def test_the_same_number_in_words_of_another_size_is_told_as_such() -> None:
    found = compared(
        part_10((Element(0x00280010, "US", b"\7\0"),)), part_10((Element(0x00280010, "UL", b"\7\0\0\0"),))
    )
    assert found.differences[0].detail == "The values read the same and differ in their bytes: US and UL."


def test_private_elements_of_different_creators_are_different_elements() -> None:
    one, other = (part_10((Element(0x00290010, "LO", "same", creator),)) for creator in CREATORS)
    assert told(one, other) == [("metadata", "0029[VENDOR ONE]10"), ("metadata", "0029[VENDOR TWO]10")]


def test_a_private_number_written_otherwise_is_the_same_where_both_say_that_it_is_one() -> None:
    one, other = (part_10((Element(0x00290010, "DS", text, CREATORS[0]),)) for text in ("1.50", "1.5"))
    assert alike(one, other)


def test_private_bytes_that_differ_in_a_trailing_zero_differ() -> None:
    one, other = (
        part_10((Element(0x00290010, "UN", value, CREATORS[0]),)) for value in (b"\1\0", b"\1\0\0\0")
    )
    assert told(one, other) == [("metadata", "0029[VENDOR ONE]10")]


def test_a_payload_that_differs_is_told_as_pixels_are() -> None:
    one, other = (part_10((Element(0x00420011, "OB", value),)) for value in (b"%PDF-1", b"%PDF-2"))
    assert told(one, other) == [("pixel", "00420011")]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_more_differences_than_are_worth_listing_are_counted(syntax: str) -> None:
    def many(value: bytes) -> bytes:
        items = tuple((Element(0x00280106, "US", value),) for _ in range(1500))
        return part_10((Element(0x00081032, "SQ", items),), Writing(syntax=syntax))

    found = compared(many(b"\1\0"), many(b"\2\0"))
    assert len(found.differences) == 1001
    assert found.differences[-1].detail == "500 more elements differ, which are not listed."
