"""Files of structure sets in every coding, and whether both ways of reading them agree."""

from __future__ import annotations

import copy
import dataclasses
import io
import struct
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pydicom
import pytest
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct.reading import contours
from orthanc_plugins.rtstruct.reading.contours import read_references, read_structure_set
from orthanc_plugins.rtstruct.reading.plain import NotPlainError
from orthanc_plugins.rtstruct.reading.structure_set import Contour
from tests.builders import Box, ImageFrame, RegionSpec, build_case
from tests.unit.rtstruct.cases import file_bytes
from tests.unit.rtstruct.mutations import Mutation, Place, elements, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom.dataset import FileDataset

CASE = build_case(
    frame=ImageFrame(size=(3, 12, 12), spacing_mm=(4.0, 4.0), gap_mm=3.0),
    regions=[
        RegionSpec("box", Box((1.0, -3.0, 0.0), (20.0, 12.0, 12.0)), 50.0),
        RegionSpec("cube", Box((2.0, 2.0, 0.0), (9.0, 9.0, 9.0)), 80.0),
    ],
)
LITTLE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
ITEM, ITEM_END, SEQUENCE_END = (struct.pack("<HH", 0xFFFE, number) for number in (0xE000, 0xE00D, 0xE0DD))
OPEN = b"\xff" * 4
NONE = bytes(4)
FIRST = 132


def written(
    structure_set: FileDataset, syntax: UID = ExplicitVRLittleEndian, *, is_open: bool = False
) -> bytes:
    """Return the file of a structure set, all sequences and items with or all without lengths."""
    changed = copy.deepcopy(structure_set)
    changed.file_meta.TransferSyntaxUID = syntax
    if is_open:
        without_lengths(changed)
    stream = io.BytesIO()
    if syntax.is_little_endian:
        pydicom.dcmwrite(stream, changed, enforce_file_format=True)
    else:
        pydicom.dcmwrite(stream, changed, implicit_vr=False, little_endian=False, force_encoding=True)
    return stream.getvalue()


def without_lengths(dataset: Dataset) -> None:
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                without_lengths(item)


def comparable(found: object) -> object:
    """Return what was read as plain values, its points as bytes."""
    if isinstance(found, Contour):
        return found.index, found.geometric_type, found.points_lps_mm.shape, found.points_lps_mm.tobytes()
    if dataclasses.is_dataclass(found):
        return {field.name: comparable(getattr(found, field.name)) for field in dataclasses.fields(found)}
    return [comparable(one) for one in found] if isinstance(found, tuple) else found


def outcome(read: Callable[[Any], object], source: bytes | Path) -> object:
    try:
        return comparable(read(source))
    except InvalidDicom as error:
        return str(error)


@contextmanager
def by_pydicom_alone() -> Iterator[None]:
    with mock.patch.object(contours, "plain_data_set", side_effect=NotPlainError):
        yield


