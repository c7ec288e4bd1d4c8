"""Preamble, File Meta Information and what is behind them (PS3.10 7.1)."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from pydicom import dcmread

from orthanc_plugins.deid.wire import part10_head, read_part10
from orthanc_plugins.deid.wire.part10 import IMPLEMENTATION_CLASS_UID, deflated
from orthanc_plugins.errors import InvalidDicom
from tests.builders.writing import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, Writing, part_10
from tests.unit.deid.objects import base


def body_of(data: bytes) -> int:
    return 144 + int.from_bytes(data[140:144], "little")


BODY = b"\x08\0\x16\0UI\4\01.2\0"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_the_data_set_begins_behind_the_file_meta_information(syntax: str) -> None:
    data = part_10(base(), Writing(syntax))
    file = read_part10(data)
    assert file.transfer_syntax_uid == syntax
    tag = file.encoding.header(file.data_set, file.begin).tag
    assert (file.data_set, tag) == (data, 0x00080005)


def test_a_deflated_data_set_is_inflated() -> None:
    file = read_part10(part_10(base(), Writing(DEFLATED)))
    plain = part_10(base(), Writing(EXPLICIT))
    assert file.begin == 0
    assert plain.endswith(file.data_set)


def test_an_inflated_data_set_is_deflated_to_even_length() -> None:
    for size in range(40):
        written = deflated(bytes(range(size)))
        assert len(written) % 2 == 0
        assert zlib.decompressobj(-15).decompress(written) == bytes(range(size))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:-9], "too early"),
        (lambda data: data[: body_of(data)] + b"\7" + data[body_of(data) + 1 :], "inflated"),
        (lambda data: data + b"Doe^John", "after the end"),
    ],
)
def test_a_deflated_data_set_that_is_damaged_is_refused(damage: object, told: str) -> None:
    data = part_10(base() * 8, Writing(DEFLATED))
    with pytest.raises(InvalidDicom, match=told):
        read_part10(damage(data))  # type: ignore[operator] # of the list above


def test_one_zero_behind_a_deflated_data_set_is_padding() -> None:
    read_part10(part_10(base(), Writing(DEFLATED)) + b"\0")


@pytest.mark.parametrize("data", [b"", b"DICM", bytes(128), bytes(128) + b"DICX", b"\x08\0\5\0CS\0\0" * 40])
def test_without_the_prefix_it_is_no_dicom_file(data: bytes) -> None:
    with pytest.raises(InvalidDicom, match="DICM"):
        read_part10(data)


@pytest.mark.parametrize(
    "meta",
    [
        b"",
        b"\2\0\x10\0UI\0\0",
        b"\2\0\x10\0UI\4\0Doe ",
        b"\2\0\2\0UI\4\x001.2\0",
    ],
)
def test_without_a_transfer_syntax_it_is_refused(meta: bytes) -> None:
    with pytest.raises(InvalidDicom, match="0002,0010"):
        read_part10(bytes(128) + b"DICM" + meta + BODY)


def test_the_group_length_of_the_meta_information_may_lie() -> None:
    data = part_10(base())
    lying = data[:140] + struct.pack("<L", 0x00FFFFFF) + data[144:]
    assert read_part10(lying).begin == read_part10(data).begin


def test_meta_information_in_implicit_representation_is_refused() -> None:
    with pytest.raises(InvalidDicom, match="byte 132"):
        read_part10(bytes(128) + b"DICM" + b"\2\0\x10\0\x14\0\0\x001.2.840.10008.1.2.1\0" + BODY)


def test_the_new_head_is_made_of_nothing_old() -> None:
    head = part10_head("1.2.840.10008.5.1.4.1.1.7", "2.25.1", EXPLICIT)
    assert head[:132] == bytes(128) + b"DICM"
    meta = dcmread(BytesIO(head + BODY)).file_meta
    assert meta.FileMetaInformationGroupLength == len(head) - 144
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert meta.MediaStorageSOPInstanceUID == "2.25.1"
    assert meta.TransferSyntaxUID == EXPLICIT
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == "ORTHANC_PACS_S"
    assert len(meta) == 7
