"""How far two surfaces are from each other: mean, percentile, maximum, and the share within a tolerance.

A distance is that of a vertex of one surface to the nearest place on the other; it counts by the area
that the vertex stands for (a third of the triangles around it), so that fine triangles count no more than
coarse ones. The 95th percentile of a direction is the smallest distance that 95 % of the area keeps. As
is usual, the Hausdorff distance is the larger of the two directed maxima, and its 95 % form (HD95) the
larger of the two directed percentiles. The surface Dice at a tolerance is the share of both areas
together that lies within it of the other surface (Nikolov et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.comparison.closest import Surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

type Floats = NDArray[np.float64]

TOLERANCES_MM = (1.0, 2.0, 3.0)
PERCENTILE = 0.95


@dataclass(frozen=True, repr=False)
class DirectedDistances(Brief):
    """Distances from one surface to another, by area; ``samples`` counts the vertices they were taken at.

    ``min_mm`` is that of the nearest vertex; the surfaces may come nearer between vertices.
    """

    mean_mm: float
    rms_mm: float
    p95_mm: float
    min_mm: float
    max_mm: float
    samples: int


@dataclass(frozen=True, repr=False)
class SurfaceDistances(Brief):
    """Distances between two surfaces, both ways.

    ``mean_mm`` and ``rms_mm`` are those of both areas together; ``hd95_mm`` and ``hausdorff_mm`` the
    larger of the two directed ones. ``surface_dice`` goes by the tolerance in mm.
    """

    region_to_other: DirectedDistances
    other_to_region: DirectedDistances
    mean_mm: float
    rms_mm: float
    hd95_mm: float
    hausdorff_mm: float
    surface_dice: dict[str, float]
    method: str = "smoothed meshes, vertex to nearest place, weighted by area"


def surface_distances(
    region: Mesh, other: Mesh, tolerances_mm: Sequence[float] = TOLERANCES_MM
) -> SurfaceDistances:
    """Return the distances between two surfaces, in mm.

    Parameters
    ----------
    region, other
        In one frame, in LPS mm; they need not be closed.
    tolerances_mm
        For which the surface Dice is taken; they become its keys, as ``2`` and ``2.5``.
    """
    first, second = Surface(region), Surface(other)
    there, back = second.distances_to(first.points), first.distances_to(second.points)
    going = _directed(there, first.areas_mm2)
    coming = _directed(back, second.areas_mm2)
    distances = np.concatenate((there, back))
    areas = np.concatenate((first.areas_mm2, second.areas_mm2))
    total = float(areas.sum())
    return SurfaceDistances(
        region_to_other=going,
        other_to_region=coming,
        mean_mm=_total(areas, distances) / total,
        rms_mm=(_total(areas, distances**2) / total) ** 0.5,
        hd95_mm=max(going.p95_mm, coming.p95_mm),
        hausdorff_mm=max(going.max_mm, coming.max_mm),
        surface_dice={f"{mm:g}": float(areas[distances <= mm].sum()) / total for mm in tolerances_mm},
    )


def _directed(distances: Floats, areas: Floats) -> DirectedDistances:
    total = float(areas.sum())
    return DirectedDistances(
        mean_mm=_total(areas, distances) / total,
        rms_mm=(_total(areas, distances**2) / total) ** 0.5,
        p95_mm=_weighted_percentile(distances, areas, PERCENTILE),
        min_mm=float(distances.min()),
        max_mm=float(distances.max()),
        samples=len(distances),
    )


def _total(areas: Floats, values: Floats) -> float:
    """Return values weighted by areas; without ``@``, whose threads cost more than they save."""
    return float((areas * values).sum())


def _weighted_percentile(values: Floats, weights: Floats, share: float) -> float:
    """Return the smallest value that values of this share of the weight do not exceed.

    >>> _weighted_percentile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 8.0, 1.0]), 0.9)
    2.0
    """
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    place = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
    return float(values[order[place]])
