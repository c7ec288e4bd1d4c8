"""What must change nothing: how the scene lies, in which order things come, how a contour is written down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.sequence import Sequence as DicomSequence

from orthanc_plugins.rtstruct import measure, place, rasterise
from tests.builders import (
    PATIENT_POSITIONS,
    Box,
    Case,
    Difference,
    Ellipsoid,
    Fork,
    ImageFrame,
    RegionSpec,
    Torus,
    build_case,
    contour_bytes,
    rotated,
)
from tests.builders.damage import contour_points
from tests.builders.structure_set import set_contour_data
from tests.unit.rtstruct.cases import SMALL, grid_of, mask_of, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SPECS = (
    RegionSpec("box on pixel centres", Box((1.0, -3.0, 0.0), (30.0, 22.0, 24.0))),
    RegionSpec("torus", Torus((1.1, 0.4, 0.3), 26.0, 12.0)),
    RegionSpec("fork", Fork((0.6, 1.2, 0.0), 9.0, 24.0, 27.0)),
    RegionSpec(
        "shell",
        Difference(
            Ellipsoid((0.7, 0.3, 0.0), (30.0, 28.0, 28.0)),
            Ellipsoid((0.7, 0.3, 0.0), (18.0, 15.0, 14.0)),
        ),
    ),
)


def case_on(frame: ImageFrame = SMALL, **options: Any) -> Case:
    return build_case(frame=frame, regions=SPECS, **options)


def masks(case: Case) -> list[NDArray[np.bool_]]:
    structure_set = read(case)
    grid = grid_of(case, structure_set)
    found = []
    for region in structure_set.regions:
        placed, problems = place(region, grid)
        assert not problems
        found.append(mask_of(placed))
    return found


def volumes(case: Case) -> list[float]:
    structure_set = read(case)
    grid = grid_of(case, structure_set)
    measured = [measure(place(region, grid)[0], region) for region in structure_set.regions]
    return [one.volume_ml for one in measured if one is not None]


CASE = case_on()
MASKS, VOLUMES = masks(CASE), volumes(CASE)


def assert_unchanged(case: Case) -> None:
    for spec, found, expected in zip(SPECS, masks(case), MASKS, strict=True):
        np.testing.assert_array_equal(found, expected, err_msg=spec.name)
    assert volumes(case) == pytest.approx(VOLUMES, rel=1e-6)


TURNED = {
    **{name: SMALL.positioned(name) for name in PATIENT_POSITIONS},
    "oblique": replace(SMALL, orientation=rotated(12, -8, 15)),
    "far oblique": replace(SMALL, orientation=rotated(-41, 33, 70), centre_lps_mm=(812.3, -951.8, 1403.1)),
    "far away": replace(SMALL, centre_lps_mm=(-2212.31, 1951.87, -3003.14)),
}


@pytest.mark.parametrize("name", TURNED)
def test_turning_and_moving_the_scene_changes_no_voxel(name: str) -> None:
    turned = case_on(TURNED[name])
    for spec, found, expected in zip(SPECS, masks(turned), MASKS, strict=True):
        np.testing.assert_array_equal(found, expected, err_msg=spec.name)
    assert volumes(turned) == pytest.approx(VOLUMES, rel=2e-5)


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_the_modality_changes_nothing(modality: str) -> None:
    assert_unchanged(case_on(modality=modality))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_files_and_instance_numbers_changes_nothing(seed: int) -> None:
    assert_unchanged(case_on(shuffle=True, seed=seed))


def test_images_from_head_to_feet_change_nothing() -> None:
    """The images may come in reverse: what they show lies where it does."""
    assert_unchanged(replace(CASE, images=CASE.images[::-1]))


def test_rows_that_run_the_other_way_mirror_the_mask() -> None:
    """Columns and normal reversed: the same places in the patient, other indices."""
    u, v = np.array(SMALL.orientation[:3]), np.array(SMALL.orientation[3:])
    flipped = replace(SMALL, orientation=(*(-u).tolist(), *v.tolist()))
    mirrored = build_case(frame=flipped, regions=[RegionSpec("torus", Torus((-1.1, 0.4, -0.3), 26.0, 12.0))])
    (found,) = masks(mirrored)
    np.testing.assert_array_equal(found[::-1, :, ::-1], MASKS[1])


type Rewriting = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def with_points_between(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the middle of each side that has one on the file's lattice between its ends."""
    following = np.roll(points, -1, axis=0)
    middles = (points + following) / 2
    exact = np.abs(middles * 1e4 - np.rint(middles * 1e4)).max(axis=1) < 1e-6
    richer = []
    for point, middle, kept in zip(points, middles, exact, strict=True):
        richer += [point, middle] if kept else [point]
    return np.array(richer)


REWRITINGS: dict[str, Rewriting] = {
    "another first point": lambda points: np.roll(points, 7, axis=0),
    "the other way round": lambda points: points[::-1],
    "every point twice": lambda points: np.repeat(points, 2, axis=0),
    "the first point again at the end": lambda points: np.vstack((points, points[:1])),
    "points between": with_points_between,
}


@pytest.mark.parametrize("name", REWRITINGS)
def test_the_same_contour_written_otherwise_changes_nothing(name: str) -> None:
    structure_set = CASE.copied_structure_set()
    for item in structure_set.ROIContourSequence:
        for contour in item.ContourSequence:
            points = REWRITINGS[name](contour_points(contour))
            set_contour_data(contour, contour_bytes(points))
            contour.NumberOfContourPoints = len(points)
    assert_unchanged(CASE.with_structure_set(structure_set))


def test_the_order_of_contours_changes_nothing() -> None:
    structure_set = CASE.copied_structure_set()
    rng = np.random.default_rng(4)
    for item in structure_set.ROIContourSequence:
        contours = list(item.ContourSequence)
        item.ContourSequence = DicomSequence([contours[place] for place in rng.permutation(len(contours))])
    assert_unchanged(CASE.with_structure_set(structure_set))


def test_the_order_of_regions_changes_their_order_only() -> None:
    structure_set = CASE.copied_structure_set()
    for keyword in ("StructureSetROISequence", "ROIContourSequence"):
        setattr(structure_set, keyword, DicomSequence(list(structure_set[keyword].value)[::-1]))
    for found, expected in zip(masks(CASE.with_structure_set(structure_set)), MASKS[::-1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_missing_images_do_not_change_the_masks_of_contours_that_are_there() -> None:
    assert_unchanged(case_on(replace(SMALL, missing=(4, 8, 9, 14))))


def test_more_images_around_change_nothing_but_the_indices() -> None:
    larger = replace(SMALL, size=(28, 72, 72))
    for found, expected in zip(masks(case_on(larger)), MASKS, strict=True):
        np.testing.assert_array_equal(found[2:-2, 4:-4, 4:-4], expected)
        assert int(found.sum()) == int(expected.sum())


def test_a_mask_does_not_depend_on_the_other_regions() -> None:
    for spec, expected in zip(SPECS, MASKS, strict=True):
        (alone,) = masks(build_case(frame=SMALL, regions=[spec]))
        np.testing.assert_array_equal(alone, expected)


def test_runs_are_those_of_the_mask() -> None:
    placed, _ = place(read(CASE).regions[3], grid_of(CASE))
    mask = rasterise(placed)
    assert mask.count == int(MASKS[3].sum())
    assert (mask.starts < mask.stops).all()
    assert (mask.starts[1:] > mask.stops[:-1] - 1).all()
