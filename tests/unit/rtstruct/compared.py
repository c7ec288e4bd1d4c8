"""Bodies of known shape, and what is found between two of them."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct import (
    Mesh,
    RegionComparison,
    compare_regions,
    mesh,
    rasterise,
)
from orthanc_plugins.rtstruct.comparison import Body
from tests.builders import Ellipsoid, ImageFrame, Shape
from tests.unit.rtstruct.cases import case_of, placed_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct import VoxelGrid

FRAME = ImageFrame(size=(36, 72, 72), spacing_mm=(1.0, 1.0), gap_mm=2.0)
RADIUS = 20.0


def ball(x: float = 0.0, radius: float = RADIUS) -> Ellipsoid:
    return Ellipsoid((x, 0.0, 0.0), (radius, radius, radius))


def bodies(*shapes: Shape, frame: ImageFrame = FRAME) -> tuple[list[Body], VoxelGrid]:
    placed = placed_of(case_of(*shapes, frame=frame))
    made = [Body(one.number, f"shape {one.number}", rasterise(one), mesh(one)) for one in placed]
    return made, placed[0].grid


def compared(first: Shape, second: Shape, frame: ImageFrame = FRAME) -> RegionComparison:
    made, grid = bodies(first, second, frame=frame)
    return compare_regions(made[0], made[1], grid)


def surface_of(body: Body) -> Mesh:
    assert body.surface is not None
    return body.surface


def lens_ml(radius: float, apart: float) -> float:
    return pi * (4 * radius + apart) * (2 * radius - apart) ** 2 / 12 / 1000


def random_mesh(seed: int, count: int = 60, at: float = 0.0) -> Mesh:
    """A soup of triangles of very different sizes, with a sliver among them."""
    generator = np.random.default_rng(seed)
    corners = generator.normal(scale=10, size=(count, 1, 3)) + generator.normal(scale=3, size=(count, 3, 3))
    corners[0] = ((-40, 0, 0), (40, 0, 0), (0, 0.01, 0))
    points = (corners.reshape(-1, 3) + np.array((at, 0, 0))).astype(np.float32)
    faces = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    return Mesh(points, faces, closed=False, parts=1, cavities=0, tunnels=0, volume_ml=1.0, surface_cm2=20.0)


def sampled_triangle(corners: NDArray[np.float64], steps: int = 24) -> NDArray[np.float64]:
    """Points (n, 3) all over a triangle, its corners among them."""
    u, v = np.meshgrid(*[np.linspace(0, 1, steps)] * 2)
    inside = u + v <= 1 + 1e-12
    return np.asarray(
        corners[0] + u[inside, None] * (corners[1] - corners[0]) + v[inside, None] * (corners[2] - corners[0])
    )
