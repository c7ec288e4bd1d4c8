"""Surfaces: closed, outward, of the right size, in patient space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
import trimesh

from orthanc_plugins.rtstruct import (
    MESH_DETAILS,
    Contour,
    Mesh,
    MeshDetail,
    PlacedRegion,
    Region,
    grid_from_contours,
    mesh,
    place,
)
from tests.builders import PATIENT_POSITIONS, Box, Cylinder, Ellipsoid, ImageFrame, Shape, Torus, rotated
from tests.unit.rtstruct.cases import SMALL, case_of, flat_grid, flat_region, placed_of, placed_shape
from tests.unit.rtstruct.crossing import crossings
from tests.unit.rtstruct.test_raster import SHAPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Errors = NDArray[np.float64]

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
    assert made.volume_ml == pytest.approx(contour_volume_ml(placed), rel=0.002)
    assert crossings(made.vertices_lps_mm - made.vertices_lps_mm.mean(axis=0), made.faces) == 0


def test_parts_cavities_and_tunnels_are_counted() -> None:
    counts = {
        name: surface(placed_of(case_of(SHAPES[name]))[0])
        for name in ("two parts", "shell", "torus", "fork", "keyhole")
    }
    assert {name: (made.parts, made.cavities, made.tunnels) for name, made in counts.items()} == {
        "two parts": (2, 0, 0),
        "shell": (1, 1, 0),
        "torus": (1, 0, 1),
        "fork": (1, 0, 0),
        "keyhole": (1, 0, 1),
    }


def test_the_surface_of_a_sphere_is_that_of_a_sphere_not_of_its_staircase() -> None:
    case = case_of(Ellipsoid((0.3, 0.4, 0.0), (30.0, 30.0, 30.0)), frame=FINE)
    made = surface(placed_of(case)[0])
    assert made.surface_cm2 == pytest.approx(4 * np.pi * 9, rel=0.005)
    assert made.volume_ml == pytest.approx(36 * np.pi, rel=0.005)


SOLIDS: dict[str, Shape] = {
    "sphere": Ellipsoid((0.37, -0.21, 0.1), (20.0, 20.0, 20.0)),
    "box": Box((0.37, -0.21, 0.0), (31.0, 21.0, 30.0)),
    "cylinder": Cylinder((0.37, -0.21, 0.0), (14.0, 14.0), 30.0),
    "torus": Torus((0.37, -0.21, 0.1), 30.0, 12.0),
}
"""Solids of 17 ml and more, whose surface is known."""
GRIDS = ((1.0, 1.0), (3.0, 0.7), (3.0, 2.0), (5.0, 0.98), (5.0, 2.0))
"""Gaps and pixels in mm."""


@dataclass(frozen=True)
class Moved:
    """A solid beside the middle of the grid that `placed_shape` makes for it, by u, v, w in mm."""

    solid: Shape
    by_mm: tuple[float, float, float]

    def __getattr__(self, name: str) -> object:
        return getattr(self.solid, name)

    @property
    def bounds_mm(self) -> NDArray[np.float64]:
        reach = np.abs(self.by_mm)
        low, high = self.solid.bounds_mm
        return np.array((low - reach - self.by_mm, high + reach - self.by_mm))


def area_errors(solid: Shape, shift: tuple[float, float, float], *, tilt_deg: float, oblique: bool) -> Errors:
    """Return by how much of it the area on each of `GRIDS` is out; shifted by shares of pixel and gap."""
    assert solid.surface_cm2 is not None
    orientation = rotated(12, -8, 15) if oblique else SMALL.orientation
    errors = []
    for gap_mm, pixel_mm in GRIDS:
        u, v, w = shift
        moved = cast("Shape", Moved(solid, (u * pixel_mm, v * pixel_mm, w * gap_mm)))
        made = surface(placed_shape(moved, gap_mm, pixel_mm, tilt_deg=tilt_deg, orientation=orientation))
        errors.append(abs(made.surface_cm2 / solid.surface_cm2 - 1))
    return np.array(errors)


def test_the_surface_of_ten_millilitres_and_more_is_true() -> None:
    errors = [area_errors(solid, (0, 0, 0), tilt_deg=0, oblique=False) for solid in SOLIDS.values()]
    assert np.max(errors) <= 0.025
    assert np.median(errors) <= 0.016


@pytest.mark.parametrize(("tilt_deg", "oblique"), [(0.0, True), (15.0, False), (15.0, True)])
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.3, -0.4, 0.37), (-0.23, -0.36, 0.16)])
def test_the_surface_is_true_wherever_and_however_the_grid_lies(
    shift: tuple[float, float, float], tilt_deg: float, *, oblique: bool
) -> None:
    """On five slices the contours themselves hold 4 to 7 % more or less than a torus does."""
    errors = {
        name: area_errors(solid, shift, tilt_deg=tilt_deg, oblique=oblique) for name, solid in SOLIDS.items()
    }
    assert np.median(list(errors.values())) <= 0.016
    assert errors["torus"][3:].max() <= 0.029
    assert errors["torus"][:3].max() <= 0.025
    assert errors["box"].max() <= (0.027 if tilt_deg else 0.025)
    assert max(errors["sphere"].max(), errors["cylinder"].max()) <= 0.016


@pytest.mark.parametrize("shift", [-0.5, -0.3, -0.1, 0.1, 0.3])
@pytest.mark.parametrize(("tube_mm", "end_mm"), [(12.0, 0.7), (8.0, 0.6)])
def test_a_body_of_few_slices_ends_where_its_sections_foretell(
    tube_mm: float, end_mm: float, shift: float
) -> None:
    """A ring's sections end like roots; a ball's grow in proportion to the distance from its end."""
    solid = Torus((0.3, 0.2, 0.0), 40.0, tube_mm)
    made = surface(placed_shape(cast("Shape", Moved(solid, (0.0, 0.0, shift * 5.0))), 5.0, 1.0))
    assert np.ptp(made.vertices_lps_mm[:, 2]) == pytest.approx(2 * tube_mm, abs=2 * end_mm)
    assert solid.surface_cm2 is not None
    assert made.surface_cm2 == pytest.approx(solid.surface_cm2, rel=0.03)


TURNED = {
    "tilted": replace(SMALL, tilt_deg=15.0),
    "oblique": replace(SMALL, orientation=rotated(12, -8, 15)),
    "uneven": replace(SMALL, slices_mm=tuple(np.cumsum([-36.0, *[2.0, 3.5, 3.0] * 8][:24]).tolist())),
}


@pytest.mark.parametrize("detail", MESH_DETAILS)
@pytest.mark.parametrize("frame", TURNED)
@pytest.mark.parametrize("name", ["torus", "fork"])
def test_surfaces_do_not_cross_themselves_on_any_grid(name: str, frame: str, detail: MeshDetail) -> None:
    placed = placed_of(case_of(SHAPES[name], frame=TURNED[frame]))[0]
    assert placed.grid.kind == ("uneven" if frame == "uneven" else "even")
    made = mesh(placed, detail)
    assert made is not None
    assert made.closed
    assert crossings(made.vertices_lps_mm - made.vertices_lps_mm.mean(axis=0), made.faces) == 0


def test_surfaces_converge_as_slices_get_thinner() -> None:
    ball = Ellipsoid((0.37, -0.21, 0.1), (20.0, 20.0, 20.0))
    errors = [
        abs(surface(placed_shape(ball, gap, pixel)).surface_cm2 / ball.surface_cm2 - 1)
        for gap, pixel in ((5.0, 2.0), (2.5, 1.4), (1.0, 1.0))
        if ball.surface_cm2
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


@pytest.mark.parametrize("tilt_deg", [0.0, 15.0])
def test_tilted_and_oblique_surfaces_keep_volume_and_area(tilt_deg: float) -> None:
    ball = Ellipsoid((0.37, -0.21, 0.1), (20.0, 20.0, 20.0))
    placed = placed_shape(ball, 3.0, 1.0, tilt_deg=tilt_deg, orientation=rotated(12, -8, 15))
    made = surface(placed)
    assert made.closed
    assert made.volume_ml == pytest.approx(contour_volume_ml(placed), rel=0.002)
    assert made.surface_cm2 == pytest.approx(ball.surface_cm2, rel=0.016)


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
    monkeypatch.setitem(mesh.__globals__, "_LARGE", 8000)
    halved = surface(placed)
    assert halved.closed
    assert len(halved.faces) < len(whole.faces)
    assert halved.volume_ml == pytest.approx(whole.volume_ml, rel=0.01)
    middles = [made.vertices_lps_mm.mean(axis=0) for made in (whole, halved)]
    np.testing.assert_allclose(middles[0], middles[1], atol=0.5)


def test_what_covers_half_of_no_voxel_has_no_surface() -> None:
    placed, _ = place(flat_region([(2.9, 2.9), (3.1, 2.9), (3.1, 3.1), (2.9, 3.1)]), flat_grid())
    assert mesh(placed) is None


@pytest.mark.parametrize("detail", MESH_DETAILS)
@pytest.mark.parametrize("name", ["ellipsoid", "fork", "shell"])
def test_every_detail_is_closed_and_of_its_volume(name: str, detail: MeshDetail) -> None:
    placed = placed_of(case_of(SHAPES[name]))[0]
    made = mesh(placed, detail)
    assert made is not None
    assert trimesh.Trimesh(made.vertices_lps_mm, made.faces, process=False).is_watertight
    assert made.volume_ml == pytest.approx(contour_volume_ml(placed), rel=0.002)
    counts = [len(one.faces) for one in (mesh(placed, other) for other in MESH_DETAILS) if one is not None]
    assert counts == sorted(counts, reverse=True)


def test_a_region_of_one_slice_is_a_closed_slab() -> None:
    placed, _ = place(flat_region([(4.3, 4.3), (14.7, 4.3), (14.7, 12.2), (4.3, 12.2)]), flat_grid())
    made = surface(placed)
    assert made.closed
    assert (made.parts, made.cavities, made.tunnels) == (1, 0, 0)
    assert made.volume_ml == pytest.approx(contour_volume_ml(placed), rel=0.002)
    assert np.ptp(made.vertices_lps_mm[:, 2]) == pytest.approx(1.0, abs=0.1)


def test_what_is_half_a_pixel_thin_is_kept_by_finer_cells() -> None:
    thin = [(2.0, 4.75), (16.0, 4.75), (16.0, 5.25), (2.0, 5.25)]
    placed, _ = place(flat_region(thin), flat_grid())
    made = surface(placed)
    assert made.closed
    assert made.parts == 1
    assert made.volume_ml == pytest.approx(contour_volume_ml(placed), rel=0.005)


def test_contours_with_a_wide_gap_between_make_two_parts_of_their_own_thickness() -> None:
    ring = [(4.0, 4.0), (14.0, 4.0), (14.0, 12.0), (4.0, 12.0)]
    rings = [np.column_stack((ring, np.full(4, float(z)))) for z in (0, 1, 2, 12, 13, 14)]
    region = Region(1, "two", tuple(Contour(n, "CLOSED_PLANAR", points) for n, points in enumerate(rings)))
    placed, _ = place(region, grid_from_contours(rings))
    made = surface(placed)
    assert made.parts == 2
    assert made.volume_ml == pytest.approx(contour_volume_ml(placed), rel=0.002)
    heights = made.vertices_lps_mm[:, 2]
    assert not ((heights > 2.6) & (heights < 11.4)).any()
