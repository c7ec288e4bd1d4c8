"""Images: rescaling, units, kinds of pixels, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import RLELossless

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct import (
    ImageRecord,
    ImageSeries,
    read_pixels,
    rescaled_pixels,
    series_from_datasets,
    series_from_files,
)
from tests.builders import build_case
from tests.unit.rtstruct.cases import SMALL, file_bytes

if TYPE_CHECKING:
    from pathlib import Path


def test_files_and_datasets_give_the_same_series(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=4)
    from_files = series_from_files(case.write(tmp_path)[:-1])
    from_memory = series_from_datasets(case.images)
    assert from_files.images == from_memory.images
    assert from_files.unit == "HU"
    uid = from_files.images[10].sop_instance_uid
    np.testing.assert_array_equal(from_files.intensities([uid]), from_memory.intensities([uid]))


def test_ct_pixels_are_hounsfield_units_in_whole_numbers() -> None:
    pixels = rescaled_pixels(build_case(frame=SMALL, regions=4).images[12])
    assert pixels.dtype == np.int16
    assert pixels[0, 0] == -1000
    assert pixels[32, 32] == 20


@pytest.mark.parametrize(("modality", "unit"), [("MR", "arbitrary"), ("PT", "BQML")])
def test_other_modalities_say_their_unit(modality: str, unit: str) -> None:
    assert series_from_datasets(build_case(frame=SMALL, regions=2, modality=modality).images).unit == unit


def test_a_fractional_slope_gives_floats() -> None:
    image = build_case(frame=SMALL, regions=1, modality="PT").images[0]
    image.RescaleSlope = "0.25"
    pixels = rescaled_pixels(image)
    assert pixels.dtype == np.float32
    assert pixels.max() == 5.0


def test_mixed_kinds_of_pixels_become_floats() -> None:
    images = build_case(frame=SMALL, regions=1, modality="PT").images
    images[1].RescaleSlope = "0.25"
    series = series_from_datasets(images)
    uids = [image.sop_instance_uid for image in series.images[:3]]
    pixels = series.intensities(uids)
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, np.stack([rescaled_pixels(image) for image in images[:3]]))


def test_compressed_pixels_are_decoded() -> None:
    image = build_case(frame=SMALL, regions=4).images[12]
    expected = rescaled_pixels(image)
    image.compress(RLELossless, generate_instance_uid=False)
    np.testing.assert_array_equal(read_pixels(file_bytes(image)), expected)


def test_cut_pixels_are_refused_by_the_image() -> None:
    image = build_case(frame=SMALL, regions=1).images[3]
    image.PixelData = image.PixelData[:100]
    with pytest.raises(InvalidDicom, match="pixels of image"):
        rescaled_pixels(image)


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows"]
)
def test_an_image_without_geometry_is_left_out_and_a_series_of_such_refused(keyword: str) -> None:
    images = build_case(frame=SMALL, regions=1).images
    delattr(images[5], keyword)
    series = series_from_datasets(images)
    assert len(series.images) == 23
    assert [images[5].SOPInstanceUID in problem.message for problem in series.problems] == [True]
    with pytest.raises(InvalidDicom, match="no usable position"):
        series_from_datasets([images[5]])


def test_an_undamaged_series_has_no_problems() -> None:
    assert series_from_datasets(build_case(frame=SMALL, regions=1).images).problems == ()


def test_a_value_that_cannot_be_read_costs_one_image() -> None:
    images = build_case(frame=SMALL, regions=1).images
    images[5]._dict[Tag("Rows")] = RawDataElement(Tag("Rows"), "US", 1, b"x", 0, False, True)
    series = series_from_datasets(images)
    assert len(series.images) == 23
    assert images[5].SOPInstanceUID in series.problems[0].message


def test_images_of_several_frames_are_refused() -> None:
    images = build_case(frame=SMALL, regions=1).images
    images[0].NumberOfFrames = 5
    with pytest.raises(InvalidDicom, match="several frames: multi-frame images are not read yet"):
        series_from_datasets(images[:1])


@pytest.mark.parametrize(("rows", "columns"), [(65535, 65535), (4097, 4096), (65535, 257)])
def test_an_image_that_announces_more_pixels_than_any_has_is_refused(rows: int, columns: int) -> None:
    image = build_case(frame=SMALL, regions=1).images[0]
    image.Rows, image.Columns = rows, columns
    with pytest.raises(InvalidDicom, match=f"announces {rows} x {columns} pixels"):
        series_from_datasets([image])


def test_the_largest_images_there_are_are_taken() -> None:
    image = build_case(frame=SMALL, regions=1).images[0]
    image.Rows, image.Columns = 4096, 4096
    assert series_from_datasets([image]).images[0].rows == 4096


def places(count: int, rows: int, repeats: int = 1) -> tuple[ImageRecord, ...]:
    return tuple(
        ImageRecord(f"1.{k}.{again}", (0, 0, float(k)), (1, 0, 0, 0, 1, 0), rows, rows, (1, 1))
        for k in range(count)
        for again in range(repeats)
    )


def test_a_series_that_announces_more_voxels_than_any_has_is_refused() -> None:
    with pytest.raises(InvalidDicom, match=r"announce 4311744512 voxels"):
        ImageSeries(places(257, 4096))


def test_large_series_and_images_repeated_over_time_are_taken() -> None:
    assert len(ImageSeries(places(2000, 1024)).images) == 2000
    assert len(ImageSeries(places(50, 2048, repeats=40)).images) == 2000


def test_an_empty_series_and_files_that_are_not_dicom_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDicom, match="no images"):
        series_from_datasets([])
    (tmp_path / "x.dcm").write_text("nothing")
    with pytest.raises(InvalidDicom, match="not a DICOM file"):
        series_from_files([tmp_path / "x.dcm"])
    with pytest.raises(InvalidDicom, match="not DICOM"):
        read_pixels(tmp_path / "x.dcm")


@pytest.mark.parametrize("slope", ["nan", "inf", "1e38"])
@pytest.mark.filterwarnings("ignore:Invalid value for VR DS")
def test_intensities_that_are_not_finite_are_refused(slope: str) -> None:
    image = build_case(frame=SMALL, regions=1).images[3]
    image.RescaleSlope = slope
    with pytest.raises(InvalidDicom, match="not finite"):
        rescaled_pixels(image)


def test_an_image_that_is_gone_is_one_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidDicom, match="cannot be read"):
        read_pixels(tmp_path / "gone.dcm")
