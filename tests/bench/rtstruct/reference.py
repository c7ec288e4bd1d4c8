"""What is true of a structure set's masks: exact coverage of every pixel, by shapely alone.

A pixel belongs to a region when the region's section covers at least half of it. The section of a plane is
the even-odd sum of its contours after repeats are collapsed; it is computed with shapely from the numbers in
the file, on the frame the images were built on. Nothing here knows the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from tests.builders.damage import contour_points

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from tests.builders import Case, ImageFrame
    from tests.builders.shapes import Points

_REPEAT_MM = 0.1
_REPEAT_SHARE = 0.01
_HALF = 0.5


@dataclass(frozen=True)
class Section:
    """The pixels of a region on one plane: a box of them from ``first`` (row, column), and its thickness."""

    w_mm: float
    thickness_mm: float
    area_mm2: float
    first: tuple[int, int]
    inside: NDArray[np.bool_]


@dataclass(frozen=True)
class RegionTruth:
    """A region's sections; ``volume_ml`` is of its contours, planes as thick as half the gaps beside them."""

    name: str
    sections: tuple[Section, ...]

    @property
    def volume_ml(self) -> float:
        return sum(one.area_mm2 * one.thickness_mm for one in self.sections) / 1000


def region_truths(case: Case, *, bias_mm: float = 0.0) -> list[RegionTruth]:
    """Return what is true of each region, in the order of the structure set; those without contours too.

    ``bias_mm`` along the normal decides to which plane a contour half way between two belongs.
    """
    contours = {
        int(item.ReferencedROINumber): [contour_points(one) for one in item.get("ContourSequence", ())]
        for item in case.structure_set.ROIContourSequence
    }
    return [
        RegionTruth(str(item.ROIName), _sections(contours.get(int(item.ROINumber), []), case.frame, bias_mm))
        for item in case.structure_set.StructureSetROISequence
    ]


def thickness_mm(frame: ImageFrame) -> NDArray[np.float64]:
    """Return shape (slices,): half the gaps beside each plane; at the ends, the whole of the one gap."""
    gaps = np.diff(frame.w_mm)
    return (np.append(gaps[:1], gaps) + np.append(gaps, gaps[-1:])) / 2


def _sections(contours: Iterable[Points], frame: ImageFrame, bias_mm: float) -> tuple[Section, ...]:
    """Return the sections of a region; a contour belongs to the plane it is nearest to."""
    planes: dict[int, list[Points]] = {}
    for points in contours:
        uvw = (points - np.array(frame.centre_lps_mm)) @ frame.axes.T
        nearest = int(np.abs(frame.w_mm - uvw[:, 2].mean() - bias_mm).argmin())
        planes.setdefault(nearest, []).append(uvw[:, :2])
    thick = thickness_mm(frame)
    found = []
    for plane, rings in sorted(planes.items()):
        w = float(frame.w_mm[plane])
        first, inside, area = _covered(rings, frame, w)
        found.append(Section(w, float(thick[plane]), area, first, inside))
    return tuple(found)


def _even_odd(rings: Sequence[Points]) -> shapely.Geometry:
    """Return the even-odd sum of rings, repeats left out."""
    kept: list[shapely.Geometry] = []
    for ring in rings:
        shape = shapely.make_valid(shapely.Polygon(ring))
        if not any(_is_repeat(shape, other) for other in kept):
            kept.append(shape)
    total = kept[0]
    for shape in kept[1:]:
        total = shapely.symmetric_difference(total, shape)
    return total


def _is_repeat(one: shapely.Geometry, other: shapely.Geometry) -> bool:
    boxes = np.abs(np.subtract(one.bounds, other.bounds)).max() <= _REPEAT_MM
    return bool(boxes and abs(one.area - other.area) <= _REPEAT_SHARE * max(one.area, other.area))


def _covered(
    rings: Sequence[Points], frame: ImageFrame, w: float
) -> tuple[tuple[int, int], NDArray[np.bool_], float]:
    """Return the first pixel of the box around the rings, which of its pixels are in, and the area in mm²."""
    u, v = frame.pixel_axes(w)
    spacing = np.array((frame.spacing_mm[1], frame.spacing_mm[0]))
    origin = np.array((u[0], v[0]))
    drawn = [(ring - origin) / spacing for ring in rings]  # columns x, y in pixels; whole numbers are centres
    section = _even_odd(drawn)
    everything = np.vstack(drawn)
    low = np.maximum(np.floor(everything.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(everything.max(axis=0)).astype(int), (len(u) - 1, len(v) - 1))
    area = float(section.area * spacing.prod())
    if (high < low).any():
        return (0, 0), np.zeros((0, 0), dtype=bool), area
    edge = _edge_pixels(drawn, low, high)
    return (int(low[1]), int(low[0])), _filled(section, edge, low), area


def _edge_pixels(rings: Sequence[Points], low: NDArray[np.int_], high: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Return the pixels (rows, columns) of the box that an edge may cross: those of each edge's own box."""
    columns, rows = high - low + 1
    edge = np.zeros((rows, columns), dtype=bool)
    for ring in rings:
        ends = np.stack((ring, np.roll(ring, -1, axis=0)))
        first = np.floor(ends.min(axis=0) + 0.5 - 1e-9).astype(int) - low
        last = np.floor(ends.max(axis=0) + 0.5 + 1e-9).astype(int) - low
        for (x0, y0), (x1, y1) in zip(np.maximum(first, 0).tolist(), last.tolist(), strict=True):
            if x1 >= 0 and y1 >= 0:
                edge[y0 : y1 + 1, x0 : x1 + 1] = True
    return edge


def _filled(section: shapely.Geometry, edge: NDArray[np.bool_], low: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Return the pixels of the box at least half covered.

    Pixels no edge crosses are in or out as a whole, and so is each run of them along a row.
    """
    shapely.prepare(section)
    starts = ~edge
    starts[:, 1:] &= edge[:, :-1]
    rows, columns = np.nonzero(starts)
    runs = np.zeros(edge.shape, dtype=np.int64)
    runs[rows, columns] = np.arange(1, len(rows) + 1)
    at_start = shapely.contains_xy(section, columns + low[0], rows + low[1])
    inside: NDArray[np.bool_] = np.append(False, at_start)[np.maximum.accumulate(runs.ravel())]
    inside = inside.reshape(edge.shape)
    rows, columns = np.nonzero(edge)
    x, y = columns + low[0], rows + low[1]
    pixels = shapely.box(x - 0.5, y - 0.5, x + 0.5, y + 0.5)
    crossed = shapely.intersects(section, pixels)
    share = np.zeros(len(pixels))
    share[crossed] = shapely.area(shapely.intersection(section, pixels[crossed]))
    inside[rows, columns] = share >= _HALF
    return inside
