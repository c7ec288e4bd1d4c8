"""Place a region's contours on the planes of a grid: which plane, which thickness, which sign."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.areas import section
from orthanc_plugins.rtstruct.geometry.combine import PlaneRings, combine
from orthanc_plugins.rtstruct.geometry.gaps import gap_problems, told_once, where
from orthanc_plugins.rtstruct.geometry.grid import SAME_PLANE
from orthanc_plugins.rtstruct.geometry.levels import levels_of, own_stack
from orthanc_plugins.rtstruct.geometry.placed import NO_PLANE, PlacedRegion
from orthanc_plugins.rtstruct.geometry.scan import even_odd_areas, shoelace
from orthanc_plugins.rtstruct.problems import Problem, contour_problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.reading.structure_set import Region

__all__ = ("NO_PLANE", "SNAP", "PlacedRegion", "place")

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

SNAP = 1024
"""Contour points are rounded to this fraction of a pixel: a border drawn on pixel centres stays on them."""
_SELF_CROSSING = 0.01
"""A ring whose outline and filling differ by more than this share of its area crosses itself."""
_DOUBTFUL = 0.001
"""Outline and filling by lines agree within this; where they do not, the area is found exactly."""
_MOST_EXACT = 2000
"""At most this many rings of a region have their areas found exactly, about a millisecond each."""


def place(region: Region, grid: VoxelGrid) -> tuple[PlacedRegion, list[Problem]]:
    """Return a region's closed contours on the planes of a grid, and what is odd about them.

    Contours are matched to planes by where they lie, never by the image they refer to (PS3.3 C.8.8.6):
    references to absent images are common, and positions are what counts.

    Parameters
    ----------
    region
        Its open contours and points are left aside.
    grid
        As `build_grid` makes it of the images, or `grid_from_contours` without any.

    Returns
    -------
    placed
        Rings in pixels of the grid, rounded to 1/1024; areas in mm², heights and slabs in mm.
    problems
        Contours that were left out, joined, or put on another plane than their own.
    """
    problems: list[Problem] = []
    placed = _upright(_project(region, grid), region, problems)
    placed = replace(placed, grid=own_stack(placed))
    placed = _on_planes(placed, region, problems)
    placed = _combined(placed, region, problems)
    problems.extend(_odd_extent(placed, region))
    return placed, told_once(problems, gap_problems(placed))


def _project(region: Region, grid: VoxelGrid) -> PlacedRegion:
    """Return every ring in pixels, with its height and its own area, on no plane yet."""
    counts = np.array([len(contour.points_lps_mm) for contour in region.contours], dtype=np.intp)
    starts = np.concatenate((np.zeros(1, dtype=np.intp), np.cumsum(counts)))
    points = np.concatenate([np.zeros((0, 3)), *(contour.points_lps_mm for contour in region.contours)])
    rings = len(counts)
    index = grid.to_index(points)
    points_px = np.rint(index[:, [2, 1]] * SNAP) / SNAP
    empty = np.zeros(0)
    height = np.add.reduceat(grid.heights_of(points), starts[:-1]) / counts if rings else empty
    centroid = shoelace(points_px, starts)[1] if rings else np.zeros((0, 2))
    _, down, across = grid.spacing_mm
    area = even_odd_areas(points_px, starts) * down * across if rings else empty
    return PlacedRegion(
        number=region.number,
        grid=grid,
        points_px=points_px,
        starts=starts,
        plane=np.full(rings, NO_PLANE, dtype=np.intp),
        height_mm=height,
        slab_mm=np.zeros(rings),
        group=np.arange(rings, dtype=np.intp),
        area_mm2=area,
        centroid_px=centroid,
        contour=np.array([contour.index for contour in region.contours], dtype=np.intp),
    )


def _upright(placed: PlacedRegion, region: Region, problems: list[Problem]) -> PlacedRegion:
    """Return the region without contours that are not parallel to the planes or enclose nothing."""
    if not region.contours:
        return placed
    points = np.concatenate([contour.points_lps_mm for contour in region.contours])
    heights = placed.grid.heights_of(points)
    spread = np.maximum.reduceat(heights, placed.starts[:-1]) - np.minimum.reduceat(
        heights, placed.starts[:-1]
    )
    slanted = spread > placed.grid.spacing_mm[0] / 2
    flat = placed.area_mm2 <= 0
    if flat.any():
        flat &= shoelace(placed.points_px, placed.starts)[0] == 0
    for fault, code, what in (
        (slanted, "not_parallel", "not parallel to the images, left out"),
        (flat & ~slanted, "no_area", "that enclose no area, left out"),
    ):
        if fault.any():
            at = where(placed.grid, heights[np.repeat(fault, np.diff(placed.starts))])
            indices = placed.contour[fault].tolist()
            problems.append(contour_problem(code, indices, what, region.number, at=at))
    return _measured(placed.chosen(~(slanted | flat)), region, problems)


def _measured(placed: PlacedRegion, region: Region, problems: list[Problem]) -> PlacedRegion:
    """Return the region with exact areas: the outline's own, or the filling's where a ring crosses itself."""
    if not len(placed.plane):
        return placed
    _, down, across = placed.grid.spacing_mm
    by_lines = placed.area_mm2 / (down * across)
    drawn = np.abs(shoelace(placed.points_px, placed.starts)[0])
    doubtful = np.abs(drawn - by_lines) > _DOUBTFUL * by_lines
    area, centroid = np.where(doubtful, by_lines, drawn), placed.centroid_px.copy()
    for ring in np.flatnonzero(doubtful)[:_MOST_EXACT]:
        outline = placed.points_px[placed.starts[ring] : placed.starts[ring + 1]]
        area[ring], centroid[ring] = section([outline], np.zeros(1, dtype=np.intp))
    crossing = np.abs(drawn - area) > _SELF_CROSSING * area + 1 / 10
    if crossing.any():
        indices = placed.contour[crossing].tolist()
        what = "crossing itself, filled by the even-odd rule"
        at = where(placed.grid, placed.height_mm[crossing])
        problems.append(contour_problem("crossing_itself", indices, what, region.number, at=at))
    return replace(placed, area_mm2=area * down * across, centroid_px=centroid)


def _on_planes(placed: PlacedRegion, region: Region, problems: list[Problem]) -> PlacedRegion:
    """Return the region with the plane and slab of each ring.

    Where contours are closer than images, each plane takes the nearest level and the others only count in
    planimetry: two levels on one plane would read as a ring with a hole.
    """
    if not len(placed.plane):
        return placed
    heights, level = levels_of(placed)
    plane, distance = placed.grid.nearest_planes(heights)
    order = np.lexsort((distance, plane))
    repeated = order[1:][(plane[order][1:] == plane[order][:-1]) & (plane[order][1:] != NO_PLANE)]
    between = np.isin(level, np.flatnonzero((plane != NO_PLANE) & (distance > SAME_PLANE)))
    slabs = _slabs(placed.grid, heights, plane, finer=len(repeated) > 0)
    plane[repeated] = NO_PLANE
    crowded = np.isin(level, repeated)
    outside = (plane[level] == NO_PLANE) & ~crowded
    for fault, code, what in (
        (
            between & ~crowded,
            "between_planes",
            "between two image planes, put on the nearest, where no intensities are taken",
        ),
        (crowded, "finer_than_images", "drawn between images that hold a nearer one, only measured"),
        (outside, "outside_stack", "beyond the first or last image, only measured"),
    ):
        if fault.any():
            at = where(placed.grid, placed.height_mm[fault])
            indices = placed.contour[fault].tolist()
            problems.append(contour_problem(code, indices, what, region.number, at=at))
    return replace(placed, plane=plane[level], height_mm=heights[level], slab_mm=slabs[level])


def _slabs(grid: VoxelGrid, heights: Floats, plane: Indices, *, finer: bool) -> Floats:
    """Return the thickness (levels,) each level stands for.

    That of its plane; where the region is drawn finer than the images, half-way to its own neighbours; off
    the planes, the usual distance.
    """
    own = np.diff(heights)
    usual = float(np.median(own)) if len(own) else grid.spacing_mm[0]
    if not finer:
        return np.where(plane == NO_PLANE, min(usual, grid.spacing_mm[0]), grid.slabs_mm[plane])
    capped = np.minimum(own, SAME_PLANE * usual + usual)
    slabs: Floats = (np.concatenate((capped[:1], capped)) + np.concatenate((capped, capped[-1:]))) / 2
    return slabs


def _combined(placed: PlacedRegion, region: Region, problems: list[Problem]) -> PlacedRegion:
    """Return the region with repeats removed, holes negative and partial overlaps grouped."""
    heights, level = np.unique(placed.height_mm, return_inverse=True)
    crowded = np.flatnonzero(np.bincount(level, minlength=len(heights)) > 1)
    exclusive_contours = [c.index for c in region.contours if c.geometric_type == "CLOSEDPLANAR_XOR"]
    exclusive = np.isin(placed.contour, exclusive_contours)
    keep = np.ones(len(level), dtype=bool)
    area, group, centroid = placed.area_mm2.copy(), placed.group.copy(), placed.centroid_px.copy()
    repeats: list[int] = []
    overlaps: list[int] = []
    _, down, across = placed.grid.spacing_mm
    by_level = np.argsort(level, kind="stable")
    ends = np.searchsorted(level[by_level], crowded, side="right")
    begins = np.searchsorted(level[by_level], crowded, side="left")
    too_many = False
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        rings = by_level[begin:end]
        outlines = [placed.points_px[placed.starts[ring] : placed.starts[ring + 1]] for ring in rings]
        found = combine(PlaneRings(outlines, area[rings], exclusive[rings], np.array((across, down))))
        keep[rings[found.repeats]] = False
        area[rings[found.kept]] = found.contributions_mm2
        group[rings[found.kept]] = found.groups
        if found.centre is not None:
            centroid[rings[found.kept]] = found.centre
        repeats.extend(placed.contour[rings[found.repeats]].tolist())
        overlaps.extend(placed.contour[rings[found.kept]].tolist() if found.overlaps else [])
        too_many |= found.too_many
    problems.extend(_combination_problems(region.number, repeats, overlaps, too_many=too_many))
    return replace(placed, group=group, area_mm2=area, centroid_px=centroid).chosen(keep)


def _combination_problems(
    number: int, repeats: list[int], overlaps: list[int], *, too_many: bool
) -> list[Problem]:
    problems = []
    if repeats:
        what = "stored more than once, or nearly so, counted once"
        problems.append(contour_problem("repeated_contour", sorted(repeats), what, number))
    if overlaps:
        what = "on planes where contours overlap in part, joined"
        problems.append(contour_problem("partial_overlap", sorted(overlaps), what, number))
    if too_many:
        text = f"Region {number}: too many contours on one plane to compare; filled by the even-odd rule."
        problems.append(Problem("too_many_contours", text, region=number))
    return problems


def _odd_extent(placed: PlacedRegion, region: Region) -> list[Problem]:
    """Return a problem when the rings leave the images to the side."""
    if not len(placed.plane) or not placed.is_placed:
        return []
    _, rows, columns = placed.grid.shape
    lowest = np.minimum.reduceat(placed.points_px, placed.starts[:-1], axis=0)
    highest = np.maximum.reduceat(placed.points_px, placed.starts[:-1], axis=0)
    limit = np.array((columns, rows)) - 0.5
    beyond = ((lowest < -0.5) | (highest > limit)).any(axis=1) & (placed.plane != NO_PLANE)  # noqa: PLR2004 - pixel edge
    if not beyond.any():
        return []
    what = "reaching beyond the images: masks are clipped there, planimetric volumes are not"
    at = where(placed.grid, placed.height_mm[beyond])
    return [contour_problem("outside_image", placed.contour[beyond].tolist(), what, region.number, at=at)]
