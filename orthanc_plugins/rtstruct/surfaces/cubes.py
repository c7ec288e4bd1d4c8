"""The surface of a field at one half: marching cubes that look only at the cells the surface passes.

The field is taken as nothing beyond its box, so the surface is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.surfaces.case_table import CASES, EDGES, case_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK = 1 << 20
"""About how many cells are looked at at a time: their flags stay in the processor's cache."""
_BITS = np.arange(CASES)[:, None] >> np.array((1, 2, 4)) & 1
_CROSSED = (np.arange(CASES)[:, None] & 1 != _BITS).astype(bool)
"""Shape (256, 3): whether the edges along x, y, z from a cell's first corner are crossed in a case."""
_UPRIGHT = 2
"""The axis z."""


@dataclass(frozen=True, eq=False)
class RawSurface:
    """A surface between the values of a field.

    Parameters
    ----------
    vertices
        Shape (n, 3), columns layer, row, column; whole numbers at the field's values. Each lies on the line
        between two neighbouring values, strictly within.
    faces
        Shape (m, 3): vertex numbers, anticlockwise seen from outside where column, row, layer are
        right-handed. Each edge belongs to two faces that run it in opposite directions; the faces around a
        vertex form one fan; no two cross.
    between
        Shape (n,): whether a vertex lies half-way between two layers, above or below one value of each.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    between: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Cells:
    """The cells that the surface passes, in the order of the field.

    ``place`` (n,) is a cell's first corner in the field padded by one on all sides, flat; ``case`` (n,) its
    case; ``values`` (n, 3) the field there and one step along x and y. ``plane`` and ``row`` are the strides
    of the padded field.
    """

    place: NDArray[np.intp]
    case: NDArray[np.uint8]
    values: NDArray[np.uint8]
    plane: int
    row: int


def surface_of(field: NDArray[np.uint8], full: int, layers: NDArray[np.intp] | None = None) -> RawSurface:
    """Return the surface that parts what is covered by more than a half from the rest.

    Parameters
    ----------
    field
        Shape (planes, rows, columns): how much of each pixel is covered, 0 to ``full``.
    full
        The value of a pixel wholly covered; an even number.
    layers
        Shape (layers,): the plane that each layer shows, -1 for an empty one, as the first and the last must
        be; all planes in their order between empty ones when None.
    """
    shown = np.concatenate(((-1,), np.arange(len(field)), (-1,))) if layers is None else layers
    cells = _passed(field, full // 2, shown)
    crossed = np.flatnonzero(_CROSSED.take(cells.case, axis=0))
    own = np.empty((len(cells.case), 3), dtype=np.int32)
    own.reshape(-1)[crossed] = np.arange(len(crossed), dtype=np.int32)
    cell, axis = np.divmod(crossed, 3)
    return RawSurface(_vertices(cells, cell, axis, full), _faces(cells, own), axis == _UPRIGHT)


def _passed(field: NDArray[np.uint8], half: int, layers: NDArray[np.intp]) -> _Cells:
    """Return the cells that have a corner of more than a half and one that has not."""
    _, rows, columns = field.shape
    row = columns + 2
    plane = row * (rows + 2)
    depth = min(max(1, _BLOCK // plane), len(layers) - 1)
    padded = np.zeros((depth + 1, rows + 2, row), dtype=np.uint8)
    flat = padded.reshape(-1)
    place, case, values = [], [], []
    for first in _loaded(padded, field, layers):
        cases = _cases(flat > half, row, plane)
        here = np.flatnonzero(cases + np.uint8(1) > 1)
        place.append(here + first * plane)
        case.append(cases.take(here))
        values.append(np.column_stack([flat.take(here + step) for step in (0, 1, row)]))
    return _Cells(np.concatenate(place), np.concatenate(case), np.concatenate(values), plane, row)


def _loaded(padded: NDArray[np.uint8], field: NDArray[np.uint8], layers: NDArray[np.intp]) -> Iterator[int]:
    """Fill a padded block with one stretch of layers after the other; yield where each begins.

    Stretches share a layer: its cells lie on both sides.
    """
    depth = len(padded) - 1
    for first in range(0, len(layers) - 1, depth):
        for slot, plane in enumerate(layers[first : first + depth + 1].tolist()):
            padded[slot, 1:-1, 1:-1] = field[plane] if plane >= 0 else 0
        padded[len(layers) - first :] = 0
        yield first


def _cases(inside: NDArray[np.bool_], row: int, plane: int) -> NDArray[np.uint8]:
    """Return the case of every cell; one that would wrap around the box lies outside and has case zero."""
    cases = inside.view(np.uint8)
    for step, shift in ((1, 1), (row, 2), (plane, 4)):
        cases = cases[:-step] | cases[step:] << np.uint8(shift)
    return cases


def _vertices(
    cells: _Cells, cell: NDArray[np.intp], axis: NDArray[np.intp], full: int
) -> NDArray[np.float32]:
    """Return a vertex on each crossed edge, given by its cell and axis.

    In a plane the outline passes where the two pixels' coverage says: together they are covered as far as it
    reaches, which is exact for outlines that cross the row at 45° and more. Where it runs flatter, several
    pixels share it, and linear interpolation is nearer. Across planes a vertex lies half-way.
    """
    k, rest = np.divmod(cells.place, cells.plane)
    j, i = np.divmod(rest, cells.row)
    vertices = np.stack((k, j - 1, i - 1), axis=1).astype(np.float32).take(cell, axis=0)
    near = cells.values[:, 0].take(cell).astype(np.float32) / full
    far = cells.values.reshape(-1).take(3 * cell + np.minimum(axis + 1, 2)).astype(np.float32) / full
    level = np.float32(0.5 + 0.5 / full)
    drop = np.abs(far - near)
    linear = (level - near) / np.where(drop > 0, far - near, 1)
    reach = near + far - np.float32(0.5)
    within = np.where(drop < 0.5, linear, np.where(near > far, reach, 1 - reach))  # noqa: PLR2004 - see above
    within[axis == _UPRIGHT] = 0.5
    margin = np.float32(0.5 / full)
    vertices.reshape(-1)[3 * np.arange(len(cell)) + 2 - axis] += np.clip(within, margin, 1 - margin)
    return vertices


def _faces(cells: _Cells, own: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the faces; ``own`` (n, 3) holds the vertex on each edge from a cell's first corner."""
    table = case_table()
    on_edge = _vertices_on_edges(cells, own)
    counts = table.counts.take(cells.case)
    first = table.first.take(cells.case) - (np.cumsum(counts) - counts)
    triangle = np.repeat(first, counts)
    triangle += np.arange(len(triangle))
    cell = np.repeat(np.arange(0, on_edge.size, len(EDGES)), counts)
    return on_edge.reshape(-1).take(table.corners.take(triangle, axis=0) + cell[:, None])


