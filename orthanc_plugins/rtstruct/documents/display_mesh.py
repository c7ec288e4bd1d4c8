"""Meshes as a screen needs them: few triangles, sixteen bits a number, no larger than asked.

Large meshes are thinned by merging the vertices of small cubes: at the size of a screen they look alike.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Vertices = NDArray[np.float32] | NDArray[np.float64]
    type Faces = NDArray[np.int32] | NDArray[np.intp]

MOST_TRIANGLES = 600_000
"""In one page; nine bytes each make seven megabytes of base64."""
MOST_TRIANGLES_PER_REGION = 60_000

_FULL = np.iinfo(np.uint16).max
_PER_AREA = 1.25
"""Cubes of side h leave at most about 2.5 triangles for each h² of a surface, whichever way it lies."""
_COARSER = 1.15
_SAMPLED = 20_000
"""Of larger meshes the area is taken from about so many triangles."""
_TABLE = 8_000_000
"""Lattices of more cubes are searched by sorting, not by a table of their cubes."""
_TOUCH_MM = 1.0
_STL_HEADER = 84
_STL_RAS = b"FRAME=RAS"
_STL_CORNERS = np.dtype({"names": ["corners"], "formats": [("<f4", (3, 3))], "offsets": [12], "itemsize": 50})


@dataclass(frozen=True, eq=False, repr=False)
class DisplayMesh(Brief):
    """A mesh for display: vertices (n, 3) in LPS mm, faces (m, 3), and whether it was thinned."""

    vertices_lps_mm: Vertices
    faces: NDArray[np.uint16]
    thinned: bool

    @cached_property
    def low(self) -> NDArray[np.float64]:
        """Lowest x, y, z."""
        return np.asarray(self.vertices_lps_mm.min(axis=0), dtype=np.float64)

    @cached_property
    def high(self) -> NDArray[np.float64]:
        """Highest x, y, z."""
        return np.asarray(self.vertices_lps_mm.max(axis=0), dtype=np.float64)

    def encloses(self, other: DisplayMesh) -> bool:
        """Return whether the other's bounding box lies within this one's, give or take a little."""
        return bool((self.low <= other.low + _TOUCH_MM).all() and (self.high >= other.high - _TOUCH_MM).all())

    def packed(self) -> dict[str, Any]:
        """Return the mesh as the page reads it: sixteen bits a coordinate, of its own bounding box."""
        step = (self.high - self.low) / _FULL
        places = np.rint((self.vertices_lps_mm - self.low) / np.where(step > 0, step, 1))
        return {
            "low_lps_mm": self.low.tolist(),
            "step_mm": step.tolist(),
            "vertices": _base64(places.astype("<u2")),
            "faces": _base64(self.faces.astype("<u2", copy=False)),
        }


def most_triangles(meshes: int) -> int:
    """Return how many triangles each of so many meshes of a page may have."""
    return min(MOST_TRIANGLES_PER_REGION, MOST_TRIANGLES // max(1, meshes))


def display_mesh(vertices_lps_mm: Vertices, faces: Faces, most: int) -> DisplayMesh | None:
    """Return a mesh with at most so many triangles, and vertices that sixteen bits can number; None of none.

    Parameters
    ----------
    vertices_lps_mm
        Shape (n, 3).
    faces
        Shape (m, 3): numbers of vertices.
    """
    if len(faces) == 0:
        return None
    thinned = False
    cell_mm = _cell_mm(vertices_lps_mm, faces, most)
    fewer, kept = vertices_lps_mm, faces
    while len(kept) > most or len(fewer) > _FULL:
        fewer, kept = _merged(vertices_lps_mm, faces, cell_mm)
        thinned, cell_mm = True, cell_mm * _COARSER
    return DisplayMesh(fewer, kept.astype(np.uint16), thinned) if len(kept) else None


def stl_triangles(content: bytes) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return vertices and faces in LPS mm of a binary STL file; corners at the same place are one vertex."""
    corners = np.frombuffer(content, dtype=_STL_CORNERS, offset=_STL_HEADER)["corners"]
    points = np.ascontiguousarray(corners).reshape(-1, 3) + np.float32(0)  # of the two zeros only one
    _, first, vertex = np.unique(points.view("V12").ravel(), return_index=True, return_inverse=True)
    vertices = points[first]
    if _STL_RAS in content[:_STL_HEADER]:
        vertices[:, :2] *= -1
    return vertices, vertex.reshape(-1, 3)


def _cell_mm(vertices: Vertices, faces: Faces, most: int) -> float:
    """Return the side of cubes that leave about so many triangles."""
    stride = -(-len(faces) // _SAMPLED)
    a, b, c = (vertices[faces[::stride, corner]] for corner in range(3))
    twice_area_mm2 = stride * float(np.sqrt((np.cross(b - a, c - a) ** 2).sum(axis=1)).sum())
    extent_mm = float(np.ptp(vertices, axis=0).max())
    smallest_mm = max(extent_mm / _FULL, float(np.finfo(np.float32).tiny))
    return max(float(np.sqrt(_PER_AREA * twice_area_mm2 / most)), smallest_mm)


def _merged(vertices: Vertices, faces: Faces, cell_mm: float) -> tuple[Vertices, Faces]:
    """Return the mesh after the vertices in each cube of a lattice became their mean."""
    low = vertices.min(axis=0)
    x, y, z = (((vertices[:, axis] - low[axis]) / cell_mm).astype(np.int64) for axis in range(3))
    columns, rows, layers = (int(place.max()) + 1 for place in (x, y, z))
    vertex, counts = _numbered((x * rows + y) * layers + z, columns * rows * layers)
    means = np.column_stack([np.bincount(vertex, vertices[:, axis]) / counts for axis in range(3)])
    merged = vertex[faces]
    a, b, c = merged.T
    return means, merged[(a != b) & (b != c) & (c != a)]


def _numbered(keys: NDArray[np.int64], bound: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for each key the place of its value among all values, and how often each value occurs."""
    if bound > _TABLE:
        _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return place, counts
    counts = np.bincount(keys, minlength=bound)
    used = counts > 0
    places = np.cumsum(used) - 1
    return places[keys], counts[used]


def _base64(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
