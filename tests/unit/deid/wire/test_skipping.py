"""Where values end, with and without a written length (PS3.5 7.5)."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.wire import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding, skip_value
from orthanc_plugins.errors import InvalidDicom

OPEN = b"\xff\xff\xff\xff"
SEQUENCE = b"\x08\0\x15\x11SQ\0\0"
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
NAME = b"\x10\0\x10\0PN\2\0Ab"


def stop_of(data: bytes, encoding: Encoding = EXPLICIT_LITTLE) -> int:
    return skip_value(data, encoding.header(data, 0), encoding, len(data))


@pytest.mark.parametrize(
    "data",
    [
        NAME,
        SEQUENCE + b"\0\0\0\0",
        SEQUENCE + OPEN + SEQUENCE_END,
        SEQUENCE + OPEN + ITEM + b"\0\0\0\0" + SEQUENCE_END,
        SEQUENCE + OPEN + ITEM + b"\x0a\0\0\0" + NAME + SEQUENCE_END,
        SEQUENCE + OPEN + ITEM + OPEN + NAME + ITEM_END + SEQUENCE_END,
        SEQUENCE + OPEN + 2 * (ITEM + OPEN + SEQUENCE + OPEN + SEQUENCE_END + ITEM_END) + SEQUENCE_END,
    ],
)
def test_an_element_ends_where_the_next_begins(data: bytes) -> None:
    whole = data + NAME
    head = EXPLICIT_LITTLE.header(whole, 0)
    assert skip_value(whole, head, EXPLICIT_LITTLE, len(whole)) == len(data)


def test_items_in_a_value_of_vr_un_are_implicit() -> None:
    item = ITEM + OPEN + b"\x10\0\x10\0\2\0\0\0Ab" + ITEM_END
    data = b"\x09\0\1\x10UN\0\0" + OPEN + item + SEQUENCE_END
    assert stop_of(data) == len(data)


def test_fragments_of_a_codestream_are_skipped_unread() -> None:
    data = b"\xe0\x7f\x10\0OB\0\0" + OPEN + ITEM + b"\0\0\0\0" + ITEM + b"\4\0\0\0\xff\xd8\xff\xd9"
    assert stop_of(data + SEQUENCE_END) == len(data + SEQUENCE_END)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x10\0\x10\0PN\4\0Ab", "byte 8 reaches"),
        (SEQUENCE + OPEN, "byte 12 has no end"),
        (SEQUENCE + OPEN + NAME, "byte 12 an item"),
        (SEQUENCE + OPEN + ITEM_END, "byte 12 an item"),
        (SEQUENCE + OPEN + ITEM + OPEN + NAME, "byte 20 has no end"),
        (SEQUENCE + OPEN + ITEM + b"\x0c\0\0\0" + NAME, "byte 20 reaches"),
    ],
)
def test_what_does_not_end_is_refused_with_its_byte(data: bytes, told: str) -> None:
    with pytest.raises(InvalidDicom, match=told):
        stop_of(data)


def test_an_implicit_element_ends_by_its_length() -> None:
    assert stop_of(b"\x10\0\x10\0\2\0\0\0Ab", IMPLICIT_LITTLE) == 10


def test_more_than_200_levels_are_not_followed() -> None:
    for depth in (200, 3000):
        with pytest.raises(InvalidDicom, match="200 sequences"):
            stop_of((SEQUENCE + OPEN + ITEM + OPEN) * (depth + 2))
