"""One structure set against another: which regions are paired, on which grid, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.errors import ComparisonError, GeometryError
from orthanc_plugins.rtstruct import Contour, StructureSet, compare_structure_sets
from orthanc_plugins.rtstruct.problems import Problem
from tests.builders import Ellipsoid, ImageFrame, RegionSpec, build_case, rotated
from tests.unit.rtstruct.cases import read, series

if TYPE_CHECKING:
    from orthanc_plugins.rtstruct import Comparison, ImageSeries, Match, RegionComparison

FRAME = ImageFrame(size=(24, 64, 64), spacing_mm=(1.5, 1.5), gap_mm=2.0)
BIG, SMALL = Ellipsoid((-14.0, 0.0, 0.0), (15.0, 15.0, 15.0)), Ellipsoid((22.0, 0.0, 0.0), (10.0, 10.0, 10.0))
SHIFTED = Ellipsoid((-11.0, 0.0, 0.0), (15.0, 15.0, 15.0))


def made(frame: ImageFrame = FRAME, **shapes: Ellipsoid) -> tuple[StructureSet, ImageSeries]:
    """Return a structure set whose regions have these names, and its images."""
    case = build_case(frame=frame, regions=[RegionSpec(name, shape) for name, shape in shapes.items()])
    return read(case), series(case)


def renamed(structure_set: StructureSet, *names: str) -> StructureSet:
    regions = tuple(
        replace(region, name=name) for region, name in zip(structure_set.regions, names, strict=True)
    )
    return replace(structure_set, regions=regions)


def numbers(found: Comparison) -> list[tuple[int, int]]:
    return [(pair.region, pair.other) for pair in found.pairs]


def dice(pair: RegionComparison) -> float:
    assert pair.overlap is not None
    return pair.overlap.dice


def test_regions_of_one_name_are_compared_whatever_their_case_and_blanks() -> None:
    first, images = made(GTV=BIG, Lung=SMALL)
    second, _ = made(other=SHIFTED, more=SMALL)
    found = compare_structure_sets(first, renamed(second, " gtv ", "Heart"), images, images)
    assert numbers(found) == [(1, 1)]
    assert found.match == "name"
    assert [(one.structure_set, one.number, one.reason) for one in found.unmatched] == [
        ("first", 2, "no_counterpart"),
        ("second", 2, "no_counterpart"),
    ]
    pair = found.pairs[0]
    assert pair.overlap is not None
    assert pair.overlap.centroid_distance_mm == pytest.approx(3.0, abs=0.1)
    assert pair.surface is not None
    assert pair.surface.hausdorff_mm == pytest.approx(3.0, abs=0.3)


def test_regions_are_paired_by_overlap_where_names_say_nothing() -> None:
    first, images = made(a=BIG, b=SMALL)
    second, _ = made(b=SHIFTED, x=SMALL)
    found = compare_structure_sets(first, second, images, images, match="overlap")
    assert numbers(found) == [(1, 1), (2, 2)]
    assert dice(found.pairs[1]) == 1.0


@pytest.mark.parametrize("pair", [("GTV", "gtv_auto"), (1, 2), ("gtv", 2)])
def test_regions_can_be_named_by_name_or_number(pair: tuple[str | int, str | int]) -> None:
    first, images = made(GTV=BIG, Lung=SMALL)
    second, _ = made(Lung=SMALL, GTV_auto=SHIFTED)
    found = compare_structure_sets(first, second, images, images, pairs=[pair])
    assert numbers(found) == [(1, 2)]
    assert found.match == "pairs"
    assert {one.reason for one in found.unmatched} == {"not_asked_for"}


@pytest.mark.parametrize("wanted", [("nothing", "Lung"), (7, 1), ("Lung", "GTV")])
def test_an_unknown_region_is_told_by_the_numbers_there_are(wanted: tuple[str | int, str | int]) -> None:
    first, images = made(GTV=BIG, Lung=SMALL)
    second, _ = made(Lung=SMALL)
    with pytest.raises(ComparisonError, match="numbers 1") as caught:
        compare_structure_sets(first, second, images, images, pairs=[wanted])
    assert "nothing" not in str(caught.value)


def test_a_name_that_several_regions_have_is_not_guessed() -> None:
    first, images = made(a=BIG, b=SMALL)
    with pytest.raises(ComparisonError, match="by its number"):
        compare_structure_sets(renamed(first, "x", "X"), first, images, images, pairs=[("x", "a")])
    found = compare_structure_sets(renamed(first, "x", "X"), renamed(first, "x", "x"), images, images)
    assert numbers(found) == [(1, 1), (2, 2)]


@pytest.mark.parametrize("match", ["name", "overlap"])
def test_sets_with_nothing_in_common_are_refused(match: str) -> None:
    first, images = made(GTV=BIG)
    second, _ = made(Lung=SMALL)
    with pytest.raises(ComparisonError, match="no region in common"):
        compare_structure_sets(first, second, images, images, match=match)  # type: ignore[arg-type]


def test_a_set_without_contours_is_refused() -> None:
    first, images = made(GTV=BIG)
    bare = replace(first, regions=tuple(replace(region, contours=()) for region in first.regions))
    with pytest.raises(ComparisonError, match="no closed contours"):
        compare_structure_sets(first, bare, images, images)


def test_another_frame_of_reference_is_refused_unless_it_is_allowed() -> None:
    first, images = made(GTV=BIG)
    second = replace(first, frame_of_reference_uid="1.2.3.4")
    with pytest.raises(ComparisonError, match=r"different frames of reference.*allow_other_frame=True"):
        compare_structure_sets(first, second, images, images)
    found = compare_structure_sets(first, second, images, images, allow_other_frame=True)
    assert dice(found.pairs[0]) == 1.0
    assert [problem.code for problem in found.problems] == ["other_frame_of_reference"]


def test_a_region_of_another_frame_than_its_counterpart_is_refused_alone() -> None:
    first, images = made(GTV=BIG, Lung=SMALL)
    astray = replace(first.regions[0], frame_of_reference_uid="1.2.3.4")
    second = replace(first, regions=(astray, first.regions[1]))
    found = compare_structure_sets(first, second, images, images)
    assert [pair.overlap is None for pair in found.pairs] == [True, False]
    assert [(problem.code, problem.severity) for problem in found.problems] == [("impossible", "error")]
    assert "1.2.3.4" in found.problems[0].message
    told = compare_structure_sets(first, second, images, images, how_to_allow="ask for it")
    assert told.problems[0].message.endswith("; ask for it.")
    allowed = compare_structure_sets(first, second, images, images, allow_other_frame=True)
    assert dice(allowed.pairs[0]) == 1.0


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_set_that_states_no_frame_of_reference_is_compared_with_a_warning(which: str) -> None:
    first, images = made(GTV=BIG)
    bare = replace(
        first,
        frame_of_reference_uid="",
        regions=tuple(replace(region, frame_of_reference_uid="") for region in first.regions),
    )
    sets = (bare, first) if which == "first" else (first, bare)
    found = compare_structure_sets(*sets, images, images)
    assert dice(found.pairs[0]) == 1.0
    assert [(one.code, one.structure_set, one.severity) for one in found.problems] == [
        ("frame_of_reference_unknown", which, "warning")
    ]


def test_problems_of_reading_either_set_and_of_its_images_are_told() -> None:
    first, images = made(GTV=BIG, Lung=SMALL)
    odd = Problem("odd_point", "Region 1: odd.", region=1)
    other = Problem("odd_line", "Region 2: odd.", region=2)
    whole = Problem("odd_set", "All is odd.")
    regions = tuple(
        replace(region, problems=(*region.problems, one))
        for region, one in zip(first.regions, (odd, other), strict=True)
    )
    second = replace(first, regions=regions, problems=(whole,))
    gappy = replace(images, images=(*images.images[:3], *images.images[4:]))
    found = compare_structure_sets(first, second, gappy, images)
    told = [(one.structure_set, one.code) for one in found.problems]
    assert {("second", "odd_set"), ("second", "odd_point"), ("second", "odd_line")} <= set(told)
    assert ("first", "missing_slices") in told
    assert found.to_json()["problems"][told.index(("second", "odd_set"))]["structure_set"] == "second"
    alone = compare_structure_sets(first, second, images, images, pairs=[(1, 1)])
    assert [(one.structure_set, one.code) for one in alone.problems] == [
        ("second", "odd_set"),
        ("second", "odd_point"),
    ]


def test_contours_that_cross_themselves_are_told_by_set_and_region() -> None:
    first, images = made(GTV=BIG)
    region = first.regions[0]
    middle = len(region.contours) // 2
    crossed = [
        replace(contour, points_lps_mm=_crossing(contour.points_lps_mm)) if place == middle else contour
        for place, contour in enumerate(region.contours)
    ]
    second = replace(first, regions=(replace(region, contours=tuple(crossed)),))
    found = compare_structure_sets(first, second, images, images)
    assert ("second", "crossing_itself", 1) in [
        (one.structure_set, one.code, one.region) for one in found.problems
    ]


@pytest.mark.parametrize(
    ("frame", "least"),
    [  # slabs of 5 mm make a staircase of a ball
        (replace(FRAME, gap_mm=5.0, size=(10, 64, 64)), 0.92),
        (replace(FRAME, gap_mm=1.25, size=(40, 64, 64)), 0.96),
        (replace(FRAME, spacing_mm=(2.0, 1.0), size=(24, 48, 96)), 0.96),
        (replace(FRAME, size=(48, 64, 64), orientation=rotated(25.0, 10.0, 5.0)), 0.95),
    ],
    ids=["thicker", "thinner", "other pixels", "oblique"],
)
@pytest.mark.parametrize("with_images", [True, False])
def test_the_other_set_may_be_drawn_on_other_images(
    frame: ImageFrame, least: float, *, with_images: bool
) -> None:
    middle = Ellipsoid((0.0, 0.0, 0.0), (16.0, 16.0, 16.0))
    first, images = made(GTV=middle)
    second, others = made(frame, GTV=middle)
    shift = _centre(first) - _centre(second)
    second = _moved(second, shift)
    others = replace(
        others,
        series_uid="1.2.9",
        images=tuple(
            replace(image, position_lps_mm=tuple((np.array(image.position_lps_mm) + shift).tolist()))
            for image in others.images
        ),
    )
    found = compare_structure_sets(first, second, images, others if with_images else None)
    assert dice(found.pairs[0]) > least
    assert found.pairs[0].surface is not None
    assert found.pairs[0].surface.mean_mm < 0.4
    assert found.pairs[0].overlap is not None
    assert found.pairs[0].overlap.volume_ratio == pytest.approx(1.0, abs=0.03)


def test_without_any_images_contours_alone_are_compared() -> None:
    first, images = made(GTV=BIG)
    second, _ = made(GTV=SHIFTED)
    bare = compare_structure_sets(first, second)
    full = compare_structure_sets(first, second, images, images)
    assert bare.grid.kind == "contours_only"
    assert dice(bare.pairs[0]) == pytest.approx(dice(full.pairs[0]), abs=0.01)


@pytest.mark.parametrize(
    ("error", "code"),
    [(GeometryError("too entangled."), "impossible"), (ValueError("a fault"), "unexpected")],
)
@pytest.mark.parametrize(("match", "step", "pairs"), [("name", "mesh", 2), ("overlap", "rasterise", 1)])
def test_a_region_that_cannot_be_filled_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, match: Match, step: str, pairs: int
) -> None:
    first, images = made(GTV=BIG, Lung=SMALL)
    function = compare_structure_sets.__globals__[step]

    def failing(placed: object) -> object:
        if getattr(placed, "number", 0) == 1:
            raise error
        return function(placed)

    monkeypatch.setitem(compare_structure_sets.__globals__, step, failing)
    found = compare_structure_sets(first, first, images, images, match=match)
    assert len(found.pairs) == pairs
    assert all(pair.overlap is None for pair in found.pairs[:-1])
    assert dice(found.pairs[-1]) == 1.0
    assert {problem.code for problem in found.problems} == {code}
    assert "a fault" not in "".join(problem.message for problem in found.problems)


def test_json_and_table_say_the_same_and_no_cell_is_a_formula() -> None:
    first, images = made(GTV=BIG, Lung=SMALL)
    first = renamed(first, "=1+1", "Lung")
    found = compare_structure_sets(first, first, images, images)
    content = json.loads(found.to_json_bytes())
    assert content["schema"] == {"name": "orthanc-pacs-suite/rtstruct-comparison", "version": 1}
    assert content["pairs"][0]["region_name"] == "=1+1"
    rows = list(csv.DictReader(io.StringIO(found.to_csv_bytes().decode("utf-8"))))
    assert list(rows[0])[:2] == ["region", "region_name"]
    assert [row["region_name"] for row in rows] == ["'=1+1", "Lung"]
    for row, pair in zip(rows, content["pairs"], strict=True):
        assert float(row["volume_voxels_cc"]) == pair["overlap"]["volume_voxels_cc"]
        assert float(row["other_volume_voxels_cc"]) == pair["overlap"]["other_volume_voxels_cc"]
        assert float(row["dice"]) == pair["overlap"]["dice"]
        assert float(row["surface_hd95_mm"]) == pair["surface"]["hd95_mm"]
        assert float(row["surface_dice_2_mm"]) == pair["surface"]["surface_dice"]["2"]


def _centre(structure_set: StructureSet) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    points = np.concatenate([c.points_lps_mm for r in structure_set.regions for c in r.contours])
    middle: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = (points.min(axis=0) + points.max(axis=0)) / 2
    return middle


def _crossing(
    points: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return a ring whose second half is run backwards."""
    half = len(points) // 2
    return np.concatenate((points[:half], points[half:][::-1]))


def _moved(
    structure_set: StructureSet, shift: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> StructureSet:
    regions = tuple(
        replace(
            region,
            contours=tuple(
                Contour(c.index, c.geometric_type, c.points_lps_mm + shift) for c in region.contours
            ),
        )
        for region in structure_set.regions
    )
    return replace(structure_set, regions=regions)
