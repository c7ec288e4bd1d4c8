"""Elements of an encoded data set, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.deid.wire import EXPLICIT_LITTLE, IMPLICIT_LITTLE, read_part10
from orthanc_plugins.deid.wire.reading import leaves, leaves_of
from orthanc_plugins.errors import InvalidDicom
from tests.builders.writing import UNCOMPRESSED, Element, Writing, data_set, part_10

if TYPE_CHECKING:
    from orthanc_plugins.deid.wire.reading import Leaf

SEQUENCE, NAME, CLASS = 0x00081115, 0x00100010, 0x00080016
INNER = (Element(0x0020000E, "UI", "1.2.5"), Element(NAME, "PN", "Inner"))
OBJECT = (
    Element(CLASS, "UI", "1.2.3"),
    Element(SEQUENCE, "SQ", (INNER, (), INNER[:1])),
    Element(NAME, "PN", "Outer"),
)
EXPECTED = [
    ((), CLASS, b"1.2.3\0"),
    ((SEQUENCE,), NAME, b"Inner "),
    ((SEQUENCE,), 0x0020000E, b"1.2.5\0"),
    ((SEQUENCE,), 0x0020000E, b"1.2.5\0"),
    ((), NAME, b"Outer "),
]


def is_sequence(tag: int) -> bool:
    return tag == SEQUENCE


def told(found: list[Leaf]) -> list[tuple[tuple[int, ...], int, bytes]]:
    return [(leaf.path, leaf.tag, bytes(leaf.value)) for leaf in found]


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
@pytest.mark.parametrize("open_lengths", [False, True])
@pytest.mark.parametrize("unknown", [frozenset[int](), frozenset({SEQUENCE})])
def test_all_elements_come_in_their_order(syntax: str, open_lengths: bool, unknown: frozenset[int]) -> None:
    writing = Writing(syntax, open_lengths=open_lengths, unknown=unknown, character_set="")
    file = read_part10(part_10(OBJECT, writing))
    assert told(list(leaves(file.data_set, file.begin, file.encoding, is_sequence))) == EXPECTED


def test_what_is_unread_is_passed_over() -> None:
    data = data_set(OBJECT, Writing(character_set=""))
    found = list(leaves(data, 0, EXPLICIT_LITTLE, is_sequence, frozenset({SEQUENCE})))
    assert told(found) == [EXPECTED[0], EXPECTED[-1]]


def test_pixels_are_passed_over() -> None:
    data = data_set((*OBJECT[:1], Element(0x7FE00010, "OW", b"1234")), Writing(character_set=""))
    assert told(list(leaves(data, 0, EXPLICIT_LITTLE, is_sequence))) == EXPECTED[:1]


def test_an_unknown_value_of_undefined_length_is_a_sequence() -> None:
    private = Element(0x00110001, "SQ", (INNER[1:],), "EXAMPLE")
    writing = Writing(open_lengths=True, unknown=frozenset({0x00111001}), character_set="")
    data = data_set((private,), writing)
    assert told(list(leaves(data, 0, EXPLICIT_LITTLE, is_sequence))) == [
        ((), 0x00110010, b"EXAMPLE "),
        ((0x00111001,), NAME, b"Inner "),
    ]


def test_an_item_inherits_its_character_set_and_may_have_its_own() -> None:
    own = (Element(0x00080005, "CS", "ISO_IR 144"), *INNER)
    data = data_set(
        (Element(0x00080005, "CS", "ISO_IR 100"), Element(SEQUENCE, "SQ", (INNER, own, INNER)), OBJECT[2]),
        Writing(character_set=""),
    )
    found = [leaf.character_set for leaf in leaves(data, 0, EXPLICIT_LITTLE, is_sequence) if leaf.tag == NAME]
    assert found == [b"ISO_IR 100", b"ISO_IR 144", b"ISO_IR 100", b"ISO_IR 100"]


def test_the_items_of_one_sequence_are_read_alone() -> None:
    data = data_set(OBJECT[1:], Writing("1.2.840.10008.1.2", character_set=""))
    head = IMPLICIT_LITTLE.header(data, 0)
    assert told(list(leaves_of(data, head, IMPLICIT_LITTLE, is_sequence))) == EXPECTED[1:4]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b"\xfe\xff\x00\xe0", b"\xfe\xff\x01\xe0", 1),
        lambda data: data.replace(b"PN", b"Q?", 1),
    ],
)
def test_what_is_damaged_is_refused(damage: object) -> None:
    data = damage(data_set(OBJECT, Writing(character_set="")))  # type: ignore[operator] # of the list above
    with pytest.raises(InvalidDicom):
        list(leaves(data, 0, EXPLICIT_LITTLE, is_sequence))


def test_more_than_200_levels_are_not_followed() -> None:
    level = b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(InvalidDicom, match="200 sequences"):
        list(leaves(level * 202, 0, EXPLICIT_LITTLE, is_sequence))
