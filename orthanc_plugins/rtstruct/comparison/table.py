"""The regions of one structure set against each other: every pair, within a bounded time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.comparison.distances import SurfaceDistances, surface_distances
from orthanc_plugins.rtstruct.comparison.nearest import nearly_nearest_distances
from orthanc_plugins.rtstruct.comparison.overlap import Overlap, Voxels, overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.raster import RegionMask
    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

type Relation = Literal["apart", "overlapping", "inside", "around", "equal"]

FARTHEST_MM = 20.0
"""The table tells how near surfaces are up to this distance."""
ALIKE_DICE = 0.5
"""Pairs of at least this Dice are two drawings of one thing: their surfaces are compared in full."""
MOST_SAMPLES = 20_000
"""Vertices at which the table measures surfaces, at most; the most alike pairs come first."""
MOST_PAIRS = 5_000


@dataclass(frozen=True, eq=False, repr=False)
class Body(Brief):
    """A region as it is compared: its mask on the grid of the comparison, its surface where it has one."""

    number: int
    name: str
    mask: RegionMask
    surface: Mesh | None


@dataclass(frozen=True, repr=False)
class Pair(Brief):
    """Two regions of one structure set.

    ``relation`` is where the region lies as seen from the other. ``nearest_mm`` is null where the surfaces
    are `FARTHEST_MM` apart or more, or one has none; ``surface`` where the two are not alike.
    """

    region: int
    region_name: str
    other: int
    other_name: str
    relation: Relation
    overlap: Overlap
    nearest_mm: float | None
    surface: SurfaceDistances | None


@dataclass(frozen=True, repr=False)
class PairTable(Brief):
    """All pairs, and what they were compared by.

    ``left_out`` counts the regions without a voxel, which are in no pair. Where there would be more than
    `MOST_PAIRS` there are none, and ``too_many`` is true.
    """

    pairs: tuple[Pair, ...]
    left_out: int
    too_many: bool = False
    nearest_up_to_mm: float = FARTHEST_MM
    surface_from_dice: float = ALIKE_DICE


def pair_table(bodies: Sequence[Body], grid: VoxelGrid) -> PairTable:
    """Return every pair of regions that lie on one grid, in their order.

    Parameters
    ----------
    bodies
        Masks on ``grid``, surfaces in LPS mm. Regions without a voxel are counted and left out.
    grid
        The grid of all masks; volumes are those of its voxels in millilitres.
    """
    there = [body for body in bodies if body.mask.count]
    left_out = len(bodies) - len(there)
    if len(there) * (len(there) - 1) // 2 > MOST_PAIRS:
        return PairTable((), left_out, too_many=True)
    voxels = [Voxels(body.mask, grid) for body in there]
    places = list(combinations(range(len(there)), 2))
    overlaps = [overlap(voxels[one], voxels[other]) for one, other in places]
    nearest = _nearest(there, places)
    surfaces = _surfaces(there, places, overlaps)
    return PairTable(
        tuple(
            Pair(
                region=there[one].number,
                region_name=there[one].name,
                other=there[other].number,
                other_name=there[other].name,
                relation=relation(shared),
                overlap=shared,
                nearest_mm=nearest.get((one, other)),
                surface=surfaces.get((one, other)),
            )
            for (one, other), shared in zip(places, overlaps, strict=True)
        ),
        left_out,
    )


def relation(shared: Overlap) -> Relation:
    """Return where a region lies as seen from another, by the voxels they share."""
    if not shared.intersection_cc > 0:
        return "apart"
    inside, around = shared.region_inside_other > _WHOLE, shared.other_inside_region > _WHOLE
    if inside and around:
        return "equal"
    return "inside" if inside else "around" if around else "overlapping"


_WHOLE = 1 - 1e-9


def _nearest(
    bodies: Sequence[Body], places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], float | None]:
    """Return the nearest distance of each pair that has two surfaces."""
    surfaces = {place: body.surface for place, body in enumerate(bodies) if body.surface is not None}
    row = {place: number for number, place in enumerate(surfaces)}
    wanted = [(one, other) for one, other in places if one in surfaces and other in surfaces]
    found = nearly_nearest_distances(
        list(surfaces.values()), [(row[one], row[other]) for one, other in wanted], FARTHEST_MM
    )
    return dict(zip(wanted, found, strict=True))


def _surfaces(
    bodies: Sequence[Body], places: Sequence[tuple[int, int]], overlaps: Sequence[Overlap]
) -> dict[tuple[int, int], SurfaceDistances]:
    """Return the distances of the surfaces that are alike, the most alike first, while there are samples."""
    left = MOST_SAMPLES
    found = {}
    for number in sorted(range(len(places)), key=lambda number: -overlaps[number].dice):
        if overlaps[number].dice < ALIKE_DICE:
            break
        one, other = (bodies[place].surface for place in places[number])
        if one is None or other is None:
            continue
        samples = len(one.vertices_lps_mm) + len(other.vertices_lps_mm)
        if samples <= left:
            left -= samples
            found[places[number]] = surface_distances(one, other)
    return found
