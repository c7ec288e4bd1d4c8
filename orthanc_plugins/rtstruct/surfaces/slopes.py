"""The way a surface takes between two planes.

Marching cubes put a shelf half-way between two layers wherever one of them is inside and the other is not.
Where the region goes on, wider or narrower, there is a slope instead, from the outline on one layer to the
outline on the other. It is taken as a stretched skin: the height of a vertex is the mean of its neighbours',
nearer ones counting more, with the outlines held fast. Where a part of the region ends, the skin is blown up
to a dome; only ends that are told to be flat stay so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.surfaces.cubes import RawSurface

_TOLERANCE = 0.005
_MOST_ROUNDS = 60
"""Ten suffice for slopes of twenty pixels; wider ones may stay a little bent."""
_NEAREST = 0.1
"""Neighbours nearer than this share of a pixel count as if they were so far away."""
_WITHIN = 0.499


@dataclass(frozen=True, eq=False)
class _Skin:
    """The equations of the heights of shelf vertices, in steps between layers.

    ``links`` (n, n) holds how much two of them count for each other, ``total`` (n,) the sum of all that
    count for each. ``held`` (n,) is what the outlines add, relative to half-way. ``piece`` (n,) numbers the
    shelves; ``below`` and ``above`` (pieces,) say whether one meets an outline on the layer below, and on the
    one above it.
    """

    links: csr_array
    total: NDArray[np.float64]
    held: NDArray[np.float64]
    piece: NDArray[np.int32]
    below: NDArray[np.bool_]
    above: NDArray[np.bool_]


def sloped(
    surface: RawSurface, outgoing: csr_array, pixel_mm: tuple[float, float], peaks: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the vertices of a surface (n, 3) with slopes and domes in the place of shelves.

    No vertex leaves the line between the two values it lies between, so the surface stays closed and does
    not cross itself.

    Parameters
    ----------
    outgoing
        Shape (n, n): ones where a side of a triangle joins two vertices.
    pixel_mm
        Distance between rows and between columns.
    peaks
        Shape (layers - 1,): how far ends rise into the gap above each layer, or hang down into it, as a share
        of it; 0 where they stay flat, half-way.
    """
    shelf = np.flatnonzero(surface.between)
    skin = _skin(surface, shelf, outgoing, np.array(pixel_mm, dtype=np.float32))
    gap = np.floor(surface.vertices[shelf, 0]).astype(np.intp)
    sloping = (skin.below & skin.above).take(skin.piece)
    peak = peaks.take(gap)
    ending = ~sloping & (peak > 0)
    heights = _solved(skin, np.where(sloping, skin.held, ending))
    heights[ending] = _domed(skin, heights, ending, peak[ending])
    vertices = surface.vertices.copy()
    vertices[shelf, 0] += np.where(sloping | ending, np.clip(heights, -_WITHIN, _WITHIN), 0)
    return vertices


def _solved(skin: _Skin, load: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the heights (n,) under a load, by conjugate gradients on the equations made alike in size.

    Written out, because scipy's own takes four times as long: it works in double precision and makes every
    vector anew.
    """
    scale = (1 / np.sqrt(skin.total)).astype(np.float32)
    shares = skin.links.data * np.repeat(scale, np.diff(skin.links.indptr)) * scale.take(skin.links.indices)
    links = csr_array((shares, skin.links.indices, skin.links.indptr), shape=skin.links.shape)
    rest = (load * scale).astype(np.float32)
    heights, way, left = np.zeros_like(rest), rest.copy(), _product(rest, rest)
    enough = left * _TOLERANCE**2
    for _ in range(_MOST_ROUNDS):
        if left <= enough:
            break
        pull = way - np.asarray(links @ way, dtype=np.float32)
        step = np.float32(left / _product(way, pull))
        heights += step * way
        rest -= step * pull
        before, left = left, _product(rest, rest)
        way *= np.float32(left / before)
        way += rest
    return heights * scale


def _product(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the scalar product, on this thread alone, as a linear algebra library might not."""
    return float(np.einsum("i,i", one, other))


def _domed(
    skin: _Skin, heights: NDArray[np.float32], ending: NDArray[np.bool_], peak: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the heights of ending shelves, relative to half-way, as domes of a height."""
    piece = skin.piece[ending]
    highest = np.zeros(len(skin.below), dtype=np.float32)
    np.maximum.at(highest, piece, heights[ending])
    risen = peak * heights[ending] / np.where(highest > 0, highest, 1).take(piece)
    return np.where(skin.below.take(piece), risen - 0.5, 0.5 - risen)


def _skin(
    surface: RawSurface, shelf: NDArray[np.intp], outgoing: csr_array, pixel_mm: NDArray[np.float32]
) -> _Skin:
    count = len(shelf)
    number = np.full(len(surface.vertices), -1, dtype=np.int32)
    number[shelf] = np.arange(count, dtype=np.int32)
    rows = outgoing[shelf]
    own = np.repeat(np.arange(count, dtype=np.int32), np.diff(rows.indptr))
    other = number.take(rows.indices)
    flat = surface.vertices[:, 1:] * pixel_mm
    apart = flat.take(shelf, axis=0).take(own, axis=0) - flat.take(rows.indices, axis=0)
    counts = 1 / np.sqrt(np.einsum("ij,ij->i", apart, apart) + (_NEAREST * pixel_mm.min()) ** 2)
    heights = surface.vertices[:, 0]
    risen = heights.take(rows.indices) - heights.take(shelf).take(own)
    linked = (other >= 0) & (risen == 0)
    links = csr_array((counts[linked], (own[linked], other[linked])), shape=(count, count))
    outline = other < 0
    own, counts, risen = own[outline], counts[outline].astype(np.float64), risen[outline]
    total = np.bincount(own, counts, minlength=count) + links.sum(axis=1)
    held = np.bincount(own, counts * risen, minlength=count)
    pieces, piece = connected_components(links, directed=False)
    met = np.bincount(piece.take(own), minlength=pieces)
    above = np.bincount(piece.take(own), risen > 0, minlength=pieces)
    return _Skin(links, total, held, piece, above < met, above > 0)
