"""The builders themselves: valid DICOM, known volumes, equal bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from tests.builders import DAMAGES, Shape, UidSource, build_case
from tests.builders.__main__ import main
from tests.unit.rtstruct.cases import SMALL, file_bytes
from tests.unit.rtstruct.test_raster import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset


def test_equal_arguments_give_equal_bytes() -> None:
    first, second = (build_case(frame=SMALL, regions=4, noise=5.0) for _ in range(2))
    assert file_bytes(first.structure_set) == file_bytes(second.structure_set)
    assert file_bytes(first.images[3]) == file_bytes(second.images[3])


def test_files_are_part_10_explicit_little_endian(tmp_path: Path) -> None:
    for path in build_case(frame=SMALL, regions=4).write(tmp_path)[-2:]:
        assert path.read_bytes()[128:132] == b"DICM"
        dataset = pydicom.dcmread(path)
        assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert all(element.VR for element in dataset)


def lengths(dataset: Dataset) -> Iterator[tuple[Any, int]]:
    """Yield tag and length of every value as a file holds it."""
    for tag in dataset.keys():  # noqa: SIM118 - a data set itself gives its elements, converted
        element: Any = dataset.get_item(tag)
        if element.VR == "SQ":
            for item in dataset[tag].value:
                yield from lengths(item)
        else:
            yield tag, getattr(element, "length", 0)  # pydicom has converted the character set


@pytest.mark.parametrize("name", [None, *DAMAGES])
def test_every_value_has_an_even_length(name: str | None, tmp_path: Path) -> None:
    """Whatever else is wrong with a file, programs that send or check it do not stumble over its encoding."""
    structure_set = build_case(frame=SMALL, regions=2).structure_set
    if name is not None:
        DAMAGES[name](structure_set)
    (tmp_path / "x").write_bytes(file_bytes(structure_set))
    assert [tag for tag, length in lengths(pydicom.dcmread(tmp_path / "x")) if length % 2] == []


def test_uids_are_valid_and_follow_the_seed() -> None:
    assert pydicom.uid.UID(UidSource(3).uid("x")).is_valid
    assert UidSource(3).uid("x") != UidSource(4).uid("x")


@pytest.mark.parametrize("name", SHAPES)
def test_the_volume_in_closed_form_is_the_sum_of_thin_sections(name: str) -> None:
    shape: Shape = SHAPES[name]
    low, high = shape.bounds_mm
    steps = 120
    heights = low[2] + (np.arange(steps) + 0.5) * (high[2] - low[2]) / steps
    u = np.linspace(low[0], high[0], 160)
    v = np.linspace(low[1], high[1], 160)
    inside = sum(int(shape.contains(u[None, :], v[:, None], float(w)).sum()) for w in heights)
    cell = np.prod(high - low) / steps / 159**2
    assert inside * cell / 1000 == pytest.approx(shape.volume_ml, rel=0.02)


def test_the_command_writes_a_case_of_the_size_asked(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--slices", "6", "--matrix", "32", "--regions", "12"]) == 0
    assert len(list((tmp_path / "images").iterdir())) == 6
    assert len(pydicom.dcmread(tmp_path / "rtstruct.dcm").StructureSetROISequence) == 12
