"""NIfTI files, judged by two independent readers in patient space."""

from __future__ import annotations

import gzip
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
import SimpleITK

from orthanc_plugins.rtstruct import mask_nifti, rasterise
from orthanc_plugins.rtstruct.geometry.raster import mask_from_voxels
from orthanc_plugins.rtstruct.nifti import box_nifti, labels_nifti
from tests.builders import PATIENT_POSITIONS, Box, Ellipsoid, ImageFrame, rotated
from tests.unit.rtstruct.cases import SMALL, case_of, flat_grid, placed_of

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = Box((11.0, -7.0, 6.0), (30.0, 22.0, 24.0))
OBLIQUE = replace(SMALL, orientation=rotated(12, -8, 15))
NON_SQUARE = replace(SMALL, size=(24, 50, 80), spacing_mm=(2.4, 1.6))


def frame_of(name: str) -> ImageFrame:
    return {"oblique": OBLIQUE, "non-square": NON_SQUARE}.get(name) or SMALL.positioned(name)


@pytest.mark.parametrize("position", [*PATIENT_POSITIONS, "oblique", "non-square"])
def test_both_readers_find_the_region_at_its_place(position: str, tmp_path: Path) -> None:
    case = case_of(SHAPE, frame=frame_of(position))
    placed = placed_of(case)[0]
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(mask_nifti(rasterise(placed), placed.grid))
    expected = case.truth["shape 1"].centroid_lps_mm

    image: Any = nibabel.Nifti1Image.from_filename(path)
    voxels = np.argwhere(np.asarray(image.dataobj) > 0)
    ras = image.affine[:3, :3] @ voxels.mean(axis=0) + image.affine[:3, 3]
    np.testing.assert_allclose(ras * (-1, -1, 1), expected, atol=1.3)
    np.testing.assert_allclose(image.header.get_qform(), image.header.get_sform(), atol=1e-3)
    assert image.header.get_xyzt_units()[0] == "mm"

    other: Any = SimpleITK.ReadImage(str(path))
    array = SimpleITK.GetArrayFromImage(other)
    middle = np.argwhere(array > 0).mean(axis=0)[::-1]
    place = np.array(other.TransformContinuousIndexToPhysicalPoint(middle.tolist()))
    np.testing.assert_allclose(place, expected, atol=1.3)
    np.testing.assert_array_equal(array.astype(bool), rasterise(placed).on_grid(placed.grid.shape))
    assert array.sum() * np.prod(other.GetSpacing()) / 1000 == pytest.approx(15.84, rel=0.12)


def test_a_tilted_gantry_is_sheared_in_sform_and_has_no_qform(tmp_path: Path) -> None:
    placed = placed_of(case_of(SHAPE, frame=replace(SMALL, tilt_deg=15.0)))[0]
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(mask_nifti(rasterise(placed), placed.grid))
    header: Any = nibabel.Nifti1Image.from_filename(path).header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (0, 1)
    np.testing.assert_allclose(header.get_sform(), placed.grid.affine_ras, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 32_768, 5), (2, 4, 40_000)], ids=["rows", "columns"])
@pytest.mark.parametrize("tilt", [0.0, 0.2])
def test_an_axis_too_long_for_nifti_1_makes_a_nifti_2(
    shape: tuple[int, int, int], tilt: float, tmp_path: Path
) -> None:
    grid = flat_grid(*shape[1:], slices=shape[0])
    steps = np.array([(0.0, tilt, 1.0), (0.0, 1.5, 0.0), (0.5, 0.0, 0.0)])
    grid = replace(grid, steps_lps_mm=steps, origin_lps_mm=np.array((7.0, -8.0, 9.0)))
    voxels = np.zeros(shape, dtype=bool)
    voxels[0, -2:, -3:-1] = True
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(mask_nifti(mask_from_voxels(voxels, (0, 0, 0)), grid))

    image: Any = nibabel.load(path)
    assert int(image.header["sizeof_hdr"]) == 540
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, voxels)
    np.testing.assert_allclose(image.affine, grid.affine_ras, atol=1e-12)
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (int(not tilt), 1)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_partial_volumes_of_a_long_axis_keep_their_scale(tmp_path: Path) -> None:
    path = tmp_path / "one.partial.nii.gz"
    shares = np.full((1, 1, 3), 51, dtype=np.uint8)
    path.write_bytes(box_nifti(shares, (0, 0, 39_000), flat_grid(1, 40_000), 1 / 255))
    image: Any = nibabel.load(path)
    assert image.get_fdata().sum() == pytest.approx(0.6)


def test_the_stream_is_one_gzip_member_without_a_time() -> None:
    placed = placed_of(case_of(SHAPE))[0]
    content = mask_nifti(rasterise(placed), placed.grid)
    assert content[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    assert len(gzip.decompress(content)) == 352 + 24 * 64 * 64
    assert content == mask_nifti(rasterise(placed), placed.grid)


@pytest.mark.parametrize(("label", "kind"), [(255, np.uint8), (40000, np.uint16)])
def test_labels_are_kept_and_smaller_regions_lie_over_larger_ones(
    tmp_path: Path, label: int, kind: type[np.unsignedinteger[Any]]
) -> None:
    large, small = (
        rasterise(placed) for placed in placed_of(case_of(SHAPE, Ellipsoid((0.0, 0.0, 0.0), (9.0, 8.0, 7.0))))
    )
    grid = placed_of(case_of(SHAPE))[0].grid
    path = tmp_path / "labels.nii.gz"
    path.write_bytes(labels_nifti([(label, small), (7, large)], grid))
    image: Any = nibabel.Nifti1Image.from_filename(path)
    assert image.get_data_dtype() == kind
    expected = np.where(
        small.on_grid(grid.shape), label, np.where(large.on_grid(grid.shape), 7, 0)
    ).transpose()
    np.testing.assert_array_equal(np.asarray(image.dataobj), expected)


def test_a_large_plane_is_written_some_rows_at_a_time() -> None:
    grid = flat_grid(4_000, 6_000, slices=3)
    voxels = np.zeros((2, 1_500, 1_100), dtype=bool)
    voxels[0, ::7, ::3] = voxels[1, 1::5, 2::4] = True
    mask = mask_from_voxels(voxels, (1, 2_000, 300))
    tracemalloc.start()
    content = mask_nifti(mask, grid)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 12_000_000  # half a plane
    shown = np.frombuffer(gzip.decompress(content), dtype=np.uint8, offset=352).reshape(grid.shape)
    np.testing.assert_array_equal(shown[1:, 2_000:3_500, 300:1_400], voxels)
    assert np.count_nonzero(shown) == mask.count
