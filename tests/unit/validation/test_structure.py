"""A released file holds nothing beside the elements that it may."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from orthanc_plugins.validation import Claims
from tests.unit.validation.studies import CODES, SR, Study, mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def told(study: Study, folder: Path) -> dict[str, str]:
    return {one.location: one.text for one in study.findings(folder) if one.check == "structure"}


def element(tag: int, vr: str, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


@pytest.mark.parametrize(
    ("change", "location"),
    [
        (lambda data: b"\1" + data[1:], "preamble"),
        (lambda data: data + b"\0", "after the last element"),
        (lambda data: data + b"\0" * 7, "after the last element"),
        (lambda data: data[:-2], "(7FE0,0010)"),
        (lambda data: data + element(0x00080060, "CS", b"CT"), "(0008,0060)"),
        (lambda data: data + struct.pack("<HH2sHL", 0xFFFC, 0xFFFC, b"OB", 0, 2) + b"ab", "(FFFC,FFFC)"),
    ],
)
def test_bytes_of_no_element_and_elements_at_the_wrong_place_are_found(
    study: Study, tmp_path: Path, change: Callable[[bytes], bytes], location: str
) -> None:
    study.bytes_of["ct1"] = change
    assert list(told(study, tmp_path)) == [location]


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x50000010, "US", 1),
        (0x00041130, "CS", "A"),
        (0x04000561, "SQ", []),
        (0xFFFAFFFA, "SQ", []),
        (0x00087777, "LO", "new"),
        (0x00090010, "LO", "VENDOR"),
    ],
)
def test_elements_that_may_not_be_there_are_found(
    study: Study, tmp_path: Path, tag: int, vr: str, value: object
) -> None:
    study.released["ct1"].add_new(tag, vr, value)
    assert list(told(study, tmp_path)) == [f"({tag >> 16:04X},{tag & 0xFFFF:04X})"]


def test_private_elements_in_items_are_found(study: Study, tmp_path: Path) -> None:
    study.released[SR].ContentSequence[1].private_block(0x0099, "V", create=True).add_new(1, "LO", "x")
    assert list(told(study, tmp_path)) == ["(0040,A730)[2].(0099,0010)", "(0040,A730)[2].(0099,1001)"]


def test_what_is_claimed_to_be_kept_may_be_there(study: Study, tmp_path: Path) -> None:
    for side in (study.originals, study.released):
        side["ct1"].private_block(0x0099, "V", create=True).add_new(1, "DS", "1")
    study.claims = Claims(CODES | {"113111"}, "modified")
    for one in study.released.values():
        mark(one, CODES | {"113111"})
    assert told(study, tmp_path) == {}


def test_overlays_are_for_those_who_clean_graphics(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].add_new(0x60000010, "US", 16)
    study.released["ct1"].add_new(0x60023000, "OW", b"ab")
    assert told(study, tmp_path) == {}
    study.claims = Claims(CODES - {"113103"}, "modified")
    assert list(told(study, tmp_path)) == ["(6000,0010)", "(6002,3000)"]


def test_file_meta_information_tells_how_the_file_is_written_and_no_more(
    study: Study, tmp_path: Path
) -> None:
    meta = study.released["ct1"].file_meta
    meta.SourceApplicationEntityTitle = "X"
    meta.PrivateInformationCreatorUID = UID("1.2.3")
    assert list(told(study, tmp_path)) == ["(0002,0016)", "(0002,0100)"]


def test_a_changed_transfer_syntax_is_found(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert list(told(study, tmp_path)) == ["(0002,0010)"]


def test_bytes_after_a_deflated_data_set_are_found(study: Study, tmp_path: Path) -> None:
    for side in (study.originals, study.released):
        side["ct1"].file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    study.bytes_of["ct1"] = lambda data: data + b"ab"
    assert list(told(study, tmp_path)) == ["after the last element"]
