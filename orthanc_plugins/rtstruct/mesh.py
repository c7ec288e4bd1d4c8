"""Closed, smooth surfaces of regions, in patient millimetres.

Marching cubes at one half of the coverage field, padded by nothing, so that the surface is closed and its
caps lie half a slice beyond the last contours, as planimetry counts them. Then Taubin smoothing, which
takes the steps off without shrinking the body (Taubin 1995). The area of a mask's own staircase would be
eight per cent and more too large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.raster import FULL, coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from orthanc_plugins.rtstruct.placing import PlacedRegion
    from orthanc_plugins.rtstruct.raster import Box

SMOOTHING_STEPS = 20
_SHRINK, _GROW = 0.5, -0.53
_LEVEL = FULL / 2 + 0.5
"""Between two whole numbers: no voxel lies on the surface, so no triangle degenerates to a point."""
_LARGE = 12_000_000
"""Boxes of more voxels than this are halved in plane before their surface is taken."""
_STL_HEADER = 80
_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle surface, oriented outward.

    ``vertices_lps_mm`` has shape (n, 3); ``faces`` (m, 3) holds vertex numbers, anticlockwise seen from
    outside. ``closed`` says that every edge belongs to two triangles that run it in opposite directions.
    ``parts`` counts the pieces, ``cavities`` the hollows that no piece's outside reaches. ``volume_ml`` is
    the enclosed volume by the divergence theorem, ``surface_cm2`` the area.
    """

    vertices_lps_mm: NDArray[np.float32]
    faces: NDArray[np.int32]
    closed: bool
    parts: int
    cavities: int
    volume_ml: float
    surface_cm2: float


def mesh(placed: PlacedRegion, smoothing_steps: int = SMOOTHING_STEPS) -> Mesh | None:
    """Return the surface of a region, None where it covers half of no voxel.

    Raises
    ------
    GeometryError
        The contours are too entangled to be filled.
    """
    covered = coverage(placed)
    if covered is None:
        return None
    field, offset = covered
    field, step = _halved(field)
    padded = np.pad(field, 1)
    if int(padded.max()) <= _LEVEL:
        return None
    vertices, faces = _extracted(padded)
    indices = _unpadded(vertices, offset, step)
    points = placed.grid.planes_to_patient(indices)
    centre = points.mean(axis=0)
    edges = _edges(faces, len(points))
    smooth = _taubin((points - centre).astype(np.float32), edges, smoothing_steps)
    normals, volumes_mm3 = _triangles(smooth, faces)
    if volumes_mm3.sum() < 0:
        faces, volumes_mm3 = faces[:, ::-1], -volumes_mm3
    parts, cavities = _shells(edges, faces, volumes_mm3)
    return Mesh(
        vertices_lps_mm=(smooth + centre).astype(np.float32),
        faces=np.ascontiguousarray(faces, dtype=np.int32),
        closed=_is_closed(edges),
        parts=parts,
        cavities=cavities,
        volume_ml=float(volumes_mm3.sum(dtype=np.float64)) / 1000,
        surface_cm2=float(np.sqrt((normals**2).sum(axis=1)).sum(dtype=np.float64)) / 200,
    )


def _extracted(field: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return vertices (n, 3) in cells of the field, and faces (m, 3), of its surface at one half."""
    from skimage.measure import marching_cubes  # noqa: PLC0415 - masks alone need not wait for it

    found = marching_cubes(field, _LEVEL, allow_degenerate=False)  # type: ignore[no-untyped-call]
    return found[0], found[1]


def _halved(field: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return the field and how many pixels one of its cells spans: one, or two where it is very large."""
    if field.size <= _LARGE:
        return field, 1
    slices, rows, columns = field.shape
    even = np.pad(field, ((0, 0), (0, rows % 2), (0, columns % 2))).astype(np.uint16)
    total = even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]
    return ((total + 2) // 4).astype(np.uint8).reshape(slices, (rows + 1) // 2, -1), 2


def _unpadded(vertices: NDArray[np.float32], offset: Box, step: int) -> NDArray[np.float64]:
    """Return plane, row and column on the grid of vertices of the padded, perhaps halved, box."""
    cells = vertices.astype(np.float64) - 1
    cells[:, 1:] = cells[:, 1:] * step + (step - 1) / 2
    indices: NDArray[np.float64] = cells + np.array(offset)
    return indices


def _edges(faces: NDArray[np.int32], count: int) -> csr_array:
    """Return the directed edges of a mesh as a sparse matrix (count, count) of how often each one occurs."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - a tenth of a second, not for masks alone

    start = faces.reshape(-1)
    stop = faces[:, [1, 2, 0]].reshape(-1)
    ones = np.ones(len(start), dtype=np.float32)
    return csr_array((ones, (start, stop)), shape=(count, count))


def _is_closed(edges: csr_array) -> bool:
    """Return whether every edge occurs once in each direction."""
    if float(edges.data.max()) > 1:
        return False
    difference = edges - edges.T
    return bool(np.count_nonzero(difference.data) == 0)


def _triangles(
    vertices: NDArray[np.float32], faces: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each triangle's normal, twice its area long (m, 3), and the signed volume under it (m,) in mm³.

    Vertices are near the origin, so that single precision is enough.
    """
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    u, v = b - a, c - a
    normals = np.empty_like(u)
    for axis in range(3):
        second, third = (axis + 1) % 3, (axis + 2) % 3
        normals[:, axis] = u[:, second] * v[:, third] - u[:, third] * v[:, second]
    volumes: NDArray[np.float32] = (normals * a).sum(axis=1) / np.float32(6)
    return normals, volumes


def _shells(edges: csr_array, faces: NDArray[np.int32], volumes_mm3: NDArray[np.float32]) -> tuple[int, int]:
    """Return how many connected surfaces enclose volume, and how many enclose a hollow (facing inward)."""
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - as above

    count, shell = connected_components(edges, directed=False)
    volumes = np.bincount(shell[faces[:, 0]], weights=volumes_mm3, minlength=count)
    return int(np.count_nonzero(volumes > 0)), int(np.count_nonzero(volumes < 0))


def _taubin(points: NDArray[np.float32], edges: csr_array, steps: int) -> NDArray[np.float32]:
    """Return points (n, 3) after smoothing, each step a shrinking and a growing move.

    A move goes towards, or away from, the mean of a point's neighbours.
    """
    degree = np.asarray(edges.sum(axis=1), dtype=np.float32).reshape(-1)
    mean = edges.copy()
    mean.data /= np.repeat(np.maximum(degree, 1), np.diff(edges.indptr))
    for _ in range(steps):
        for factor in (_SHRINK, _GROW):
            points = points + np.float32(factor) * (mean @ points - points)
    return points


def stl_bytes(surface: Mesh, comment: str = "") -> bytes:
    """Return a mesh as binary STL, coordinates in mm, LPS, as its header says.

    The comment must be ASCII and is cut to the header's length; it never begins with ``solid``, which readers
    take for the text format.
    """
    normals, _ = _triangles(surface.vertices_lps_mm, surface.faces)
    lengths = np.sqrt((normals**2).sum(axis=1, keepdims=True))
    triangles = np.zeros(len(surface.faces), dtype=_STL_TRIANGLE)
    triangles["normal"] = normals / np.where(lengths > 0, lengths, 1)
    triangles["corners"] = surface.vertices_lps_mm[surface.faces]
    header = f"binary STL; UNITS=mm; FRAME=LPS; {comment}".encode("ascii", "replace")[:_STL_HEADER]
    return header.ljust(_STL_HEADER) + len(surface.faces).to_bytes(4, "little") + triangles.tobytes()
