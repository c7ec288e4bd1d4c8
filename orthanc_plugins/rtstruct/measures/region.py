"""Numbers about a region: volume by three named methods, surface, place, extent, intensities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.placing import NO_PLANE
from orthanc_plugins.rtstruct.geometry.scan import next_points
from orthanc_plugins.rtstruct.measures.moments import principal_axes, volume_moments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.raster import RegionMask
    from orthanc_plugins.rtstruct.measures.moments import PrincipalAxes
    from orthanc_plugins.rtstruct.reading.structure_set import Region

type Vector = tuple[float, float, float]

PERCENTILES = (2, 5, 10, 25, 50, 75, 90, 95, 98)
MOST_APART = 0.05
"""Volumes of a mask and of its contours that differ by a smaller share are taken to agree."""


@dataclass(frozen=True, repr=False)
class ContourMeasures(Brief):
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
    axes
        Principal axes of the same slabs.
    extent_lps_mm
        How far those slabs reach along x, y and z, half slabs at the ends included.
    holes
        How many contours cut a hole into their section; those of planes where contours overlap in part are
        not told apart.
    """

    volume_ml: float
    centroid_lps_mm: Vector
    bounding_box_lps_mm: tuple[Vector, Vector]
    contours: int
    slices: int
    axes: PrincipalAxes
    extent_lps_mm: Vector
    holes: int


@dataclass(frozen=True, repr=False)
class IntensityStatistics(Brief):
    """Intensities of the voxels of a region.

    ``unit`` is ``HU`` for CT. ``sd`` divides by the number of voxels. Percentiles are linearly interpolated
    between voxel values. ``skewness`` and ``kurtosis_excess`` are None where all voxels are equal. ``voxels``
    leaves out those on planes without an image.
    """

    unit: str
    voxels: int
    mean: float
    sd: float
    minimum: float
    maximum: float
    skewness: float | None
    kurtosis_excess: float | None
    percentiles: dict[int, float]

    @property
    def median(self) -> float:
        """The 50th percentile."""
        return self.percentiles[50]

    @property
    def iqr(self) -> float:
        """The 75th percentile less the 25th."""
        return self.percentiles[75] - self.percentiles[25]


def measure(placed: PlacedRegion, region: Region) -> ContourMeasures | None:
    """Return the measures of a placed region's contours, None where no contour encloses area.

    Parameters
    ----------
    placed
        The region on the planes of a grid, as `place` gives it of ``region``.
    region
        The same region as drawn, in LPS mm: its points give the bounding box.

    Returns
    -------
    measures
        Millilitres and LPS mm. They need no images, and are those of all contours that can be used, also of
        such as lie beyond the images.
    """
    moments = volume_moments(placed)
    if moments is None:
        return None
    used = set(placed.contour.tolist())
    points = np.concatenate([c.points_lps_mm for c in region.contours if c.index in used])
    low, high = (np.array([pick(column) for column in points.T]) for pick in (np.min, np.max))
    return ContourMeasures(
        volume_ml=moments.volume_mm3 / 1000,
        centroid_lps_mm=_vector(moments.centroid_lps_mm),
        bounding_box_lps_mm=(_vector(low), _vector(high)),
        contours=len(placed.plane),
        slices=len(np.unique(placed.height_mm)),
        axes=principal_axes(moments.covariance_mm2),
        extent_lps_mm=_extent(placed),
        holes=int(np.count_nonzero(placed.area_mm2 < 0)),
    )


def _extent(placed: PlacedRegion) -> Vector:
    """Return how far a region's slabs reach along x, y and z in mm."""
    between, down, across = placed.grid.steps_lps_mm
    upright = between / placed.grid.spacing_mm[0]
    columns, rows = placed.points_px.T
    reach = []
    for axis in range(3):
        along = columns * across[axis] + rows * down[axis]
        middle = placed.height_mm * upright[axis]
        half = placed.slab_mm * abs(upright[axis]) / 2
        low = np.minimum.reduceat(along, placed.starts[:-1]) + middle - half
        high = np.maximum.reduceat(along, placed.starts[:-1]) + middle + half
        reach.append(high.max() - low.min())
    return _vector(np.array(reach))


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = values.tolist()
    return (x, y, z)


def volume_ml(mask: RegionMask, grid: VoxelGrid) -> float:
    """Return the volume of a mask in millilitres, counting whole voxels.

    Parameters
    ----------
    mask
        As `rasterise` makes it on this grid.
    grid
        Where the voxels lie: slices, rows and columns in mm, 1000 mm³ being one millilitre. It must be one of
        images; on a grid of contours alone slices differ in thickness.
    """
    return mask.count * grid.voxel_ml


def half_layer_ml(placed: PlacedRegion) -> float:
    """Return how much the volume of a region can change by being made of whole voxels.

    That is half a voxel all along the outlines. On each plane, an edge that spans dx columns and dy rows adds
    or takes (dx + dy) / 2 pixels at most, and a ring's corners one more: a rectangle that grows by half a
    pixel on each side reaches this bound. Across the planes voxels are as thick as planimetry's slabs.
    """
    if not len(placed.plane):
        return 0.0
    following = next_points(placed.starts)
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
        if image >= 0 and len(values := intensities[image, j, i][mask.part(place, place + 1)[0]])
    )
    return _of_integers(inside, unit) if intensities.dtype == np.int16 else _of_floats(inside, unit)


type _Planes = Iterable[NDArray[np.int16] | NDArray[np.float32]]


def _of_integers(planes: _Planes, unit: str) -> IntensityStatistics | None:
    """Return the statistics of whole numbers, all from one histogram; None of none."""
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
    ranks = np.array(PERCENTILES) / 100 * (total - 1)
    below = np.floor(ranks)
    cumulative = np.cumsum(counts)
    under = levels[np.searchsorted(cumulative, below, side="right")]
    over = levels[np.searchsorted(cumulative, np.minimum(below + 1, total - 1), side="right")]
    return _statistics(levels, counts, under + (over - under) * (ranks - below), unit)


def _of_floats(planes: _Planes, unit: str) -> IntensityStatistics | None:
    precise = np.concatenate([np.zeros(0), *planes])
    if not len(precise):
        return None
    once = np.ones(len(precise), dtype=np.intp)
    return _statistics(precise, once, np.percentile(precise, PERCENTILES), unit)


def _statistics(
    levels: NDArray[np.float64], counts: NDArray[np.intp], percentiles: NDArray[np.float64], unit: str
) -> IntensityStatistics:
    """Return the statistics of levels, each as often as it occurs; the lowest and the highest do occur."""
    total = int(counts.sum())
    mean = float(counts @ levels) / total
    off = levels - mean
    squares = off * off
    variance = float(counts @ squares) / total
    varied = bool(levels.min() < levels.max())
    return IntensityStatistics(
        unit=unit,
        voxels=total,
        mean=mean,
        sd=variance**0.5,
        minimum=float(levels.min()),
        maximum=float(levels.max()),
        skewness=float(counts @ (squares * off)) / total / variance**1.5 if varied else None,
        kurtosis_excess=float(counts @ (squares * squares)) / total / variance**2 - 3 if varied else None,
        percentiles=dict(zip(PERCENTILES, percentiles.tolist(), strict=True)),
    )
