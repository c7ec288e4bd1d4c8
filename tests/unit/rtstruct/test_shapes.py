"""Shapes of known volume, on grids of every kind: volumes and masks within stated bounds of the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

from orthanc_plugins.rtstruct import PlacedRegion, VoxelGrid, measure, place, rasterise, volume_ml
from tests.builders import (
    PATIENT_POSITIONS,
    Box,
    Difference,
    Ellipsoid,
    Fork,
    ImageFrame,
    Shape,
    Torus,
    rotated,
)
from tests.unit.rtstruct import exact
from tests.unit.rtstruct.cases import SMALL, case_of, grid_of, mask_of, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SHAPES: dict[str, Shape] = {
    "box": Box((1.3, -3.1, 0.0), (31.0, 21.0, 48.0)),
    "sphere": Ellipsoid((3.3, 1.7, 0.4), (24.0, 24.0, 24.0)),
    "ellipsoid": Ellipsoid((-4.1, 2.2, 1.0), (35.0, 18.0, 27.0)),
    "torus": Torus((1.1, 0.4, 0.3), 32.0, 24.0),
    "shell": Difference(
        Ellipsoid((0.7, 0.3, 0.0), (30.0, 28.0, 29.0)), Ellipsoid((0.7, 0.3, 0.0), (25.0, 23.0, 24.0))
    ),
    "fork": Fork((0.6, 1.2, 0.0), 9.0, 24.0, 27.0),
    "small sphere": Ellipsoid((20.3, -11.7, 0.4), (9.0, 9.0, 9.0)),
}
SPANS_15_SLICES = tuple(name for name in SHAPES if name != "small sphere")
FLAT_ENDED = ("box", "fork")
"""Their ends lie half-way between even slices; between uneven ones nobody knows where they are."""
GAPS = [2.0] * 4 + [3.0] * 6 + [2.5] * 8 + [2.0] * 4 + [3.0] * 3
UNEVEN = tuple((np.cumsum([0.0, *GAPS]) - 34.0).tolist())
FRAMES: dict[str, ImageFrame] = {
    "axial": SMALL,
    "fine pixels": replace(SMALL, size=(24, 128, 128), spacing_mm=(1.0, 1.0)),
    "oblong pixels": replace(SMALL, size=(24, 50, 80), spacing_mm=(2.4, 1.6)),
    "thin slices": replace(SMALL, size=(48, 64, 64), gap_mm=1.5),
    **{name: SMALL.positioned(name) for name in PATIENT_POSITIONS},
    "oblique": replace(SMALL, orientation=rotated(12, -8, 15)),
    "far oblique": replace(SMALL, orientation=rotated(-41, 33, 70), centre_lps_mm=(812.3, -951.8, 1403.1)),
    "tilted gantry": replace(SMALL, tilt_deg=15.0),
    "uneven": replace(SMALL, size=(len(UNEVEN), 64, 64), slices_mm=UNEVEN),
    "missing slices": replace(SMALL, missing=(5, 9, 10, 17)),
}


@dataclass(frozen=True, eq=False)
class Filled:
    """What the engine made of a shape on a frame, and the frame."""

    shape: Shape
    frame: ImageFrame
    placed: PlacedRegion
    volume_ml: float

    @property
    def grid(self) -> VoxelGrid:
        return self.placed.grid

    def sections(self) -> Iterator[tuple[float, float, Any]]:
        """Yield height, slab and section, in pixels, of each slice that the shape was drawn on."""
        heights = self.frame.w_mm
        gaps = np.diff(heights)
        slabs = (np.concatenate((gaps[:1], gaps)) + np.concatenate((gaps, gaps[-1:]))) / 2
        for w, slab in zip(heights.tolist(), slabs.tolist(), strict=True):
            u, v = self.frame.pixel_axes(w)
            scale = (u[1] - u[0], v[1] - v[0])
            rings = [shapely.Polygon((ring - (u[0], v[0])) / scale) for ring in self.shape.rings(w)]
            if rings:
                yield w, slab, reduce(shapely.symmetric_difference, rings)


@cache
def filled(name: str, *shapes: str) -> dict[str, Filled]:
    """Return what the engine makes of shapes, all of them by default, as one structure set on a frame."""
    frame = FRAMES[name]
    chosen = {one: SHAPES[one] for one in shapes or SHAPES}
    return dict(zip(chosen, engine(frame, *chosen.values()), strict=True))


def engine(frame: ImageFrame, *shapes: Shape) -> list[Filled]:
    case = case_of(*shapes, frame=frame)
    structure_set = read(case)
    grid = grid_of(case, structure_set)
    made = []
    for shape, region in zip(shapes, structure_set.regions, strict=True):
        placed, problems = place(region, grid)
        assert not problems
        measures = measure(placed, region)
        assert measures is not None
        made.append(Filled(shape, frame, placed, measures.volume_ml))
    return made


@pytest.mark.parametrize("frame", FRAMES)
def test_planimetry_is_the_stack_of_the_contours(frame: str) -> None:
    for name, one in filled(frame).items():
        pixel_mm2 = float(np.prod(one.frame.spacing_mm))
        stack = sum(section.area * slab for _, slab, section in one.sections()) * pixel_mm2 / 1000
        assert one.volume_ml == pytest.approx(stack, rel=1e-3), name


@pytest.mark.parametrize("frame", FRAMES)
def test_planimetry_is_the_shape_where_it_spans_fifteen_slices(frame: str) -> None:
    for name in SPANS_15_SLICES:
        one = filled(frame)[name]
        if frame == "uneven" and name in FLAT_ENDED:
            continue
        assert len(list(one.sections())) >= 15
        bound = 5e-3 if one.grid.kind != "uneven" else 1e-2  # slabs are not centred on their sections there
        assert one.volume_ml == pytest.approx(one.shape.volume_ml, rel=bound), name


@pytest.mark.parametrize("frame", FRAMES)
def test_voxels_are_within_half_a_layer_of_the_contours(frame: str) -> None:
    for name, one in filled(frame).items():
        around_mm2 = sum(section.length * slab for _, slab, section in one.sections())
        layer_ml = around_mm2 * max(one.frame.spacing_mm) ** 2 / 2 / 1000
        voxels_ml = volume_ml(rasterise(one.placed), one.grid)
        assert voxels_ml == pytest.approx(one.volume_ml, abs=layer_ml), name


def compared(one: Filled, every: int = 1) -> float:
    """Return the Dice coefficient of a mask and the pixels covered by half, on every fourth section."""
    _, rows, columns = one.frame.size
    mask = mask_of(one.placed)
    found, expected = [], []
    for w, _, section in list(one.sections())[::every]:
        height = one.grid.heights_of(one.frame.to_patient(np.array([(0.0, 0.0, w)])))
        plane = int(one.grid.nearest_planes(height)[0][0])
        found.append(mask[int(np.flatnonzero(one.grid.plane_of_slice == plane)[0])])
        expected.append(exact.coverage(section, rows, columns) >= 0.5)
    return dice(np.array(found), np.array(expected))


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2 * int((a & b).sum()) / (int(a.sum()) + int(b.sum()))


@pytest.mark.parametrize(
    "frame", ["axial", "fine pixels", "oblong pixels", "oblique", "tilted gantry", "missing slices", "uneven"]
)
def test_masks_are_the_voxels_covered_by_half(frame: str) -> None:
    found = {name: compared(one) for name, one in filled(frame).items()}
    assert min(found.values()) >= 0.98, found
    assert np.median(list(found.values())) >= 0.998, found


def test_everything_converges_as_spacing_shrinks() -> None:
    shape = Ellipsoid((0.7, -1.1, 0.3), (24.0, 24.0, 24.0))
    points = np.arange(64, dtype=np.float64) - 31.5
    truth = np.stack([shape.contains(points[None], points[:, None], w) for w in points.tolist()])
    volumes, masks = [], []
    for spacing in (4, 2, 1):
        size = 64 // spacing
        frame = ImageFrame(size=(size,) * 3, spacing_mm=(spacing, spacing), gap_mm=spacing)
        (one,) = engine(frame, shape)
        volumes.append(abs(one.volume_ml / shape.volume_ml - 1))
        masks.append(1 - dice(np.kron(mask_of(one.placed), np.ones((spacing,) * 3, dtype=bool)), truth))
    assert volumes[2] < volumes[1] / 2 < volumes[0] / 4
    assert masks[2] < masks[1] / 1.5 < masks[0] / 2.25
    assert volumes[2] < 5e-4
