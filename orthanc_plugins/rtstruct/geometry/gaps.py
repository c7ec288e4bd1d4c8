"""Planes that a region skips: between two it is drawn on, where its sections on both face each other.

A gap is told once: where contours of the region were left out, with them (`told_once`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.placed import NO_PLANE
from orthanc_plugins.rtstruct.geometry.scan import crossings, ring_edges
from orthanc_plugins.rtstruct.problems import Problem, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placed import PlacedRegion

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

LEFT_OUT = frozenset(
    {
        "unknown_type",
        "empty_contour",
        "not_triplets",
        "not_numbers",
        "not_a_number",
        "out_of_reach",
        "too_few_points",
        "not_parallel",
        "no_area",
    }
)
"""Codes of problems that cost contours, and with them perhaps all that a plane held."""
FACING = 0.5
"""Sections that share at least this part of the smaller one's area belong to one part of the region."""
_MISSING = "missing_contours"
_FEWEST_FOR_STRIDE = 4
_LINES = 128
_LISTED = 5
_ALONG_AXIS = 0.999
_ORDINALS = {2: ("second", "one half"), 3: ("third", "one third"), 4: ("fourth", "one quarter")}


@dataclass(frozen=True)
class _Gap:
    """Planes from ``below`` to ``above``, both drawn on and nothing between."""

    below: int
    above: int

    @property
    def planes(self) -> int:
        return self.above - self.below - 1

    def told(self, placed: PlacedRegion) -> str:
        heights = placed.grid.heights_mm[self.below : self.above + 1]
        inner = where(placed.grid, heights[1:-1])
        ends = where(placed.grid, heights[[0, -1]])
        return f"{ends} ({inner})" if self.planes <= 2 else ends  # noqa: PLR2004 - a few


def where(grid: VoxelGrid, heights_mm: Floats) -> str:
    """Return in words where positions along the grid's normal lie: as x, y or z where it is that axis."""
    axis = int(np.abs(grid.normal).argmax())
    upright = abs(float(grid.normal[axis])) > _ALONG_AXIS
    name = f"{'xyz'[axis]} = " if upright else ""
    places = heights_mm * np.sign(grid.normal[axis]) if upright else heights_mm
    along = "" if upright else " along the images' normal"
    low, high = f"{float(places.min()):.1f}", f"{float(places.max()):.1f}"
    if low == high:
        return f"at {name}{low} mm{along}"
    return f"between {name}{low} and {high} mm{along}"


def gap_problems(placed: PlacedRegion) -> list[Problem]:
    """Return one problem where a region skips planes, none where it does not.

    Parts that lie apart have nothing between them: a gap is one where at least half of the smaller section
    faces the other one.
    """
    planes = np.unique(placed.plane[placed.plane != NO_PLANE])
    steps = np.diff(planes)
    if len(steps) >= _FEWEST_FOR_STRIDE and steps.min() == steps.max() > 1:
        return [_sparse(placed.number, int(steps[0]))]
    gaps = [_Gap(int(planes[at]), int(planes[at + 1])) for at in np.flatnonzero(steps > 1)]
    gaps = [gap for gap in gaps if _faces(placed, gap)]
    if not gaps:
        return []
    skipped = counted(sum(gap.planes for gap in gaps), "plane")
    listed = ", ".join(gap.told(placed) for gap in gaps[:_LISTED]) + (", …" if len(gaps) > _LISTED else "")
    text = (
        f"Region {placed.number}: no contour on {skipped} {listed}, though it is drawn on both sides; "
        "nothing is put there, and its volume counts the planes drawn on only."
    )
    return [Problem(_MISSING, text, region=placed.number)]


def told_once(problems: Sequence[Problem], gaps: Sequence[Problem]) -> list[Problem]:
    """Return problems with those of gaps: a gap joins the first one that cost contours, if there is any."""
    costly = next((place for place, one in enumerate(problems) if one.code in LEFT_OUT), None)
    if costly is None or not gaps:
        return [*problems, *gaps]
    told = problems[costly]
    text = gaps[0].message.removeprefix(f"Region {told.region}: ")
    joined = replace(told, message=f"{told.message} {text[0].upper()}{text[1:]}")
    return [*problems[:costly], joined, *problems[costly + 1 :], *gaps[1:]]


def with_placing(read: Sequence[Problem], placing: Sequence[Problem]) -> list[Problem]:
    """Return problems found in reading a region, then those found in placing it, each gap told once."""
    gaps = [problem for problem in placing if problem.code == _MISSING]
    return told_once([*read, *(problem for problem in placing if problem.code != _MISSING)], gaps)


def _sparse(number: int, stride: int) -> Problem:
    nth, share = _ORDINALS.get(stride, (f"{stride}th", f"1/{stride}"))
    text = (
        f"Region {number}: drawn on every {nth} plane only; nothing is put on the planes between, and its "
        f"volume is that of the planes drawn on: about {share} of a solid through them."
    )
    return Problem("sparse_contours", text, region=number)


def _faces(placed: PlacedRegion, gap: _Gap) -> bool:
    """Return whether the sections at both ends of a gap overlap, sampled on a lattice."""
    ends = [placed.chosen(placed.plane == plane) for plane in (gap.below, gap.above)]
    low = np.maximum(*(end.points_px.min(axis=0) for end in ends))
    high = np.minimum(*(end.points_px.max(axis=0) for end in ends))
    if (high <= low).any():
        return False
    both = np.logical_and(*(_inside(end, low, high) for end in ends))
    _, down, across = placed.grid.spacing_mm
    cell_mm2 = float((high - low).prod()) * down * across / _LINES**2
    smaller = min(float(end.area_mm2.sum()) for end in ends)
    return int(np.count_nonzero(both)) * cell_mm2 >= FACING * smaller


def _inside(section: PlacedRegion, low: Floats, high: Floats) -> NDArray[np.bool_]:
    """Return which centres of a lattice over a box lie inside a section, by the even-odd rule."""
    scaled = (section.points_px - low) / (high - low) * _LINES - 0.5
    edges = ring_edges(scaled, section.starts)
    _, line, x = crossings(edges, 0, _LINES)
    column = np.clip(np.ceil(x), 0, _LINES).astype(np.intp)
    toggles = np.bincount(line * (_LINES + 1) + column, minlength=_LINES * (_LINES + 1))
    inside: NDArray[np.bool_] = np.cumsum(toggles.reshape(_LINES, -1), axis=1)[:, :_LINES] % 2 == 1
    return inside
