"""One structure set against another, such as a physician's against an algorithm's."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.errors import ComparisonError, PacsSuiteError
from orthanc_plugins.rtstruct.comparison.matching import most_alike, named_pairs, same_names
from orthanc_plugins.rtstruct.comparison.overlap import Voxels, on_grid
from orthanc_plugins.rtstruct.comparison.records import Comparison, GridUsed, SetSource, Unmatched, in_set
from orthanc_plugins.rtstruct.comparison.regions import RegionComparison, compare_regions
from orthanc_plugins.rtstruct.comparison.table import Body
from orthanc_plugins.rtstruct.faults import SURROUNDINGS, described
from orthanc_plugins.rtstruct.geometry.fit import HOW_TO_ALLOW
from orthanc_plugins.rtstruct.geometry.grid import build_grid, grid_from_contours
from orthanc_plugins.rtstruct.geometry.placing import NO_PLANE, PlacedRegion, place
from orthanc_plugins.rtstruct.geometry.raster import rasterise
from orthanc_plugins.rtstruct.problems import Problem
from orthanc_plugins.rtstruct.surfaces.meshes import mesh

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orthanc_plugins.rtstruct.comparison.matching import Match, Places, Wanted
    from orthanc_plugins.rtstruct.comparison.records import SetProblem, UnmatchedReason, Which
    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.raster import RegionMask
    from orthanc_plugins.rtstruct.reading.images import ImageSeries
    from orthanc_plugins.rtstruct.reading.structure_set import Region, StructureSet

_log = logging.getLogger(__name__)
_SAME_SLAB = 0.05
_MOST_DICE = 20_000


def compare_structure_sets(  # noqa: PLR0913 - the options of a comparison
    first: StructureSet,
    second: StructureSet,
    images: ImageSeries | None = None,
    second_images: ImageSeries | None = None,
    *,
    pairs: Wanted = (),
    match: Match = "name",
    allow_other_frame: bool = False,
    how_to_allow: str = HOW_TO_ALLOW,
    jobs: int = 2,
) -> Comparison:
    """Return the regions of two structure sets against each other.

    All masks are laid on one grid: that of the first set's images, else of the second's, else one made from
    the contours of both. Surfaces are each set's own, in patient space.

    Parameters
    ----------
    first, second
        The two sets; the first is the reference in the records' words ``region`` and ``other``.
    images, second_images
        The series each was drawn on; None when it is not to be had. The same series may be given twice.
    pairs
        Regions to compare, each by ROI Number or by name; when given, only these are compared.
    match
        ``name``: regions of the same name but for case and blanks. ``overlap``: those of the greatest Dice.
    allow_other_frame
        Compare sets of different frames of reference all the same.
    how_to_allow
        How whoever asks can allow that, as it ends a message.
    jobs
        How many regions are worked on at a time.

    Raises
    ------
    GeometryError
        The images form no volume.
    ComparisonError
        The two lie in different frames of reference, a set has no closed contours, a region is unknown, or
        nothing is to be compared.
    """
    problems = _frame_problems(first, second, how_to_allow, allow_other_frame=allow_other_frame)
    sides = [_Side(first, images, "first"), _Side(second, second_images, "second")]
    grid = _common_grid(sides)
    places = _matched(sides, grid, pairs, match)
    if not places:
        raise ComparisonError(
            "The two structure sets have no region in common: none has the same name (match by overlap or "
            "name the pairs), or none shares a voxel with another."
        )
    with ThreadPoolExecutor(jobs) as pool:
        one_pair = partial(_compared, sides, grid, how_to_allow, allow_other_frame=allow_other_frame)
        compared = list(pool.map(one_pair, places))
    for which, side in enumerate(sides):
        problems.extend(side.told({pair[which] for pair in places} if pairs else None))
    return Comparison(
        first=sides[0].source,
        second=sides[1].source,
        grid=GridUsed(grid.kind, grid.shape, grid.spacing_mm),
        match="pairs" if pairs else match,
        pairs=tuple(compared),
        unmatched=_unmatched(sides, places, "not_asked_for" if pairs else "no_counterpart"),
        problems=tuple(problems),
    )


@dataclass(eq=False)
class _Side:
    """One of the two sets: its regions with closed contours, laid on grids as they are asked for."""

    structure_set: StructureSet
    images: ImageSeries | None
    which: Which
    problems: list[SetProblem] = field(default_factory=list)
    _masks: dict[int, RegionMask] = field(default_factory=dict)
    _placing: dict[int, list[Problem]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.regions:
            raise ComparisonError(
                f"Structure set {self.structure_set.sop_instance_uid} has no closed contours: "
                "there is nothing to compare."
            )

    @cached_property
    def regions(self) -> list[Region]:
        """The regions that have closed contours."""
        return [region for region in self.structure_set.regions if region.contours]

    @property
    def rings(self) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        """All closed contours."""
        return self.structure_set.rings_lps_mm()

    @cached_property
    def own_grid(self) -> VoxelGrid:
        """The grid of its images, or of its contours where there are none."""
        if self.images is None:
            return grid_from_contours(self.rings)
        return self.built(self.rings)

    def built(self, rings: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]) -> VoxelGrid:
        """Return the grid of its images with planes for contours, and note what is odd about them."""
        assert self.images is not None
        grid, _, odd = build_grid(self.images.images, rings)
        self.note(odd)
        return grid

    def note(self, problems: Iterable[Problem]) -> None:
        """Keep problems of this set."""
        self.problems.extend(in_set(problems, self.which))

    def told(self, places: set[int] | None) -> list[SetProblem]:
        """Return the problems of reading, placing and comparing; of some regions only, if given."""
        chosen = {id(self.regions[place]) for place in places} if places is not None else None
        read = chain.from_iterable(
            region.problems for region in self.structure_set.regions if chosen is None or id(region) in chosen
        )
        placing = chain.from_iterable(self._placing[place] for place in sorted(self._placing))
        reading = in_set(chain(self.structure_set.problems, read, placing), self.which)
        return [*reading, *self.problems]

    @property
    def source(self) -> SetSource:
        """What is told of the set."""
        of, images = self.structure_set, self.images
        return SetSource(
            structure_set_uid=of.sop_instance_uid,
            structure_series_uid=of.series_uid,
            study_uid=of.study_uid,
            structure_set_label=of.label,
            frame_of_reference_uid=of.frame_of_reference_uid,
            image_series_uid=None if images is None else images.series_uid,
        )

    def mask(self, number: int, grid: VoxelGrid) -> RegionMask:
        """Return the mask of a region on the common grid, once made."""
        if number not in self._masks:
            placed = self._placed(number, grid)
            mask = rasterise(placed)
            self._masks[number] = mask if placed.grid is grid else on_grid(mask, placed.grid, grid)
        return self._masks[number]

    def frame_of(self, number: int) -> str:
        """Return the frame of reference of a region: its own, else the set's; empty where unknown."""
        return self.regions[number].frame_of_reference_uid or self.structure_set.frame_of_reference_uid

    def body(self, number: int, grid: VoxelGrid) -> Body:
        """Return a region as it is compared."""
        region = self.regions[number]
        return Body(region.number, region.name, self.mask(number, grid), mesh(self._placed(number, grid)))

    def _placed(self, number: int, grid: VoxelGrid) -> PlacedRegion:
        """Return a region's contours on the common grid where they fit its planes, else on their own."""
        region = self.regions[number]
        placed, odd = place(region, grid)
        if self.own_grid is not grid:
            own, own_odd = place(region, self.own_grid)
            if not _fits(placed, own):
                placed, odd = own, own_odd
        self._placing[number] = odd
        return placed


