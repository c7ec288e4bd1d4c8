"""Headers read from the beginning of a file say what pydicom says, and no bytes can do harm."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct.reading.headers import _read_by_pydicom, header_of, read_header
from tests.builders import build_case
from tests.unit.rtstruct.cases import SMALL, file_bytes

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

IMAGE = build_case(frame=SMALL, regions=1).images[0]


def rich_image() -> FileDataset:
    """Return an image with sequences, private elements and large values before the elements of its plane."""
    image = build_case(frame=SMALL, regions=1).images[0]
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    inner.PurposeOfReferenceCodeSequence = Sequence([Dataset(), Dataset()])
    image.ReferencedImageSequence = Sequence([inner, Dataset()])
    image.ProcedureCodeSequence = Sequence([])
    block = image.private_block(0x0009, "SYNTHETIC", create=True)
    block.add_new(0x01, "OB", bytes(20_000))
    block.add_new(0x02, "UN", b"abcd")
    return image


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
@pytest.mark.parametrize("undefined_lengths", [False, True])
def test_every_transfer_syntax_gives_the_same_header(
    tmp_path: Path, syntax: pydicom.uid.UID, *, undefined_lengths: bool
) -> None:
    image = rich_image()
    image.PixelData = bytes(len(image.PixelData))
    for sequence in ("ReferencedImageSequence", "ProcedureCodeSequence"):
        image[sequence].is_undefined_length = undefined_lengths
        for item in image[sequence].value:
            item.is_undefined_length_sequence_item = undefined_lengths
    image.file_meta.TransferSyntaxUID = syntax
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image["PixelData"].VR = "OW"
        pydicom.dcmwrite(
            tmp_path / "x",
            image,
            implicit_vr=syntax.is_implicit_VR,
            little_endian=syntax.is_little_endian,
            force_encoding=True,
        )
    header = read_header(tmp_path / "x")
    assert header == _read_by_pydicom(tmp_path / "x") == header_of(image)
    with pytest.raises(InvalidDicom, match="cannot be read"):
        _read_by_pydicom(tmp_path / "gone")
    assert header["Rows"] == "64"
    assert header["PixelSpacing"] == "2\\2"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_little_endian_headers_are_read_without_pydicom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: pydicom.uid.UID
) -> None:
    image = rich_image()
    image.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(tmp_path / "x", image, enforce_file_format=True)
    monkeypatch.setattr(pydicom, "dcmread", None)
    assert read_header(tmp_path / "x") == header_of(image)


def test_elements_with_representation_in_a_file_said_to_have_none_are_read(tmp_path: Path) -> None:
    content = file_bytes(IMAGE).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0", 1)
    (tmp_path / "x").write_bytes(content)
    assert read_header(tmp_path / "x") == header_of(IMAGE)


def test_the_pixels_are_not_read(tmp_path: Path) -> None:
    content = file_bytes(IMAGE)
    (tmp_path / "x").write_bytes(content[: len(content) - 5000])
    assert read_header(tmp_path / "x") == header_of(IMAGE)


@pytest.mark.parametrize("content", [b"", b"text", bytes(132), bytes(300)])
def test_what_is_not_dicom_has_no_header(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InvalidDicom, match="x is not a DICOM file"):
        read_header(tmp_path / "x")


def test_a_length_beyond_the_file_is_damage_and_costs_nothing(tmp_path: Path) -> None:
    content = bytearray(file_bytes(IMAGE))
    place = content.index(b"\x08\x00\x18\x00UI") + 6
    content[place : place + 2] = b"\xff\xff"
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InvalidDicom, match="cut short"):
        read_header(tmp_path / "x")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1500), st.binary(min_size=1, max_size=6)), min_size=1, max_size=4),
    st.integers(0, 1500),
)
def test_no_damage_leads_to_anything_but_a_header_or_its_refusal(
    changes: list[tuple[int, bytes]], cut: int
) -> None:
    content = bytearray(file_bytes(IMAGE)[:1600])
    for place, change in changes:
        content[place : place + len(change)] = change
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(content[: len(content) - cut])
        try:
            read_header(path)
        except InvalidDicom:
            return
