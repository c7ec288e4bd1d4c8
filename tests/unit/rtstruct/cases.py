"""Short ways to the objects under test, made from built cases."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct import (
    Contour,
    ImageSeries,
    PlacedRegion,
    Region,
    StructureSet,
    VoxelGrid,
    build_grid,
    place,
    rasterise,
    read_structure_set,
    series_from_datasets,
)
from tests.builders import Case, ImageFrame, RegionSpec, Shape, build_case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import FileDataset

SMALL = ImageFrame(size=(24, 64, 64), spacing_mm=(2.0, 2.0), gap_mm=3.0)
"""A frame for tests that need few voxels: 128 by 128 by 72 mm."""


def file_bytes(dataset: FileDataset) -> bytes:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def read(case: Case) -> StructureSet:
    return read_structure_set(file_bytes(case.structure_set))


def series(case: Case) -> ImageSeries:
    return series_from_datasets(case.images)


def case_of(*shapes: Shape, frame: ImageFrame = SMALL) -> Case:
    specs = [RegionSpec(f"shape {index}", shape, 100.0 * index) for index, shape in enumerate(shapes, 1)]
    return build_case(frame=frame, regions=specs)


def grid_of(case: Case, structure_set: StructureSet | None = None) -> VoxelGrid:
    structure_set = structure_set or read(case)
    rings = [contour.points_lps_mm for region in structure_set.regions for contour in region.contours]
    return build_grid(series(case).images, rings)[0]


def placed_of(case: Case) -> list[PlacedRegion]:
    structure_set = read(case)
    grid = grid_of(case, structure_set)
    return [place(region, grid)[0] for region in structure_set.regions]


def mask_of(placed: PlacedRegion) -> NDArray[np.bool_]:
    """Return the mask of a region on its whole grid."""
    return rasterise(placed).on_grid(placed.grid.shape)


def flat_grid(rows: int = 20, columns: int = 20, slices: int = 1) -> VoxelGrid:
    """Return a grid whose voxel (k, j, i) lies at (i, j, k) mm."""
    return VoxelGrid(
        origin_lps_mm=np.zeros(3),
        steps_lps_mm=np.array([(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]),
        shape=(slices, rows, columns),
        normal=np.array((0.0, 0.0, 1.0)),
        heights_mm=np.arange(slices, dtype=np.float64),
        image_of_plane=np.arange(slices),
        plane_of_slice=np.arange(slices),
    )


def flat_region(
    *rings: Sequence[tuple[float, float]] | NDArray[np.float64], kind: str = "CLOSED_PLANAR", z: float = 0.0
) -> Region:
    """Return a region of rings given as (x, y), on one plane."""
    contours = [
        Contour(index, kind, np.column_stack((np.asarray(ring, dtype=float), np.full(len(ring), z))))
        for index, ring in enumerate(rings)
    ]
    return Region(1, "flat", tuple(contours))


def placed_shape(
    shape: Shape,
    gap_mm: float,
    pixel_mm: float,
    *,
    tilt_deg: float = 0.0,
    orientation: tuple[float, ...] = SMALL.orientation,
) -> PlacedRegion:
    """Return a shape placed on a grid that just holds it, without making any image."""
    low, high = shape.bounds_mm
    width, depth, height = (high - low).tolist()
    size = (int(height / gap_mm) + 6, int(depth / pixel_mm) + 8, int(width / pixel_mm) + 8)
    frame = ImageFrame(
        size=size,
        spacing_mm=(pixel_mm, pixel_mm),
        gap_mm=gap_mm,
        tilt_deg=tilt_deg,
        orientation=orientation,
    )
    heights, middle = frame.w_mm, (low + high) / 2
    first, last = frame.origin_lps_mm(heights[0]), frame.origin_lps_mm(heights[-1])
    u, v, w = frame.axes
    grid = VoxelGrid(
        origin_lps_mm=first,
        steps_lps_mm=np.array([(last - first) / (size[0] - 1), v * pixel_mm, u * pixel_mm]),
        shape=size,
        normal=w,
        heights_mm=heights + float(np.dot(frame.centre_lps_mm, w)),
        image_of_plane=np.arange(size[0]),
        plane_of_slice=np.arange(size[0]),
    )
    rings = [(height, ring) for height in heights for ring in shape.rings(height + middle[2])]
    contours = [
        Contour(
            number,
            "CLOSED_PLANAR",
            frame.to_patient(np.column_stack((ring - middle[:2], np.full(len(ring), height)))),
        )
        for number, (height, ring) in enumerate(rings)
    ]
    return place(Region(1, "shape", tuple(contours)), grid)[0]