def _fits(placed: PlacedRegion, own: PlacedRegion) -> bool:
    """Return whether contours lie on a grid's planes as on their own: each on one, for the same thickness."""
    return (
        len(placed.plane) == len(own.plane)
        and bool((placed.plane != NO_PLANE).all())
        and not len(placed.planes_between)
        and bool((np.abs(placed.slab_mm - own.slab_mm) <= _SAME_SLAB * own.slab_mm).all())
    )


def _frame_problems(
    first: StructureSet, second: StructureSet, how_to_allow: str, *, allow_other_frame: bool
) -> list[SetProblem]:
    """Return what is odd about the frames of reference of two sets (PS3.3 C.7.4.1, C.8.8.5).

    Raises
    ------
    ComparisonError
        They differ, and that is not allowed.
    """
    one, other = first.frame_of_reference_uid, second.frame_of_reference_uid
    sides: tuple[tuple[Which, str], ...] = (("first", one), ("second", other))
    unknown = [which for which, frame in sides if not frame]
    if unknown:
        text = "The {} structure set states no frame of reference; it is taken to share the other's."
        return list(
            chain.from_iterable(
                in_set([Problem("frame_of_reference_unknown", text.format(which))], which)
                for which in unknown
            )
        )
    if one == other:
        return []
    text = f"The structure sets lie in different frames of reference, {one} and {other}"
    if not allow_other_frame:
        raise ComparisonError(
            f"{text}: distances between them mean nothing. Compare sets of one frame; {how_to_allow}."
        )
    problem = Problem("other_frame_of_reference", f"{text}. They were compared all the same, as asked.")
    return in_set([problem], None)


