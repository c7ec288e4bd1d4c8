"""Two regions against each other, in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.comparison.distances import TOLERANCES_MM, SurfaceDistances, surface_distances
from orthanc_plugins.rtstruct.comparison.nearest import TOUCHING_MM, nearest_distances
from orthanc_plugins.rtstruct.comparison.overlap import Overlap, Voxels, overlap
from orthanc_plugins.rtstruct.comparison.table import Body, Relation, relation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

SIDES = ("left", "right", "posterior", "anterior", "superior", "inferior")


@dataclass(frozen=True, repr=False)
class RegionComparison(Brief):
    """A region and another one, in full.

    Parameters
    ----------
    region, region_name, other, other_name
        ROI Number and ROI Name of the two.
    relation
        Where the region lies as seen from the other, by voxels.
    overlap
        None where one of them holds no voxel.
    nearest_mm
        Nearest distance of the surfaces: 0 where they cross or touch, the narrowest margin where one lies
        inside the other. None where one has no surface.
    reach_mm
        How much farther the other reaches than the region, to each side of the patient; negative where it
        reaches less far.
    surface
        Distances of the surfaces; None where one has none.
    """

    region: int
    region_name: str
    other: int
    other_name: str
    relation: Relation | None
    overlap: Overlap | None
    nearest_mm: float | None
    reach_mm: dict[str, float] | None
    surface: SurfaceDistances | None


def compare_regions(
    region: Body, other: Body, grid: VoxelGrid, tolerances_mm: Sequence[float] = TOLERANCES_MM
) -> RegionComparison:
    """Return a region against another whose mask lies on the same grid.

    Parameters
    ----------
    region, other
        Masks on ``grid``, either may be empty; surfaces in LPS mm, None where there is none.
    grid
        The grid of both masks; volumes are those of its voxels in millilitres.
    tolerances_mm
        For which the surface Dice is taken.
    """
    shared = None
    if region.mask.count and other.mask.count:
        shared = overlap(Voxels(region.mask, grid), Voxels(other.mask, grid))
    nearest = reach = surface = None
    if region.surface is not None and other.surface is not None:
        reach = _reach(region.surface, other.surface)
        surface = surface_distances(region.surface, other.surface, tolerances_mm)
        nearest = _nearest(region.surface, other.surface, surface)
    return RegionComparison(
        region=region.number,
        region_name=region.name,
        other=other.number,
        other_name=other.name,
        relation=None if shared is None else relation(shared),
        overlap=shared,
        nearest_mm=nearest,
        reach_mm=reach,
        surface=surface,
    )


def _nearest(region: Mesh, other: Mesh, known: SurfaceDistances) -> float:
    """Return the nearest distance, which is known where a vertex touches the other surface."""
    if min(known.region_to_other.min_mm, known.other_to_region.min_mm) <= TOUCHING_MM:
        return 0.0
    return nearest_distances([region, other], [(0, 1)])[0]


def _reach(region: Mesh, other: Mesh) -> dict[str, float]:
    """Return how much farther the other reaches to each side, LPS being left, back and head."""
    (low, high), (other_low, other_high) = (
        (mesh.vertices_lps_mm.min(axis=0), mesh.vertices_lps_mm.max(axis=0)) for mesh in (region, other)
    )
    left, posterior, superior = (other_high - high).tolist()
    right, anterior, inferior = (low - other_low).tolist()
    return dict(zip(SIDES, (left, right, posterior, anterior, superior, inferior), strict=True))
