"""Whatever is printed takes a line, not a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.rtstruct import Case, load
from orthanc_plugins.rtstruct.brief import LONGEST
from tests.builders import ball, build_case, build_dose
from tests.unit.rtstruct.cases import SMALL

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def case() -> Case:
    built = build_case(frame=SMALL, regions=4)
    return load(built.images, built.structure_set, build_dose(built, ball(60, 20)))


def test_a_case_and_its_regions_say_what_they_are(case: Case) -> None:
    lung = case["Lung_L"]
    assert repr(case) == "Case(structure set 'PHANTOM', 4 regions, 24 images)"
    assert repr(lung) == f"CaseRegion(2 'Lung_L', {len(lung.region.contours)} contours)"
    assert repr(Case(case.structure_set, None)) == "Case(structure set 'PHANTOM', 4 regions, no images)"


def test_nothing_that_is_held_floods_the_screen(tmp_path: Path, case: Case) -> None:
    lung = case["Lung_L"]
    measures, series = lung.measures(), case.series
    assert measures is not None
    assert series is not None
    results = case.extract(tmp_path, formats=("json",))
    compared = case.compare(case)
    shown = [
        case, lung, case.structure_set, lung.region, lung.region.contours[0], series, series.images[0],
        case.grid, case.stack, lung.placed, lung.box(), lung.mesh(), measures, measures.axes, lung.shape(),
        lung.statistics(), case.doses[0], case.doses[0].placement, lung.dose(), lung.dose_volume_histogram(),
        results, results.regions[1], results.comparison, compared, compared.pairs[0],
        lung.compare(case["BODY"]),
    ]  # fmt: skip
    assert {type(one).__name__: text for one in shown if len(text := repr(one)) > LONGEST} == {}
    assert not [one for one in shown if "\n" in repr(one) or "array" in repr(one) or one is None]


def test_arrays_are_told_by_their_shape_and_the_rest_by_its_values(case: Case) -> None:
    lung = case["Lung_L"]
    surface, mask, ring = lung.mesh(), lung.box(), lung.region.contours[0]
    assert surface is not None
    assert f"faces={len(surface.faces)} x 3 int32, closed=True, parts=1" in repr(surface)
    assert repr(mask).startswith(f"RegionMask(offset={mask.offset}, shape={mask.shape}, ")
    assert f"points_lps_mm={len(ring.points_lps_mm)} x 3 float64" in repr(ring)
    assert f"contours={len(lung.region.contours)} x Contour" in repr(lung.region)
