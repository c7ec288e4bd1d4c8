"""Closed, smooth surfaces of regions, in patient millimetres.

The surface passes where the coverage of pixels says on the planes of contours, and takes the straightest way
between them. A region that ends abruptly ends flat, half a slab beyond its last contour, as planimetry counts
it; one that tapers ends in a dome as high as its last sections foretell (`surfaces.layers`,
`surfaces.cubes`, `surfaces.slopes`). Taubin's filter takes the rest of the steps off (`surfaces.smoothing`).
What volume all this adds or takes is made good by moving the whole surface along its normals.

The triangles of each cell stay in their cell, so before the filter nothing crosses. The filter and the move
only shift vertices: closed stays closed. That nothing crosses after them is tested, not proven: it could
where two sheets are closer than the vertices move, which is a fraction of a cell.

Scipy is loaded by the first mesh: a tenth of a second that masks alone need not wait for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.placing import NO_PLANE
from orthanc_plugins.rtstruct.geometry.raster import FULL, coverage
from orthanc_plugins.rtstruct.geometry.scan import next_points
from orthanc_plugins.rtstruct.surfaces.cubes import surface_of
from orthanc_plugins.rtstruct.surfaces.layers import Layers, layers_of, slabs_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from orthanc_plugins.rtstruct.choices import MeshDetail
    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.raster import Box

type Vectors = NDArray[np.float32]

CELL_MM: dict[MeshDetail, float] = {"full": 1.2, "medium": 2.5, "low": 5.0}
"""The longest side, in the plane, of the cells a surface is made of.

Pixels are divided until they are no longer. Full detail never joins pixels unless the box is very large; the
others do while the cells stay no longer.
"""
SMOOTHING_STEPS = 2
VOLUME_BOUND = 0.001
"""How much, as a share, a mesh may differ from its contours before it is moved along its normals."""
LOST = 0.05
"""Where whole cells cover so much more or less than the region, it is thin: finer ones are taken."""
_LARGE = 12_000_000
"""Boxes of more cells than this are made of larger ones."""
_WORTH_DIVIDING = 2_000_000
"""Pixels are not divided into more cells than this: corners and rims, where it matters, are a small share of
so large a surface.
"""
_FINEST = 4
_ROUNDS = 4
_LONGEST_MOVE = 0.25
"""Of a cell's shortest side, in one round."""


@dataclass(frozen=True, eq=False, repr=False)
class Mesh(Brief):
    """A triangle surface, oriented outward.

    ``vertices_lps_mm`` has shape (n, 3); ``faces`` (m, 3) holds vertex numbers, anticlockwise seen from
    outside. ``closed`` says that every edge belongs to two triangles that run it in opposite directions.
    ``parts`` counts the pieces, ``cavities`` the hollows that no piece's outside reaches, ``tunnels`` the
    holes that go through, as a ring has one (by Euler's characteristic). ``volume_ml`` is the enclosed volume
    by the divergence theorem, ``surface_cm2`` the area.
    """

    vertices_lps_mm: NDArray[np.float32]
    faces: NDArray[np.int32]
    closed: bool
    parts: int
    cavities: int
    tunnels: int
    volume_ml: float
    surface_cm2: float


@dataclass(frozen=True, eq=False)
class _Draft:
    """A surface near the origin: points (n, 3) in mm, LPS directions, from ``anchor_lps_mm``."""

    points: Vectors
    faces: NDArray[np.int32]
    outgoing: csr_array
    incoming: csr_array
    anchor_lps_mm: NDArray[np.float64]

    @cached_property
    def normals(self) -> Vectors:
        """Outward normals of the triangles (m, 3), twice their area long."""
        return twice_normals(self.points, self.faces)

    @cached_property
    def volumes_mm3(self) -> Vectors:
        """Signed volume under each triangle (m,); near the origin single precision is enough."""
        corner = self.points.take(self.faces[:, 0], axis=0)
        return np.asarray(np.einsum("ij,ij->i", self.normals, corner) / np.float32(6))

    @cached_property
    def volume_mm3(self) -> float:
        """The volume within."""
        return float(self.volumes_mm3.sum(dtype=np.float64))

    @cached_property
    def area_mm2(self) -> float:
        """The area of all triangles."""
        return float(_lengths(self.normals).sum(dtype=np.float64)) / 2


@dataclass(frozen=True, eq=False)
class _Attempt:
    """A surface made of cells of one size, the volume it should hold, and if nothing thin was lost."""

    draft: _Draft
    target_mm3: float
    longest_move_mm: float
    is_whole: bool


