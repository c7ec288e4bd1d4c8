"""The meshes as ``scene.html``: one page that turns them in a browser and needs nothing else.

The page (``viewer/``) draws with WebGL 2 and loads nothing: its policy allows its own script and style, by
their hashes, and no address at all. What comes from DICOM travels as JSON in a block that no browser runs,
and is shown as text. Large meshes are thinned by merging the vertices of small cubes: at the size of a screen
they look alike, and the page says so.
"""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from orthanc_plugins import __version__
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.rtstruct.pictures import region_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.results import RegionResult, Results

SCENE_NAME = "scene.html"
MOST_TRIANGLES = 600_000
"""In one page; nine bytes each make seven megabytes of base64."""
MOST_TRIANGLES_PER_REGION = 60_000

_VIEWER = Path(__file__).parent / "viewer"
_FULL = np.iinfo(np.uint16).max
_WELD_MM = 0.02
"""Corners of triangles within the same cube of this side are one vertex."""
_COARSER = 1.2
_THREADS = 2
_TOUCH_MM = 1.0
_STL_HEADER = 84
_STL_CORNERS = np.dtype({"names": ["corners"], "formats": [("<f4", (3, 3))], "offsets": [12], "itemsize": 50})
_SOLID, _AROUND_SOME, _AROUND_ALL = 1.0, 0.5, 0.2
"""Opacity of a region that encloses none, some, or all of the others."""


@dataclass(frozen=True, eq=False)
class _Surface:
    """A mesh for display: vertices (n, 3) in LPS mm, faces (m, 3), and whether it was thinned."""

    vertices_lps_mm: NDArray[np.float64]
    faces: NDArray[np.uint16]
    thinned: bool

    @property
    def low(self) -> NDArray[np.float64]:
        """Lowest x, y, z."""
        return np.asarray(self.vertices_lps_mm.min(axis=0))

    @property
    def high(self) -> NDArray[np.float64]:
        """Highest x, y, z."""
        return np.asarray(self.vertices_lps_mm.max(axis=0))

    def encloses(self, other: _Surface) -> bool:
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
            "faces": _base64(self.faces.astype("<u2")),
        }


def write_scene(folder: Path, results: Results) -> None:
    """Write ``scene.html``; it is there whole or not at all.

    Parameters
    ----------
    folder
        Folder of the results: meshes are found there by the paths that the results name.

    Raises
    ------
    OSError
        A mesh that the results name cannot be read, or the page cannot be written.
    """
    meshed = [region for region in results.regions if region.stl_path is not None]
    most = min(MOST_TRIANGLES_PER_REGION, MOST_TRIANGLES // max(1, len(meshed)))

    def surface(region: RegionResult) -> _Surface | None:
        return None if region.stl_path is None else _surface((folder / region.stl_path).read_bytes(), most)

    with ThreadPoolExecutor(_THREADS) as pool:
        surfaces = list(pool.map(surface, results.regions))
    write_whole(folder / SCENE_NAME, _page(_scene(results, surfaces)))


def _surface(stl: bytes, most: int) -> _Surface | None:
    """Return the mesh of a binary STL file with at most so many triangles, None when it holds none."""
    corners = np.ascontiguousarray(np.frombuffer(stl, dtype=_STL_CORNERS, offset=_STL_HEADER)["corners"])
    if len(corners) == 0:
        return None
    thinned = len(corners) > most
    cell = _cell_mm(corners, most) if thinned else _WELD_MM
    vertices, faces = _merged(corners, cell)
    while len(faces) > most or len(vertices) > _FULL:
        thinned, cell = True, cell * _COARSER
        vertices, faces = _merged(corners, cell)
    return _Surface(vertices, faces.astype(np.uint16), thinned) if len(faces) else None


def _cell_mm(corners: NDArray[np.float32], most: int) -> float:
    """Return the side of cubes that leave about so many triangles: two or three a cube the surface meets."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    twice_area_mm2 = float(np.sqrt((normals**2).sum(axis=1)).sum())
    return max(_WELD_MM, float(np.sqrt(1.3 * twice_area_mm2 / most)))


def _merged(corners: NDArray[np.float32], cell_mm: float) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return vertices and faces of triangles whose corners in one cube of a lattice become their mean.

    Parameters
    ----------
    corners
        Shape (m, 3, 3): triangle, corner, axis.
    """
    points = corners.reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, z = (((points[:, axis] - low[axis]) / cell_mm).astype(np.int64) for axis in range(3))
    _, rows, layers = ((high - low) / cell_mm).astype(np.int64) + 1
    keys = (x * rows + y) * layers + z
    _, vertex, counts = np.unique(keys, return_inverse=True, return_counts=True)
    vertices = np.column_stack([np.bincount(vertex, points[:, axis]) / counts for axis in range(3)])
    faces = vertex.reshape(-1, 3)
    a, b, c = faces.T
    return vertices, faces[(a != b) & (b != c) & (c != a)]


def _scene(results: Results, surfaces: Sequence[_Surface | None]) -> dict[str, Any]:
    """Return what the page shows."""
    drawn = [surface for surface in surfaces if surface is not None]
    low = np.min([surface.low for surface in drawn], axis=0) if drawn else np.zeros(3)
    high = np.max([surface.high for surface in drawn], axis=0) if drawn else np.zeros(3)
    return {
        "software": f"Orthanc PACS Suite {__version__}",
        "sources": {
            "Structure set": results.sources.structure_set_label or "without a label",
            "SOP Instance UID": results.sources.structure_set_uid,
        },
        "simplified": any(surface.thinned for surface in drawn),
        "box": {"low_lps_mm": low.tolist(), "high_lps_mm": high.tolist()},
        "regions": [
            {
                "number": region.number,
                "name": region.name,
                "state": region.state,
                "colour": region_colour(region.colour, region.number),
                "volume_cc": region.volume_cc,
                "opacity": None if surface is None else _opacity(region, surface, drawn),
                "size": None if surface is None else float(np.prod(surface.high - surface.low)),
                "mesh": None if surface is None else surface.packed(),
            }
            for region, surface in zip(results.regions, surfaces, strict=True)
        ],
    }


def _opacity(region: RegionResult, surface: _Surface, drawn: Sequence[_Surface]) -> float:
    """Return how solid a region is at first: what stands around others lets them be seen."""
    enclosed = [surface.encloses(other) for other in drawn if other is not surface]
    if region.interpreted_type == "EXTERNAL" or (enclosed and all(enclosed)):
        return _AROUND_ALL
    return _AROUND_SOME if any(enclosed) else _SOLID


def _page(scene: dict[str, Any]) -> bytes:
    """Return the page; the scene's JSON holds no ``<``, so nothing in it can end its block."""
    page, style, script = (
        (_VIEWER / name).read_text("utf-8") for name in ("scene.html", "scene.css", "scene.js")
    )
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    content = orjson.dumps(scene).decode().replace("<", "\\u003c")
    return Template(page).substitute(policy=policy, style=style, script=script, scene=content).encode()


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _base64(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()
