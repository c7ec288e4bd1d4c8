"""The parts of a surface: the table of cases, cubes, smoothing, slopes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import trimesh
from scipy.sparse import csr_array

from orthanc_plugins.rtstruct.surfaces import smoothing, topology
from orthanc_plugins.rtstruct.surfaces.case_table import EDGES, case_table, filling, loops
from orthanc_plugins.rtstruct.surfaces.cubes import surface_of
from tests.unit.rtstruct.crossing import crossings

FULL = 240
CASES = range(256)


def crossed(case: int) -> set[int]:
    return {
        number
        for number, (axis, corner) in enumerate(EDGES)
        if (case >> corner & 1) != (case >> (corner | 1 << axis) & 1)
    }


def test_loops_pass_each_crossed_edge_once() -> None:
    for case in CASES:
        passed = [edge for loop in loops(case) for edge in loop]
        assert len(passed) == len(set(passed))
        assert set(passed) == crossed(case)


def is_ambiguous(case: int) -> bool:
    """Return whether two opposite corners of a face are inside and the other two are not."""
    for axis in range(3):
        across, up = (1 << other for other in range(3) if other != axis)
        for side in (0, 1 << axis):
            inside = [case >> corner & 1 for corner in (side, side | across, side | across | up, side | up)]
            if inside in ([1, 0, 1, 0], [0, 1, 0, 1]):
                return True
    return False


def from_lowest(loop: tuple[int, ...]) -> tuple[int, ...]:
    start = loop.index(min(loop))
    return (*loop[start:], *loop[:start])


def test_opposite_cases_have_the_same_loops_turned_where_no_face_is_ambiguous() -> None:
    plain = [case for case in CASES if not is_ambiguous(case)]
    assert len(plain) == 136
    for case in plain:
        turned = {from_lowest(loop[::-1]) for loop in loops(255 - case)}
        assert {from_lowest(loop) for loop in loops(case)} == turned


def test_the_table_holds_the_triangles_of_all_fillings() -> None:
    table = case_table()
    assert table.counts.tolist() == [sum(len(loop) - 2 for loop in loops(case)) for case in CASES]
    assert table.counts[0] == table.counts[255] == 0
    assert table.counts.max() == 5
    for case in CASES:
        begin = int(table.first[case])
        made = table.corners[begin : begin + int(table.counts[case])].tolist()
        assert made == [list(triangle) for loop in loops(case) for triangle in filling(loop)]


def test_two_opposite_corners_of_a_face_hang_together() -> None:
    both = 1 << 0 | 1 << 3
    assert len(loops(both)) == 1
    assert len(loops(255 - both)) == 2


def test_each_side_of_a_filling_is_a_line_or_has_its_opposite() -> None:
    for case in CASES:
        for loop in loops(case):
            sides = Counter(
                (triangle[place], triangle[(place + 1) % 3])
                for triangle in filling(loop)
                for place in range(3)
            )
            lines = set(zip(loop, (*loop[1:], loop[0]), strict=True))
            assert set(sides.values()) == {1}
            assert all(side in lines or side[::-1] in sides for side in sides)


def test_triangles_of_a_case_do_not_cross_wherever_its_vertices_lie() -> None:
    rng = np.random.default_rng(5)
    for case in CASES:
        triangles = np.array([triangle for loop in loops(case) for triangle in filling(loop)], dtype=int)
        for _ in range(3 if len(triangles) > 1 else 0):
            places = np.array([[corner >> axis & 1 for axis in range(3)] for _, corner in EDGES], dtype=float)
            places[np.arange(12), [axis for axis, _ in EDGES]] = rng.uniform(0.02, 0.98, 12)
            assert crossings(places, triangles) == 0


@pytest.mark.parametrize("seed", range(4))
def test_any_field_gives_a_closed_manifold_that_does_not_cross_itself(seed: int) -> None:
    field = np.random.default_rng(seed).integers(0, FULL + 1, (6, 7, 8)).astype(np.uint8)
    made = surface_of(field, FULL)
    judged = trimesh.Trimesh(made.vertices[:, ::-1], made.faces, process=False)
    assert judged.is_watertight
    assert judged.is_winding_consistent
    assert judged.volume > 0
    assert np.bincount(np.bincount(judged.edges_unique_inverse)).tolist()[1:] == [0, len(judged.edges_unique)]
    assert crossings(made.vertices, made.faces) == 0


@pytest.mark.parametrize("block", [1, 500, 5000])
def test_a_surface_does_not_depend_on_how_many_planes_are_looked_at_at_a_time(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = np.random.default_rng(1).integers(0, FULL + 1, (9, 12, 11)).astype(np.uint8)
    whole = surface_of(field, FULL)
    monkeypatch.setitem(surface_of.__globals__, "_BLOCK", block)
    parted = surface_of(field, FULL)
    np.testing.assert_array_equal(parted.vertices, whole.vertices)
    np.testing.assert_array_equal(parted.faces, whole.faces)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4, 0.6, 0.9])
def test_a_wall_along_the_pixels_lies_where_coverage_says(share: float) -> None:
    field = np.zeros((3, 6, 8), dtype=np.uint8)
    field[:, 1:5, 2:5] = FULL
    field[:, 1:5, 5] = round(share * FULL)
    made = surface_of(field, FULL)
    assert made.vertices[:, 2].max() == pytest.approx(4.5 + share, abs=1e-4)


@pytest.mark.parametrize("steps", [0, 1, 2, 20])
def test_smoothing_is_the_filter_of_its_steps(steps: int) -> None:
    rng = np.random.default_rng(2)
    surface = surface_of(rng.integers(0, FULL + 1, (5, 6, 7)).astype(np.uint8), FULL)
    sides = topology.sides(surface.faces, len(surface.vertices))
    mean = topology.mean_of_neighbours(sides)
    points = surface.vertices
    expected = points.astype(np.float64)
    dense = mean.toarray().astype(np.float64)
    for _ in range(steps):
        for factor in (smoothing.SHRINK, smoothing.GROW):
            expected = expected + factor * (dense @ expected - expected)
    reach = float(np.abs(points).max())
    np.testing.assert_allclose(smoothing.smoothed(points, mean, steps), expected, atol=2e-3 * reach)


def test_twenty_steps_take_eleven_products_within_a_thousandth() -> None:
    weights = smoothing.weights(20)
    assert len(weights) == 12
    mean = np.linspace(-1, 1, 4001)
    kept = np.polynomial.chebyshev.chebval(mean, weights)
    assert np.abs(kept - smoothing.transfer(mean, 20)).max() < 1e-3
    assert sum(weights) == pytest.approx(1)


def test_an_open_surface_is_not_closed() -> None:
    surface = surface_of(np.full((2, 2, 2), FULL, dtype=np.uint8), FULL)
    for faces, closed in (
        (surface.faces, True),
        (surface.faces[1:], False),
        (surface.faces[[0, *range(43)]], False),
    ):
        outgoing, incoming = topology.in_order(topology.sides(faces, len(surface.vertices)))
        assert topology.is_closed(outgoing, incoming) is closed


def test_a_matrix_is_put_in_order() -> None:
    matrix = csr_array(([1.0, 2.0, 3.0], [2, 0, 1], [0, 2, 2, 3]), shape=(3, 3))
    ordered, turned = topology.in_order(matrix)
    np.testing.assert_array_equal(ordered.toarray(), matrix.toarray())
    np.testing.assert_array_equal(turned.toarray(), matrix.toarray().T)
    assert ordered.indices.tolist() == [0, 2, 1]