def mesh(
    placed: PlacedRegion, detail: MeshDetail = "full", *, smoothing_steps: int = SMOOTHING_STEPS
) -> Mesh | None:
    """Return the surface of a region in LPS mm, None where it covers half of no cell however fine.

    Parameters
    ----------
    placed
        As `place` gives it; only contours that lie on planes of the grid have a surface, clipped where the
        images end.
    detail
        Cells of at most 1.2 (``full``), 2.5 (``medium``) or 5 mm (``low``) in the plane: see `CELL_MM`.
    smoothing_steps
        How many steps of Taubin's filter; none leaves the surface as the cells give it.

    Raises
    ------
    GeometryError
        The contours are too entangled to be filled.
    """
    on_planes = placed.chosen(placed.plane != NO_PLANE)
    if not len(on_planes.plane):
        return None
    scale = _scale(on_planes, detail)
    coarsest, best = scale, None
    while scale <= _FINEST * max(1.0, coarsest):
        best = _smooth_surface(on_planes, scale, smoothing_steps) or best
        if best is not None and (best.is_whole or _cells(on_planes, 2 * scale) > _LARGE):
            break
        scale *= 2
    return None if best is None else _finished(_of_volume(best.draft, best.target_mm3, best.longest_move_mm))


def _cells(placed: PlacedRegion, scale: float) -> float:
    """Return how many cells the box of a region has at a scale."""
    columns, rows = np.ptp(placed.points_px, axis=0) * scale + 3
    return float(columns * rows) * (int(np.ptp(placed.plane)) + 2)


def _scale(placed: PlacedRegion, detail: MeshDetail) -> float:
    """Return how many cells a pixel's side is divided into; a half and so on where pixels are joined."""
    pixel_mm = max(placed.grid.spacing_mm[1:])
    scale = float(math.ceil(pixel_mm / CELL_MM[detail]))
    while scale > 1 and _cells(placed, scale) > _WORTH_DIVIDING:
        scale = float(math.ceil(scale / 2))
    while (detail != "full" and pixel_mm / scale * 2 <= CELL_MM[detail]) or _cells(placed, scale) > _LARGE:
        scale /= 2
    return scale