def _common_grid(sides: Sequence[_Side]) -> VoxelGrid:
    """Return the grid to compare on: that of one series where there is one, else one that holds both sets."""
    first, second = sides
    rings = [*first.rings, *second.rings]
    if first.images is None and second.images is None:
        grid = grid_from_contours(rings)
    else:
        giving = first if first.images is not None else second
        assert giving.images is not None
        grid = giving.built(rings)
        for side in sides:
            if side.images is not None and side.images.series_uid == giving.images.series_uid:
                side.__dict__["own_grid"] = grid
    return grid


def _matched(sides: Sequence[_Side], grid: VoxelGrid, pairs: Wanted, match: Match) -> Places:
    """Return the places of the regions that are compared with each other."""
    first, second = sides
    if pairs:
        return named_pairs(first.regions, second.regions, pairs)
    if match == "name":
        return same_names(first.regions, second.regions)
    if len(first.regions) * len(second.regions) > _MOST_DICE:
        raise ComparisonError("The structure sets hold too many regions to match by overlap: match by name.")
    voxels = [_all_voxels(side, grid) for side in sides]

    def dice(one: int, other: int) -> float:
        mine, theirs = voxels[0][one], voxels[1][other]
        return (
            0.0 if mine is None or theirs is None else 2 * mine.shared(theirs) / (mine.count + theirs.count)
        )

    return most_alike(len(first.regions), len(second.regions), dice)


def _all_voxels(side: _Side, grid: VoxelGrid) -> list[Voxels | None]:
    """Return the voxels of every region of a set, None for those that hold none or cannot be filled."""
    found: list[Voxels | None] = []
    for number, region in enumerate(side.regions):
        try:
            mask = side.mask(number, grid)
            found.append(Voxels(mask, grid) if mask.count else None)
        except SURROUNDINGS:
            raise
        except Exception as error:  # noqa: BLE001 - it costs this region, and is told
            side.note([_not_done(f"Region {region.number}", error, region.number)])
            found.append(None)
    return found


def _not_done(what: str, error: Exception, region: int) -> Problem:
    """Return the problem that an error makes; one that was not foreseen is logged."""
    if isinstance(error, PacsSuiteError):
        return Problem("impossible", f"{what}: {error}", "error", region)
    _log.error("%s", what, exc_info=error)
    return Problem("unexpected", f"{what}: {described(error)}.", "error", region)


def _compared(
    sides: Sequence[_Side],
    grid: VoxelGrid,
    how_to_allow: str,
    pair: tuple[int, int],
    *,
    allow_other_frame: bool,
) -> RegionComparison:
    """Return a pair of regions compared; where that cannot be done, a record without numbers."""
    region, other = (side.regions[place] for side, place in zip(sides, pair, strict=True))
    what = f"Regions {region.number} and {other.number} cannot be compared"
    try:
        if not allow_other_frame:
            frames = [side.frame_of(place) for side, place in zip(sides, pair, strict=True)]
            _refuse_other_frame(frames[0], frames[1], how_to_allow)
        return compare_regions(sides[0].body(pair[0], grid), sides[1].body(pair[1], grid), grid)
    except SURROUNDINGS:
        raise
    except Exception as error:  # noqa: BLE001 - it costs this pair, and is told
        sides[0].note([_not_done(what, error, region.number)])
    return RegionComparison(
        region.number, region.name, other.number, other.name, None, None, None, None, None
    )


def _refuse_other_frame(one: str, other: str, how_to_allow: str) -> None:
    """Raise where the frames of reference of two regions are known and differ."""
    if one and other and one != other:
        raise ComparisonError(
            f"they lie in different frames of reference, {one} and {other}; {how_to_allow}."
        )


def _unmatched(sides: Sequence[_Side], places: Places, alone: UnmatchedReason) -> tuple[Unmatched, ...]:
    """Return the regions that were compared with none, and why; ``alone`` is said of those with contours."""
    found = []
    for which, side in enumerate(sides):
        used = {pair[which] for pair in places}
        taken = {id(region) for place, region in enumerate(side.regions) if place in used}
        for region in side.structure_set.regions:
            if id(region) not in taken:
                why: UnmatchedReason = alone if region.contours else "no_closed_contours"
                found.append(Unmatched(side.which, region.number, region.name, why))
    return tuple(found)