def check_equal(content: bytes) -> object:
    """Assert that both ways of reading a whole file, and what it refers to, have one outcome; return it."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "x")
        path.write_bytes(content)
        found, references = outcome(read_structure_set, content), outcome(read_references, path)
        with by_pydicom_alone():
            assert found == outcome(read_structure_set, content)
            assert references == outcome(read_references, path)
    return found


@contextmanager
def pydicom_forbidden() -> Iterator[None]:
    with mock.patch.object(pydicom, "dcmread", side_effect=AssertionError("pydicom was asked")):
        yield


def check_plain(content: bytes) -> None:
    """Assert that a file is read without pydicom, and as pydicom reads it."""
    with pydicom_forbidden():
        read_structure_set(content)
    assert isinstance(check_equal(content), dict)


def check_left(content: bytes) -> object:
    """Assert that a file is left to pydicom; return what comes of it."""
    with by_pydicom_alone(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome(read_structure_set, content)
    with pytest.raises(AssertionError, match="pydicom was asked"), pydicom_forbidden():
        read_structure_set(content)
    return check_equal(content)


def structure_set() -> FileDataset:
    return CASE.copied_structure_set()


def varied() -> FileDataset:
    """Return a set with empty sequences, an empty item, private elements and a group length."""
    varied = structure_set()
    varied.ReferencedStudySequence = Sequence([])
    varied.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence = Sequence([Dataset()])
    varied.ROIContourSequence[1].ContourSequence[0].ContourImageSequence = Sequence([])
    block = varied.private_block(0x3007, "SYNTHETIC", create=True)
    block.add_new(0x01, "OB", bytes(range(256)))
    block.add_new(0x02, "UN", SEQUENCE_END + NONE)
    inner = Dataset()
    inner.add_new(0x30090010, "LO", "INNER")
    inner.add_new(0x30091001, "SQ", Sequence([Dataset(), Dataset()]))
    block.add_new(0x03, "SQ", Sequence([inner]))
    varied.add_new(0x30060000, "UL", 7)
    return varied


WHOLE = file_bytes(structure_set())
PLACES = elements(WHOLE)
VARIED = [written(varied(), syntax, is_open=is_open) for syntax in LITTLE for is_open in (False, True)]


def place_of(tag: int, number: int = 0, places: list[Place] | None = None) -> Place:
    wanted = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    return [place for place in places or PLACES if place.tag == wanted][number]


def with_element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Return the file with an element at the top of its data set, in place of any of the same tag."""
    long = vr in {b"SQ", b"UN", b"OB", b"UT"}
    length = b"\0\0" + struct.pack("<L", len(value)) if long else struct.pack("<H", len(value))
    element = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + length + value
    return put(tag, element)


def put(tag: int, element: bytes) -> bytes:
    at = FIRST
    for place in top_places():
        group, number = struct.unpack("<HH", place.tag)
        if group << 16 | number >= tag:
            same = group << 16 | number == tag
            return WHOLE[: place.start] + element + WHOLE[place.stop if same else place.start :]
        at = place.stop
    return WHOLE[:at] + element + WHOLE[at:]


def top_places() -> list[Place]:
    found: list[Place] = []
    for place in PLACES:
        if not found or place.start >= found[-1].stop:
            found.append(place)
    return found


DELIMITERS = [
    tag + length for tag in (ITEM_END, SEQUENCE_END, ITEM) for length in (NONE, b"OB\0\0", OPEN, b"\1\0\0\0")
]


@st.composite
def inserting(draw: st.DrawFn) -> Mutation:
    """Insert, remove or overwrite bytes in the head of an element."""
    share, offset = draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(0, 12))
    new = draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([OPEN, ITEM + NONE, ITEM + OPEN, *DELIMITERS]))
    )
    removed = draw(st.integers(0, 12))

    def mutate(content: bytes, places: list[Place]) -> bytes:
        at = places[int(share * len(places))].start + offset
        return content[:at] + new + content[at + removed :]

    return mutate


@st.composite
def flipping(draw: st.DrawFn) -> Mutation:
    """Flip single bits in the heads of elements, or cut the file."""
    share, offset, bit = (
        draw(st.floats(0, 1, exclude_max=True)),
        draw(st.integers(0, 11)),
        draw(st.integers(0, 7)),
    )
    cut = draw(st.sampled_from([0, 0, 0, 1, 8, 20, 300]))

    def mutate(content: bytes, places: list[Place]) -> bytes:
        at = min(places[int(share * len(places))].start + offset, len(content) - 1)
        changed = replaced(content, at, bytes([content[at] ^ 1 << bit])) if at >= 0 else content
        return changed[: len(changed) - cut]

    return mutate


def heads(content: bytes) -> list[Place]:
    """Return where elements seem to begin in a file of whatever coding: at the tags of the plain one."""
    tags = {place.tag for place in PLACES} | {ITEM, ITEM_END, SEQUENCE_END}
    starts = sorted(
        {at for tag in tags for at in range(FIRST, len(content) - 12) if content.startswith(tag, at)}
    )
    return [Place(at, content[at : at + 4], at + 4, True, at + 8, at + 12) for at in starts]


BASES = [(WHOLE, PLACES), *((content, heads(content)) for content in VARIED)]
