"""Sequences in sequences, and items without anything in them."""

from __future__ import annotations

import struct

import pytest

from orthanc_plugins.errors import InvalidDicom
from tests.builders.writing import Element, Writing, part_10
from tests.unit.deid.objects import base, new_bytes, new_dataset, new_uid

UNDEFINED = 0xFFFFFFFF
CLASS_AND_INSTANCE = part_10(base()[:2])


def marked(tag: int, length: int) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length)


def nested(depth: int, *, open_lengths: bool) -> bytes:
    """Return sequences in each other, a name in each item."""
    content = b""
    for _ in range(depth):
        content += b"\x10\0\x10\0PN\6\0Secret"
        item = marked(0xFFFEE000, UNDEFINED if open_lengths else len(content)) + content
        item += marked(0xFFFEE00D, 0) if open_lengths else b""
        length = UNDEFINED if open_lengths else len(item)
        content = b"\x08\0\x15\x11SQ\0\0" + struct.pack("<L", length) + item
        content += marked(0xFFFEE0DD, 0) if open_lengths else b""
    return content


@pytest.mark.parametrize("depth", [1, 60, 199, 200])
@pytest.mark.parametrize("open_lengths", [False, True])
def test_names_go_at_every_level(depth: int, open_lengths: bool) -> None:
    data = new_bytes(CLASS_AND_INSTANCE + nested(depth, open_lengths=open_lengths))
    assert b"Secret" not in data
    assert data.count(b"\x08\0\x15\x11SQ") == depth
    if not open_lengths:
        check_lengths(data[data.index(b"\x08\0\x15\x11SQ") :], depth)


def check_lengths(data: bytes, depth: int) -> None:
    """Follow the first sequence of each level down, and its end back up."""
    for _ in range(depth):
        (length,) = struct.unpack("<L", data[8:12])
        value = data[12 : 12 + length]
        assert value[:4] == b"\xfe\xff\x00\xe0"
        assert len(value) == length == 8 + struct.unpack("<L", value[4:8])[0]
        data = value[8:]
    assert data.startswith(b"\x10\0\x10\0PN")


@pytest.mark.parametrize("depth", [201, 3000])
@pytest.mark.parametrize("open_lengths", [False, True])
def test_more_than_200_levels_are_refused_with_the_byte(depth: int, open_lengths: bool) -> None:
    with pytest.raises(InvalidDicom, match=r"At byte \d+ more than 200 sequences"):
        new_bytes(CLASS_AND_INSTANCE + nested(depth, open_lengths=open_lengths))


@pytest.mark.parametrize("open_lengths", [False, True])
def test_empty_sequences_and_empty_items_stay(open_lengths: bool) -> None:
    made = new_dataset(
        (Element(0x00081140, "SQ", ()), Element(0x00081115, "SQ", ((), (), ()))),
        writing=Writing(open_lengths=open_lengths),
    )
    assert len(made.ReferencedImageSequence) == 0
    assert [len(item) for item in made.ReferencedSeriesSequence] == [0, 0, 0]


def test_items_with_and_without_length_may_stand_in_one_sequence() -> None:
    content = b"\x08\0\x55\x11UI\4\x001.2\0"
    closed = marked(0xFFFEE000, len(content)) + content
    opened = marked(0xFFFEE000, UNDEFINED) + content + marked(0xFFFEE00D, 0)
    for items in (closed + opened, opened + closed):
        for length, end in ((len(items), b""), (UNDEFINED, marked(0xFFFEE0DD, 0))):
            data = CLASS_AND_INSTANCE + b"\x08\0\x40\x11SQ\0\0" + struct.pack("<L", length) + items + end
            assert new_bytes(data).count(new_uid("1.2").encode()) == 2


def test_a_sequence_that_the_policy_removes_goes_with_all_that_is_in_it() -> None:
    deep = (Element(0x00081115, "SQ", ((Element(0x00080070, "LO", "Secret"),),)),)
    for open_lengths in (False, True):
        made = new_dataset(
            (Element(0x04000561, "SQ", (deep, deep)),), writing=Writing(open_lengths=open_lengths)
        )
        assert "OriginalAttributesSequence" not in made


def test_what_is_no_sequence_in_the_dictionary_but_in_the_file_goes() -> None:
    made = new_dataset((Element(0x00080070, "SQ", ((Element(0x00080060, "CS", "CT"),),)),))
    assert "Manufacturer" not in made


def test_what_is_a_sequence_in_the_dictionary_but_text_in_the_file_goes() -> None:
    made = new_dataset((Element(0x00081115, "LO", "Secret"),))
    assert "ReferencedSeriesSequence" not in made
