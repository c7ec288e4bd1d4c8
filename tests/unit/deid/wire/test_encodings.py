"""Heads of elements, as each transfer syntax writes them (PS3.5 7.1 and annex A)."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.wire import EXPLICIT_LITTLE, IMPLICIT_LITTLE, UNDEFINED, Encoding, encoding_of
from orthanc_plugins.errors import InvalidDicom

BIG = Encoding(little=False)
NAME = 0x00100010


@pytest.mark.parametrize(
    ("encoding", "vr", "length", "head"),
    [
        (EXPLICIT_LITTLE, b"PN", 6, b"\x10\0\x10\0PN\6\0"),
        (EXPLICIT_LITTLE, b"UT", 6, b"\x10\0\x10\0UT\0\0\6\0\0\0"),
        (EXPLICIT_LITTLE, b"SQ", UNDEFINED, b"\x10\0\x10\0SQ\0\0\xff\xff\xff\xff"),
        (BIG, b"PN", 6, b"\0\x10\0\x10PN\0\6"),
        (BIG, b"OW", 6, b"\0\x10\0\x10OW\0\0\0\0\0\6"),
        (IMPLICIT_LITTLE, b"PN", 6, b"\x10\0\x10\0\6\0\0\0"),
    ],
)
def test_a_head_is_written_as_it_is_read(encoding: Encoding, vr: bytes, length: int, head: bytes) -> None:
    assert encoding.head(NAME, vr, length) == head
    read = encoding.header(head, 0)
    assert (read.tag, read.length, read.value) == (NAME, length, len(head))
    assert read.vr == (vr if encoding.explicit else b"")


def test_items_have_no_representation_in_any_encoding() -> None:
    assert EXPLICIT_LITTLE.head(0xFFFEE000, b"", 8) == b"\xfe\xff\x00\xe0\x08\0\0\0"
    assert BIG.header(b"\xff\xfe\xe0\x0d\0\0\0\0", 0) == (0xFFFEE00D, b"", 8, 0)


def test_what_is_too_long_for_two_bytes_is_written_as_unknown() -> None:
    assert EXPLICIT_LITTLE.head(0x00080058, b"UI", 0xFFFE)[4:] == b"UI\xfe\xff"
    assert EXPLICIT_LITTLE.head(0x00080058, b"UI", 0x10000)[4:] == b"UN\0\0\0\0\1\0"


def test_a_representation_that_does_not_exist_is_refused_with_its_byte() -> None:
    with pytest.raises(InvalidDicom, match="byte 3 "):
        EXPLICIT_LITTLE.header(b"...\x10\0\x10\0Q?\6\0", 3)


@pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, IMPLICIT_LITTLE, BIG])
def test_a_head_that_is_cut_off_is_refused_with_its_byte(encoding: Encoding) -> None:
    whole = encoding.head(NAME, b"UT", 6)
    for size in range(len(whole)):
        with pytest.raises(InvalidDicom, match="byte 0"):
            encoding.header(whole[:size], 0)


@pytest.mark.parametrize(
    ("uid", "encoding"),
    [
        ("1.2.840.10008.1.2", Encoding(explicit=False)),
        ("1.2.840.10008.1.2.1", Encoding()),
        ("1.2.840.10008.1.2.1.99", Encoding(deflated=True)),
        ("1.2.840.10008.1.2.2", Encoding(little=False)),
        ("1.2.840.10008.1.2.4.90", Encoding(encapsulated=True)),
        ("1.2.840.10008.1.2.4.102", Encoding(encapsulated=True, video=True)),
        ("1.2.840.10008.1.2.4.201", Encoding(encapsulated=True)),
        ("1.2.840.10008.1.2.5", Encoding(encapsulated=True)),
        ("1.2.840.10008.1.2.8.1", Encoding(encapsulated=True)),
    ],
)
def test_each_transfer_syntax_has_its_encoding(uid: str, encoding: Encoding) -> None:
    assert encoding_of(uid) == encoding


@pytest.mark.parametrize("number", [94, 95, 204, 205])
def test_pixels_that_lie_elsewhere_are_refused(number: int) -> None:
    with pytest.raises(InvalidDicom, match="JPIP"):
        encoding_of(f"1.2.840.10008.1.2.4.{number}")


def test_a_foreign_transfer_syntax_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidDicom) as caught:
        encoding_of("1.2.3.19590312")
    assert "19590312" not in str(caught.value)
