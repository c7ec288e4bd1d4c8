"""Surfaces: closed, outward, of the right size, in patient space."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh

from orthanc_plugins.rtstruct import Mesh, PlacedRegion, mesh, place, stl_bytes
from tests.builders import PATIENT_POSITIONS, Box, Ellipsoid, ImageFrame, rotated
from tests.unit.rtstruct.cases import SMALL, case_of, flat_grid, flat_region, placed_of
from tests.unit.rtstruct.test_raster import SHAPES

if TYPE_CHECKING:
    from pathlib import Path

FINE = ImageFrame(size=(40, 96, 96), spacing_mm=(1.0, 1.0), gap_mm=2.0)


def surface(placed: PlacedRegion) -> Mesh:
    made = mesh(placed)
    assert made is not None
    return made


def contour_volume_ml(placed: PlacedRegion) -> float:
    return float(placed.area_mm2 @ placed.slab_mm) / 1000


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_a_closed_outward_surface_of_its_volume(name: str) -> None:
    placed = placed_of(case_of(SHAPES[name]))[0]
    made = surface(placed)
    assert made.closed
    judged = trimesh.Trimesh(made.vertices_lps_mm, made.faces, process=False)
    assert judged.is_watertight
    assert judged.is_winding_consistent
    assert judged.volume / 1000 == pytest.approx(made.volume_ml, rel=1e-4)
    assert judged.area / 100 == pytest.approx(made.surface_cm2, rel=1e-4)
    assert made.volume_ml == pytest.approx(contour_volume_ml(placed), rel=0.01)


def test_parts_and_cavities_are_counted() -> None:
    counts = {
        name: surface(placed_of(case_of(SHAPES[name]))[0]) for name in ("two parts", "shell", "torus", "fork")
    }
    assert {name: (made.parts, made.cavities) for name, made in counts.items()} == {
        "two parts": (2, 0),
        "shell": (1, 1),
        "torus": (1, 0),
        "fork": (1, 0),
    }


def test_the_surface_of_a_sphere_is_that_of_a_sphere_not_of_its_staircase() -> None:
    case = case_of(Ellipsoid((0.3, 0.4, 0.0), (30.0, 30.0, 30.0)), frame=FINE)
    made = surface(placed_of(case)[0])
    assert made.surface_cm2 == pytest.approx(4 * np.pi * 9, rel=0.025)
    assert made.volume_ml == pytest.approx(36 * np.pi, rel=0.005)


@pytest.mark.parametrize("position", [*PATIENT_POSITIONS, "oblique"])
def test_the_surface_lies_where_the_region_does(position: str) -> None:
    oblique = replace(SMALL, orientation=rotated(12, -8, 15))
    frame = oblique if position == "oblique" else SMALL.positioned(position)
    case = case_of(Box((11.0, -7.0, 6.0), (30.0, 22.0, 24.0)), frame=frame)
    made = surface(placed_of(case)[0])
    middle = (made.vertices_lps_mm.min(axis=0) + made.vertices_lps_mm.max(axis=0)) / 2
    np.testing.assert_allclose(middle, case.truth["shape 1"].centroid_lps_mm, atol=0.4)
    assert made.volume_ml == pytest.approx(15.84, rel=0.01)


def test_caps_lie_half_a_slice_beyond_the_last_contours() -> None:
    case = case_of(Box((0.0, 0.0, 0.0), (40.0, 40.0, 24.0)))
    made = surface(placed_of(case)[0])
    relative = made.vertices_lps_mm - np.array(case.frame.centre_lps_mm)
    heights = relative[(np.abs(relative[:, :2]) < 10).all(axis=1), 2]
    assert heights.min() == pytest.approx(-12.0, abs=0.1)
    assert heights.max() == pytest.approx(12.0, abs=0.1)


def test_uneven_planes_keep_the_volume() -> None:
    steps = [0.0, 2, 2, 2, 3, 3, 3, 3, 3, 2, 2, 2]
    heights = np.cumsum(steps) - sum(steps) / 2
    frame = replace(SMALL, size=(12, 64, 64), slices_mm=tuple(heights.tolist()))
    placed = placed_of(case_of(Ellipsoid((0.0, 0.0, 0.0), (24.0, 24.0, 10.0)), frame=frame))[0]
    assert placed.grid.kind == "uneven"
    assert surface(placed).volume_ml == pytest.approx(contour_volume_ml(placed), rel=0.01)


def test_a_very_large_box_is_halved_and_keeps_its_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    placed = placed_of(case_of(SHAPES["ellipsoid"]))[0]
    whole = surface(placed)
    monkeypatch.setitem(mesh.__globals__, "_LARGE", 1000)
    halved = surface(placed)
    assert halved.closed
    assert len(halved.faces) < len(whole.faces)
    assert halved.volume_ml == pytest.approx(whole.volume_ml, rel=0.01)
    middles = [made.vertices_lps_mm.mean(axis=0) for made in (whole, halved)]
    np.testing.assert_allclose(middles[0], middles[1], atol=0.5)


def test_what_covers_half_of_no_voxel_has_no_surface() -> None:
    placed, _ = place(flat_region([(2.9, 2.9), (3.1, 2.9), (3.1, 3.1), (2.9, 3.1)]), flat_grid())
    assert mesh(placed) is None


def test_binary_stl_says_its_frame_and_is_read_back(tmp_path: Path) -> None:
    made = surface(placed_of(case_of(SHAPES["sphere"]))[0])
    content = stl_bytes(made, "region 7")
    assert len(content) == 84 + 50 * len(made.faces)
    assert content[:80].rstrip() == b"binary STL; UNITS=mm; FRAME=LPS; region 7"
    (tmp_path / "sphere.stl").write_bytes(content)
    again = trimesh.load_mesh(tmp_path / "sphere.stl")
    assert again.is_watertight
    assert again.volume / 1000 == pytest.approx(made.volume_ml, rel=1e-4)
