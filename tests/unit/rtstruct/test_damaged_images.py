"""Structure sets whose images are absent, have no pixels, or cannot be decoded."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct import Contour, Region, extract, rescaled_pixels
from tests.builders import (
    DAMAGES,
    build_case,
)
from tests.unit.rtstruct.cases import SMALL, file_bytes, read, series
from tests.unit.rtstruct.extraction import CASE, SPECS, codes, run

if TYPE_CHECKING:
    from pathlib import Path


def test_where_no_masks_were_asked_for_absent_images_are_a_warning(tmp_path: Path) -> None:
    (problem,) = run(
        CASE, tmp_path, images=None, formats=("stl",), no_images_because="They are late."
    ).problems
    assert problem.severity == "warning"
    assert problem.message.endswith("no masks, intensities or pictures. They are late.")


def test_without_images_contours_and_surfaces_are_measured(tmp_path: Path) -> None:
    results = run(CASE, tmp_path, images=None)
    assert [(problem.code, problem.severity) for problem in results.problems] == [("no_images", "error")]
    assert results.grid is None
    for region in results.regions:
        truth = CASE.truth[region.name]
        assert region.volume_cc == pytest.approx(truth.contour_volume_ml, rel=1e-3)
        assert region.centroid_lps_mm == pytest.approx(truth.centroid_lps_mm, abs=0.05)
        assert (region.statistics, region.mask_path, region.voxels, region.preview_path) == (None,) * 4
        assert region.surface_cm2 is not None


def test_without_images_and_contours_points_are_still_listed(tmp_path: Path) -> None:
    structure_set = build_case(frame=SMALL, regions=SPECS[:1]).structure_set
    DAMAGES["points"](structure_set)
    results = extract(file_bytes(structure_set), None, tmp_path)
    assert [region.state for region in results.regions] == ["points"]


def test_without_images_a_region_that_encloses_nothing_fails_alone(tmp_path: Path) -> None:
    structure_set = read(CASE)
    line = Contour(0, "CLOSED_PLANAR", np.array([(0.0, 0, 0), (1, 1, 0), (2, 2, 0)]))
    point = Contour(0, "POINT", np.zeros((1, 3)))
    regions = (Region(1, "line", (line,)), Region(2, "point", (), (point,)))
    found = extract(replace(structure_set, regions=regions), None, tmp_path)
    assert [region.state for region in found.regions] == ["failed", "points"]
    assert codes(found.regions[0]) == ["no_area"]


def test_without_images_nothing_is_smaller_than_a_voxel(tmp_path: Path) -> None:
    structure_set = read(CASE)
    corner = np.array([(0.0, 0, 0), (0.3, 0, 0), (0, 0.3, 0)]) + 5.3
    tiny = Region(9, "tiny", (Contour(0, "CLOSED_PLANAR", corner),))
    regions = (tiny, *structure_set.regions)
    found = extract(replace(structure_set, regions=regions), None, tmp_path).regions[0]
    assert (found.state, found.contours) == ("done", 1)
    assert found.volume_cc == pytest.approx(1.35e-4, rel=0.02)


def test_images_without_pixels_give_masks_without_statistics(tmp_path: Path) -> None:
    results = run(CASE, tmp_path, images=replace(series(CASE), load_pixels=None))
    assert [region.state for region in results.regions] == ["done"] * 3
    assert results.regions[0].statistics is None
    assert results.overview_path is None


def test_pixels_of_another_size_than_announced_do_not_stop_the_masks(tmp_path: Path) -> None:
    smaller = replace(series(CASE), load_pixels=lambda _: np.zeros((3, 5), dtype=np.int16))
    results = run(CASE, tmp_path, images=smaller)
    (problem,) = results.problems
    assert (problem.code, problem.severity) == ("no_pixels", "error")
    assert "has 3 x 5 pixels, but was said to have 64 x 64" in problem.message
    assert [region.state for region in results.regions] == ["done"] * 3


def test_one_image_that_cannot_be_decoded_costs_what_lies_on_it_alone(tmp_path: Path) -> None:
    whole = series(CASE)
    assert whole.load_pixels is not None
    load = whole.load_pixels
    middle = sorted(whole.images, key=lambda image: image.position_lps_mm[2])[len(whole.images) // 2]

    def mostly(uid: str) -> Any:
        if uid == middle.sop_instance_uid:
            raise InvalidDicom("The pixels of image X cannot be decoded.")
        return load(uid)

    results = run(CASE, tmp_path, images=replace(whole, load_pixels=mostly))
    (told,) = [problem for problem in results.problems if problem.region is None]
    assert (told.code, told.severity) == ("image_without_pixels", "warning")
    assert told.message == (
        "The pixels of image X cannot be decoded. Intensities and pictures are those of the other images."
    )
    good = run(CASE, tmp_path / "good")
    for region, other in zip(results.regions, good.regions, strict=True):
        assert region.voxels is not None
        assert region.statistics is not None
        assert other.statistics is not None
        assert region.preview_path is not None
        assert region.statistics.mean == pytest.approx(other.statistics.mean, abs=0.5)
        assert region.statistics.voxels < region.voxels
        assert codes(region) == ["partial_intensities"]


def test_an_image_without_its_pixels_is_named_by_its_number_with_what_to_do() -> None:
    image = copy.deepcopy(CASE.images[0])
    image.PixelData = image.PixelData[:100]
    image.InstanceNumber = 34
    with pytest.raises(InvalidDicom, match=r"\(Instance Number 34\) cannot be decoded: .* Send it again"):
        rescaled_pixels(image)


def test_pixels_that_cannot_be_decoded_do_not_stop_the_masks(tmp_path: Path) -> None:
    def broken(uid: str) -> Any:
        raise InvalidDicom(f"The pixels of image {uid} cannot be decoded.")

    results = run(CASE, tmp_path, images=replace(series(CASE), load_pixels=broken))
    assert [(problem.code, problem.severity) for problem in results.problems] == [("no_pixels", "error")]
    assert [region.state for region in results.regions] == ["done"] * 3