def _smooth_surface(placed: PlacedRegion, scale: float, steps: int) -> _Attempt | None:
    """Return the surface made of cells of a size, and the volume in mm³ that it should hold."""
    from orthanc_plugins.rtstruct.surfaces import slopes, smoothing, topology  # noqa: PLC0415 - see above

    covered = coverage(placed, scale)
    if covered is None:
        return None
    field, offset = covered
    if int(field.max()) <= FULL // 2:
        return None
    grid = placed.grid
    areas_mm2 = _areas_mm2(placed, field, offset[0], scale)
    layers = layers_of(grid, offset[0], areas_mm2, _thickness_mm(placed, areas_mm2, offset[0]))
    surface = surface_of(field, FULL, layers.planes)
    _, down, across = grid.spacing_mm
    shown_mm2 = np.count_nonzero(field > FULL // 2) * down * across / scale**2
    is_whole = abs(shown_mm2 - areas_mm2.sum()) <= LOST * areas_mm2.sum()
    del field
    outgoing, incoming = topology.in_order(topology.sides(surface.faces, len(surface.vertices)))
    vertices = slopes.sloped(surface, outgoing, (down / scale, across / scale), layers.peaks)
    points, anchor = _near_origin(vertices, layers, offset, grid, scale)
    faces = surface.faces
    if np.linalg.det(grid.steps_lps_mm) > 0:  # slice, row, column; faces are told of column, row, slice
        faces = np.ascontiguousarray(faces[:, ::-1])
        outgoing, incoming = incoming, outgoing
    points = smoothing.smoothed(points, topology.mean_of_neighbours(outgoing), steps)
    below, above, _ = slabs_of(grid)
    target_mm3 = float((areas_mm2 * (below + above)[offset[0] : offset[0] + len(areas_mm2)]).sum())
    cell_mm = min(down, across, grid.spacing_mm[0]) / max(1.0, scale)
    draft = _Draft(points, faces, outgoing, incoming, anchor)
    return _Attempt(draft, target_mm3, _LONGEST_MOVE * cell_mm, bool(is_whole))


def _areas_mm2(
    placed: PlacedRegion, field: NDArray[np.uint8], first: int, scale: float
) -> NDArray[np.float64]:
    """Return the area of the region on each plane of its field; within the images, where it is clipped."""
    _, down, across = placed.grid.spacing_mm
    _, rows, columns = placed.grid.shape
    low, high = placed.points_px.min(axis=0), placed.points_px.max(axis=0)
    if (low < -0.5).any() or (high > (columns - 0.5, rows - 0.5)).any():  # noqa: PLR2004 - a pixel's edge
        covered = field.reshape(len(field), -1).sum(axis=1, dtype=np.uint32)
        return np.asarray(covered / (FULL * scale**2) * down * across)
    return np.bincount(placed.plane - first, placed.area_mm2, minlength=len(field))


def _thickness_mm(placed: PlacedRegion, areas_mm2: NDArray[np.float64], first: int) -> NDArray[np.float64]:
    """Return the area of the section on each plane by its outline's length.

    The length is that of the outline's shadows on rows and columns: outlines traced along pixels are as long
    as smooth ones.
    """
    following = next_points(placed.starts)
    steps_mm = np.abs(placed.points_px[following] - placed.points_px) @ placed.grid.spacing_mm[:0:-1]
    rings_mm = np.add.reduceat(steps_mm, placed.starts[:-1])
    outline_mm = np.bincount(placed.plane - first, rings_mm, minlength=len(areas_mm2))
    return np.divide(areas_mm2, outline_mm, out=np.zeros_like(areas_mm2), where=outline_mm > 0)


def _near_origin(
    vertices: Vectors, layers: Layers, offset: Box, grid: VoxelGrid, scale: float
) -> tuple[Vectors, NDArray[np.float64]]:
    """Return points (n, 3) in mm about their middle, and where that is, of vertices in layers and cells."""
    gap = grid.spacing_mm[0]
    slices = (layers.heights_mm - float(np.dot(grid.origin_lps_mm, grid.normal))) / gap
    base = np.array((slices[0], offset[1] / scale - 0.5, offset[2] / scale - 0.5))
    relative = (vertices + np.float32(0.5)) / np.float32(scale)
    relative[:, 0] = np.interp(vertices[:, 0], np.arange(len(slices)), slices - slices[0])
    middle = relative.mean(axis=0, dtype=np.float64)
    relative -= middle.astype(np.float32)
    k, j, i = relative.T
    steps = grid.steps_lps_mm.astype(np.float32)
    points = np.stack([k * steps[0, axis] + j * steps[1, axis] + i * steps[2, axis] for axis in range(3)], 1)
    return points, grid.to_patient((base + middle)[None])[0]


def _of_volume(draft: _Draft, target_mm3: float, longest_mm: float) -> _Draft:
    """Return the surface moved along its normals until it holds a volume within `VOLUME_BOUND`."""
    from orthanc_plugins.rtstruct.surfaces import topology  # noqa: PLC0415 - see above

    for _ in range(_ROUNDS):
        missing = target_mm3 - draft.volume_mm3
        if abs(missing) <= VOLUME_BOUND * target_mm3 or not draft.area_mm2 > 0:
            break
        outward = topology.at_vertices(draft.normals, draft.faces, len(draft.points))
        lengths = _lengths(outward)[:, None]
        move = np.float32(np.clip(missing / draft.area_mm2, -longest_mm, longest_mm))
        outward *= move / np.where(lengths > 0, lengths, np.float32(1))
        draft = replace(draft, points=draft.points + outward)
    return draft


def _finished(draft: _Draft) -> Mesh:
    """Return the mesh with what is counted and measured of it."""
    from orthanc_plugins.rtstruct.surfaces import topology  # noqa: PLC0415 - see above

    count, shell = topology.shells(draft.outgoing)
    held = np.bincount(shell.take(draft.faces[:, 0]), weights=draft.volumes_mm3, minlength=count)
    return Mesh(
        vertices_lps_mm=(draft.points + draft.anchor_lps_mm).astype(np.float32),
        faces=draft.faces,
        closed=topology.is_closed(draft.outgoing, draft.incoming),
        parts=int(np.count_nonzero(held > 0)),
        cavities=int(np.count_nonzero(held < 0)),
        tunnels=topology.tunnels(len(draft.points), len(draft.faces), count),
        volume_ml=draft.volume_mm3 / 1000,
        surface_cm2=draft.area_mm2 / 100,
    )


def twice_normals(points: Vectors, faces: NDArray[np.int32]) -> Vectors:
    """Return each triangle's outward normal, twice its area long (m, 3)."""
    a, b, c = (points.take(faces[:, corner], axis=0) for corner in range(3))
    b -= a
    c -= a
    normals = np.empty_like(b)
    for axis in range(3):
        second, third = (axis + 1) % 3, (axis + 2) % 3
        normals[:, axis] = b[:, second] * c[:, third] - b[:, third] * c[:, second]
    return normals


def _lengths(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return lengths
