"""Numbers about a region: volume by three named methods, surface, place, extent, intensities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.placing import NO_PLANE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.contours import Region
    from orthanc_plugins.rtstruct.grid import VoxelGrid
    from orthanc_plugins.rtstruct.placing import PlacedRegion
    from orthanc_plugins.rtstruct.raster import RegionMask

type Vector = tuple[float, float, float]

PERCENTILES = (2, 5, 25, 50, 75, 95, 98)
MOST_APART = 0.05
"""Volumes of a mask and of its contours that differ by a smaller share are taken to agree."""


@dataclass(frozen=True)
class ContourMeasures:
    """What the contours alone say about a region.

    Parameters
    ----------
    volume_ml
        Planimetric: the area of every section, holes taken off, times the slab the section stands for
        (half-way to the neighbouring planes). Parts outside the images count too.
    centroid_lps_mm
        Centre of mass of those slabs.
    bounding_box_lps_mm
        Lowest and highest corner of the contour points; half slabs at the ends are not added.
    contours, slices
        How many contours count (repeats and unusable ones left out), on how many planes.
    """

    volume_ml: float
    centroid_lps_mm: Vector
    bounding_box_lps_mm: tuple[Vector, Vector]
    contours: int
    slices: int


@dataclass(frozen=True)
class IntensityStatistics:
    """Intensities of the voxels of a region.

    ``unit`` is ``HU`` for CT. ``sd`` divides by the number of voxels. Percentiles are linearly interpolated
    between voxel values. ``voxels`` leaves out those on planes without an image.
    """

    unit: str
    voxels: int
    mean: float
    sd: float
    minimum: float
    maximum: float
    percentiles: dict[int, float]


def measure(placed: PlacedRegion, region: Region) -> ContourMeasures | None:
    """Return the measures of a placed region's contours, None where no contour encloses area."""
    volumes_mm3 = placed.area_mm2 * placed.slab_mm
    total = float(volumes_mm3.sum())
    if not total > 0:
        return None
    grid = placed.grid
    used = set(placed.contour.tolist())
    points = np.concatenate([c.points_lps_mm for c in region.contours if c.index in used])
    low, high = points.min(axis=0), points.max(axis=0)
    middle_px = volumes_mm3 @ placed.centroid_px / total
    slices = (placed.height_mm - float(np.dot(grid.origin_lps_mm, grid.normal))) / grid.spacing_mm[0]
    middle = np.array([[volumes_mm3 @ slices / total, middle_px[1], middle_px[0]]])
    return ContourMeasures(
        volume_ml=total / 1000,
        centroid_lps_mm=_vector(grid.to_patient(middle)[0]),
        bounding_box_lps_mm=(_vector(low), _vector(high)),
        contours=len(placed.plane),
        slices=len(np.unique(placed.height_mm)),
    )


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = values.tolist()
    return (x, y, z)


def volume_ml(mask: RegionMask, grid: VoxelGrid) -> float:
    """Return the volume of a mask in millilitres, counting whole voxels."""
    return mask.count * grid.voxel_ml


def half_layer_ml(placed: PlacedRegion) -> float:
    """Return how much the volume of a region can change by being made of whole voxels.

    That is half a voxel all along the outlines. On each plane, an edge that spans dx columns and dy rows adds
    or takes (dx + dy) / 2 pixels at most, and a ring's corners one more: a rectangle that grows by half a
    pixel on each side reaches this bound. Across the planes voxels are as thick as planimetry's slabs.
    """
    if not len(placed.plane):
        return 0.0
    following = np.arange(1, len(placed.points_px) + 1)
    following[placed.starts[1:] - 1] = placed.starts[:-1]
    spans_px = np.abs(placed.points_px[following] - placed.points_px).sum(axis=1)
    around_px = np.add.reduceat(spans_px, placed.starts[:-1])
    _, down, across = placed.grid.spacing_mm
    return float(((around_px / 2 + 1) * placed.slab_mm).sum()) * down * across / 1000


def volumes_agree(contours_ml: float, mask_ml: float, half_layer: float) -> bool:
    """Return whether a mask holds what its contours enclose, as far as whole voxels can.

    They disagree when they differ by more than `MOST_APART` and by more than `half_layer_ml`.

    >>> volumes_agree(1576.5, 1181.5, 90.0), volumes_agree(38.1, 40.1, 2.4)
    (False, True)
    """
    return abs(mask_ml - contours_ml) <= max(MOST_APART * contours_ml, half_layer)


def largest_plane(placed: PlacedRegion) -> int:
    """Return the plane on which a region's section is largest, `NO_PLANE` when it lies on none."""
    on = placed.plane != NO_PLANE
    if not on.any():
        return NO_PLANE
    return int(np.bincount(placed.plane[on], weights=placed.area_mm2[on]).argmax())


def intensity_statistics(
    mask: RegionMask,
    intensities: NDArray[np.int16] | NDArray[np.float32],
    image_of_slice: NDArray[np.intp],
    unit: str,
) -> IntensityStatistics | None:
    """Return the intensity statistics of a mask, None when no voxel of it lies on an image.

    Parameters
    ----------
    intensities
        Shape (images, rows, columns).
    image_of_slice
        Shape (slices,): the image of each slice of the grid, -1 for none.
    """
    k, j, i = mask.slices
    inside = (
        values
        for place, image in enumerate(image_of_slice[k].tolist())
        if image >= 0 and len(values := intensities[image, j, i][mask.plane(place)])
    )
    summary = _of_integers(inside) if intensities.dtype == np.int16 else _of_floats(inside)
    if summary is None:
        return None
    voxels, mean, sd, low, high, percentiles = summary
    return IntensityStatistics(
        unit, voxels, mean, sd, low, high, dict(zip(PERCENTILES, percentiles, strict=True))
    )


type _Summary = tuple[int, float, float, float, float, list[float]]
type _Planes = Iterable[NDArray[np.int16] | NDArray[np.float32]]


def _of_integers(planes: _Planes) -> _Summary | None:
    """Return number, mean, sd, minimum, maximum and percentiles, all from one histogram."""
    counts = np.zeros(2**16, dtype=np.intp)
    for values in planes:
        least = int(values.min())
        own = np.bincount(np.subtract(values, least, dtype=np.intp))
        counts[least + 2**15 : least + 2**15 + len(own)] += own
    present = np.flatnonzero(counts)
    if not len(present):
        return None
    counts = counts[present[0] : present[-1] + 1]
    levels = np.arange(len(counts), dtype=np.float64) + present[0] - 2**15
    total = int(counts.sum())
    mean = float(counts @ levels) / total
    variance = float(counts @ (levels - mean) ** 2) / total
    ranks = np.array(PERCENTILES) / 100 * (total - 1)
    below = np.floor(ranks)
    cumulative = np.cumsum(counts)
    under = levels[np.searchsorted(cumulative, below, side="right")]
    over = levels[np.searchsorted(cumulative, np.minimum(below + 1, total - 1), side="right")]
    percentiles = under + (over - under) * (ranks - below)
    return total, mean, variance**0.5, float(levels[0]), float(levels[-1]), percentiles.tolist()


def _of_floats(planes: _Planes) -> _Summary | None:
    precise = np.concatenate([np.zeros(0), *planes])
    if not len(precise):
        return None
    percentiles: list[float] = np.percentile(precise, PERCENTILES).tolist()
    return (
        len(precise),
        float(precise.mean()),
        float(precise.std()),
        float(precise.min()),
        float(precise.max()),
        percentiles,
    )