def _vertices_on_edges(cells: _Cells, own: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the vertex (n, 12) on each edge of each cell; it is any number where an edge is not crossed."""
    beside = _neighbours(cells)
    on_edge = np.empty((len(own), len(EDGES)), dtype=np.int32)
    for number, (axis, corner) in enumerate(EDGES):
        cell = beside[corner >> 1] + (corner & 1)
        on_edge[:, number] = own[:, axis].take(cell, mode="clip")
    return on_edge


def _neighbours(cells: _Cells) -> list[NDArray[np.intp]]:
    """Return the number of each cell itself, and of the ones after it along y, along z, and along both.

    The one after it along x has the next number. Numbers are looked up in a map that only some planes of
    cells share at a time; where there is no such cell, it is any number.
    """
    count = len(cells.place)
    beside = [np.arange(count), *(np.empty(count, dtype=np.intp) for _ in range(3))]
    depth = max(1, _BLOCK // cells.plane)
    numbers = np.zeros((depth + 2) * cells.plane, dtype=np.int32)
    reach = (cells.row, cells.plane, cells.plane + cells.row)
    first = 0
    while first < count:
        base = int(cells.place[first]) // cells.plane * cells.plane
        stop, seen = np.searchsorted(cells.place, (base + depth * cells.plane, base + numbers.size))
        local = cells.place[first:seen] - base
        numbers[local] = np.arange(first, seen, dtype=np.int32)
        for steps, step in zip(beside[1:], reach, strict=True):
            steps[first:stop] = numbers.take(local[: stop - first] + step)
        first = int(stop)
    return beside
