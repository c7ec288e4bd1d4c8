"""RT Dose files: where their grids lie, what they hold, and what is refused."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, JPEGBaseline8Bit, RLELossless

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct import Dose, read_dose
from tests.builders import build_case, build_dose, linear, rotated, uniform
from tests.unit.rtstruct.cases import SMALL, file_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pydicom.dataset import FileDataset

CASE = build_case(frame=SMALL, regions=1)
SLOPE = (0.2, -0.1, 0.3)
TURNED = np.array(rotated(12, -8, 15)).reshape(2, 3)


def built(**options: Any) -> FileDataset:
    spacing = {"spacing_mm": (4.0, 6.0, 8.0)}
    return build_dose(CASE, linear(40, SLOPE), **{**spacing, **options})


def read(dataset: FileDataset) -> Dose:
    return read_dose(file_bytes(dataset))


def dose_at(dose: Dose, frame: int, row: int, column: int) -> tuple[float, float]:
    """Return the dose of a voxel, and what the formula says of its place."""
    place = dose.placement
    steps = np.array(
        (place.heights_mm[frame], row * place.pixel_spacing_mm[0], column * place.pixel_spacing_mm[1])
    )
    at = place.origin_lps_mm + steps @ place.axes
    u, v, w = (at - np.array(CASE.frame.centre_lps_mm)) @ CASE.frame.axes.T
    return float(dose.stored[frame, row, column]) * dose.scaling, 40 + float(np.dot(SLOPE, (u, v, w)))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bits": 16},
        {"descending": True},
        {"offsets": "absolute"},
        {"offsets": "absolute", "descending": True},
        {"uneven": True},
        {"axes": np.vstack((TURNED, np.cross(*TURNED))), "extent_mm": (60, 90, 80)},
        {"axes": ((0, 1, 0), (0, 0, 1), (1, 0, 0)), "extent_mm": (60, 50, 80)},
    ],
)
def test_every_voxel_lies_where_the_file_says(options: dict[str, Any]) -> None:
    dose = read(built(**options))
    frames, rows, columns = dose.placement.shape
    assert (np.diff(dose.placement.heights_mm) > 0).all()
    for frame, row, column in (
        (0, 0, 0),
        (frames - 1, rows - 1, columns - 1),
        (frames // 3, 1, columns // 2),
    ):
        held, said = dose_at(dose, frame, row, column)
        assert held == pytest.approx(said, abs=0.01)


def test_absolute_offsets_of_feet_first_frames_are_their_z() -> None:
    case = build_case(frame=SMALL.positioned("FFS"), regions=1)
    dose = read(build_dose(case, linear(40, SLOPE), offsets="absolute"))
    relative = read(build_dose(case, linear(40, SLOPE)))
    assert np.allclose(dose.placement.heights_mm, relative.placement.heights_mm)
    assert np.array_equal(dose.stored, relative.stored)


def test_what_the_file_says_of_itself_is_kept() -> None:
    dose = read(built(units="RELATIVE", summation_type="BEAM"))
    assert (dose.unit, dose.summation_type, dose.dose_type) == ("relative", "BEAM", "PHYSICAL")
    assert dose.frame_of_reference_uid == CASE.reference.frame_uid
    assert dose.plan_uid is not None


def test_a_single_frame_stands_for_its_thickness() -> None:
    dose = read(built(extent_mm=(4.0, 60.0, 60.0)))
    assert dose.placement.shape[0] == 1
    assert dose.placement.spacing_mm[0] == 4.0


def test_a_losslessly_compressed_grid_is_unpacked() -> None:
    plain = built(bits=16)
    before = read(plain)
    plain.compress(RLELossless, generate_instance_uid=False)
    assert np.array_equal(read(plain).stored, before.stored)


def test_a_big_endian_grid_is_read() -> None:
    dataset = built()
    before = read(dataset)
    stream = dataset.PixelData
    dataset.PixelData = np.frombuffer(stream, "<u4").astype(">u4").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    written = BytesIO()
    dcmwrite(written, dataset, little_endian=False, implicit_vr=False, enforce_file_format=True)
    assert np.array_equal(read_dose(written.getvalue()).stored, before.stored)


def _set(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda dataset: setattr(dataset, keyword, value)


def _without(keyword: str) -> Callable[[Dataset], None]:
    return lambda dataset: delattr(dataset, keyword)


def _cut(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:1000]


def _short_offsets(dataset: Dataset) -> None:
    dataset.GridFrameOffsetVector = dataset.GridFrameOffsetVector[:-1]


def _offsets_from_nowhere(dataset: Dataset) -> None:
    dataset.GridFrameOffsetVector = [float(value) + 7.5 for value in dataset.GridFrameOffsetVector]


def _repeated_offset(dataset: Dataset) -> None:
    dataset.GridFrameOffsetVector = [0.0, *dataset.GridFrameOffsetVector[:-1]]


def _negative(dataset: Dataset) -> None:
    dataset.PixelRepresentation = 1
    dataset.PixelData = (-np.ones(len(dataset.PixelData) // 4)).astype("<i4").tobytes()


def _lossy(dataset: Dataset) -> None:
    dataset.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit


def _endless(dataset: Dataset) -> None:
    dataset.Rows = dataset.Columns = 60_000


DAMAGES: dict[str, tuple[Callable[[Dataset], None], str]] = {
    "another kind of object": (_set("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"), "not an RT Dose"),
    "no units": (_without("DoseUnits"), "Dose Units"),
    "unknown units": (_set("DoseUnits", "CGY"), "Dose Units"),
    "an error of a dose": (_set("DoseType", "ERROR"), "ERROR"),
    "no pixels": (_without("PixelData"), "no dose grid"),
    "no scaling": (_without("DoseGridScaling"), "Dose Grid Scaling"),
    "a scaling of zero": (_set("DoseGridScaling", "0"), "Dose Grid Scaling"),
    "cut short": (_cut, "cut short"),
    "offsets too few": (_short_offsets, "Grid Frame Offset Vector"),
    "offsets of neither meaning": (_offsets_from_nowhere, "in doubt"),
    "two frames at one place": (_repeated_offset, "one place"),
    "no offsets": (_without("GridFrameOffsetVector"), "Grid Frame Offset Vector"),
    "no position": (_without("ImagePositionPatient"), "position"),
    "no spacing": (_without("PixelSpacing"), "spacing"),
    "a spacing of zero": (_set("PixelSpacing", ["0", "1"]), "spacing"),
    "skewed directions": (_set("ImageOrientationPatient", ["1", "0", "0", "0.7", "0.7", "0"]), "right angle"),
    "negative values": (_negative, "negative"),
    "8 bits": (_set("BitsAllocated", 8), "16 or 32"),
    "more voxels than can be": (_endless, "voxels"),
    "compressed with loss": (_lossy, "with loss"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_dose_that_can_be_misread_is_refused_with_the_reason(kind: str) -> None:
    damage, reason = DAMAGES[kind]
    dataset = built()
    damage(dataset)
    with pytest.raises(InvalidDicom, match=reason):
        read(dataset)


@pytest.mark.parametrize("value", [b"nan", b"inf", b"-1", b"words", b""])
def test_a_scaling_that_is_no_positive_number_is_refused(value: bytes) -> None:
    dataset = built()
    dataset.DoseGridScaling = "1.234567"
    content = file_bytes(dataset).replace(b"1.234567", value.ljust(8))
    with pytest.raises(InvalidDicom, match="Dose Grid Scaling"):
        read_dose(content)


def test_a_file_cut_inside_its_pixels_is_refused() -> None:
    content = file_bytes(built())
    with pytest.raises(InvalidDicom):
        read_dose(content[: len(content) // 2])


@pytest.mark.parametrize("content", [b"", b"not DICOM at all", b"\0" * 4096])
def test_what_is_not_dicom_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidDicom):
        read_dose(content)


def test_a_uniform_dose_of_nothing_is_read() -> None:
    assert read(build_dose(CASE, uniform(0))).maximum == 0
