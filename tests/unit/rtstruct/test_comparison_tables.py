"""A table of many regions, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.rtstruct import (
    PairTable,
    compare_regions,
    pair_table,
)
from orthanc_plugins.rtstruct.comparison import Body, Voxels, overlap
from orthanc_plugins.rtstruct.geometry.raster import RegionMask
from tests.unit.rtstruct.compared import ball, bodies, surface_of

if TYPE_CHECKING:
    from tests.builders import Shape


def table_of(*shapes: Shape) -> PairTable:
    return pair_table(*bodies(*shapes))


def test_the_table_holds_every_pair_with_what_a_single_one_gives() -> None:
    shapes = (ball(-4.0, 12.0), ball(-1.0, 12.0), ball(26.0, 6.0))
    made, grid = bodies(*shapes)
    table = pair_table(made, grid)
    assert [(pair.region, pair.other) for pair in table.pairs] == [(1, 2), (1, 3), (2, 3)]
    for pair in table.pairs:
        single = compare_regions(made[pair.region - 1], made[pair.other - 1], grid)
        assert pair.overlap == single.overlap
        assert pair.relation == single.relation
        assert pair.nearest_mm is None or pair.nearest_mm == pytest.approx(single.nearest_mm, abs=1e-4)
    assert table.pairs[0].surface == compare_regions(made[0], made[1], grid).surface
    assert table.pairs[1].surface is None
    assert table.pairs[2].nearest_mm == pytest.approx(9.0, abs=0.3)


def test_the_table_leaves_out_regions_without_a_voxel_and_distances_beyond_its_limit() -> None:
    made, grid = bodies(ball(-28.0, 5.0), ball(28.0, 5.0))
    nothing = RegionMask((0, 0, 0), (0, 0, 0), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))
    table = pair_table([*made, Body(9, "nothing", nothing, None)], grid)
    assert [(pair.region, pair.other, pair.nearest_mm) for pair in table.pairs] == [(1, 2, None)]
    assert table.left_out == 1


def test_a_region_without_a_surface_has_an_overlap_and_no_distances() -> None:
    made, grid = bodies(ball(-4.0), ball(4.0))
    bare = replace(made[0], surface=None)
    found = compare_regions(bare, made[1], grid)
    assert found.overlap is not None
    assert (found.nearest_mm, found.reach_mm, found.surface) == (None, None, None)
    assert pair_table([bare, made[1]], grid).pairs[0].nearest_mm is None


def test_too_many_pairs_are_not_compared_and_the_table_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pair_table.__globals__, "MOST_PAIRS", 2)
    table = table_of(ball(-4.0, 8.0), ball(0.0, 8.0), ball(4.0, 8.0))
    assert table.too_many
    assert table.pairs == ()
    assert table.no_pairs_because == "3 regions are 3 pairs, more than the 2 that are compared"
    assert table_of(ball(-4.0, 8.0), ball(0.0, 8.0)).no_pairs_because is None


def test_every_pair_of_as_many_regions_as_a_whole_body_segmentation_writes_is_compared() -> None:
    made, grid = bodies(ball(0.0, 3.0))
    bare = replace(made[0], surface=None)
    table = pair_table([replace(bare, number=number) for number in range(1, 105)], grid)
    assert len(table.pairs) == 104 * 103 // 2
    assert all(pair.overlap.dice == 1 for pair in table.pairs)


def test_a_pair_says_why_it_has_no_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    made, grid = bodies(ball(-28.0, 6.0), ball(-27.0, 6.0), ball(-27.0, 6.5), ball(28.0, 6.0))
    sizes = {(1, 2): 0, (1, 3): 0, (2, 3): 0}
    for one, other in sizes:
        sizes[one, other] = sum(len(surface_of(made[n - 1]).vertices_lps_mm) for n in (one, other))
    alike = pair_table(made[:3], grid)
    assert all(pair.surface is not None and pair.no_surface_because is None for pair in alike.pairs)
    monkeypatch.setitem(pair_table.__globals__, "MOST_SAMPLES", max(sizes.values()))
    bare = Body(5, "bare", made[0].mask, None)
    told = {
        (pair.region, pair.other): (pair.no_nearest_because, pair.no_surface_because, pair.surface is None)
        for pair in pair_table([*made, bare], grid).pairs
    }
    assert told[1, 4] == ("farther", "not_alike", True)
    assert told[1, 5] == ("no_mesh", "no_mesh", True)
    assert sorted(str(told[pair][1]) for pair in sizes) == ["None", "too_many_vertices", "too_many_vertices"]
    assert all((told[pair][1] is None) != told[pair][2] for pair in sizes)


def test_overlap_is_counted_once_where_both_are_the_same_object() -> None:
    made, grid = bodies(ball(0.0, 9.0), ball(1.0, 9.0))
    voxels = Voxels(made[0].mask, grid)
    assert overlap(voxels, voxels).dice == 1.0
