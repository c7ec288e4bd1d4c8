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
type NoNearest = Literal["no_mesh", "farther"]
type NoSurface = Literal["no_mesh", "not_alike", "too_many_vertices"]

FARTHEST_MM = 20.0
"""The table tells how near surfaces are up to this distance."""
ALIKE_DICE = 0.5
"""Pairs of at least this Dice are two drawings of one thing: their surfaces are compared in full."""
MOST_SAMPLES = 20_000
"""Vertices at which the table measures surfaces, at most; the most alike pairs come first."""
MOST_PAIRS = 20_000
"""Those of 200 regions: twice as many as segmentations of the whole body write."""
_HOW_NEAREST = (
    "never too small; perhaps too large, by less than triangles are wide, for only the triangles around the "
    "nearest vertices are looked at; exact where two regions are compared by themselves"
)


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

    ``relation`` is where the region lies as seen from the other. Where ``nearest_mm`` is null,
    ``no_nearest_because`` says why: one has no surface (``no_mesh``), or they are `FARTHEST_MM` apart or more
    (``farther``). Where ``surface`` is null, ``no_surface_because`` does: ``no_mesh``, a Dice below
    `ALIKE_DICE` (``not_alike``), or the surfaces of this and of pairs more alike have more than
    `MOST_SAMPLES` vertices together (``too_many_vertices``).
    """

    region: int
    region_name: str
    other: int
    other_name: str
    relation: Relation
    overlap: Overlap
    nearest_mm: float | None
    no_nearest_because: NoNearest | None
    surface: SurfaceDistances | None
    no_surface_because: NoSurface | None


@dataclass(frozen=True, repr=False)
class PairTable(Brief):
    """All pairs, and what they were compared by.

    ``left_out`` counts the regions without a voxel, which are in no pair. Where there would be more than
    `MOST_PAIRS` there are none, ``too_many`` is true, and ``no_pairs_because`` says so. ``nearest_is`` says
    how exact the nearest distances are (see `nearly_nearest_distances`).
    """

    pairs: tuple[Pair, ...]
    left_out: int
    too_many: bool = False
    no_pairs_because: str | None = None
    nearest_up_to_mm: float = FARTHEST_MM
    nearest_is: str = _HOW_NEAREST
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
    count = len(there) * (len(there) - 1) // 2
    if count > MOST_PAIRS:
        text = f"{len(there)} regions are {count} pairs, more than the {MOST_PAIRS} that are compared"
        return PairTable((), left_out, too_many=True, no_pairs_because=text)
    voxels = [Voxels(body.mask, grid) for body in there]
    places = list(combinations(range(len(there)), 2))
    overlaps = [overlap(voxels[one], voxels[other]) for one, other in places]
    nearest = _nearest(there, places)
    surfaces = _surfaces(there, places, overlaps)
    return PairTable(
        tuple(
            _pair(there[one], there[other], shared, nearest.get((one, other)), surfaces.get((one, other)))
            for (one, other), shared in zip(places, overlaps, strict=True)
        ),
        left_out,
    )


def _pair(
    region: Body, other: Body, shared: Overlap, nearest_mm: float | None, surface: SurfaceDistances | None
) -> Pair:
    """Return what was found of a pair, and why what was not found was not."""
    no_nearest: NoNearest | None = None
    no_surface: NoSurface | None = None
    if region.surface is None or other.surface is None:
        no_nearest = no_surface = "no_mesh"
    else:
        if nearest_mm is None:
            no_nearest = "farther"
        if surface is None:
            no_surface = "not_alike" if shared.dice < ALIKE_DICE else "too_many_vertices"
    return Pair(
        region=region.number,
        region_name=region.name,
        other=other.number,
        other_name=other.name,
        relation=relation(shared),
        overlap=shared,
        nearest_mm=nearest_mm,
        no_nearest_because=no_nearest,
        surface=surface,
        no_surface_because=no_surface,
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
