"""The meshes as ``scene.html``: one page that turns them in a browser and needs nothing else.

The page (``viewer/``) draws with WebGL 2 and loads nothing: its policy allows its own script and style, by
their hashes, and no address at all. What comes from DICOM travels as JSON in a block that no browser runs,
and is shown as text. Large meshes are thinned (`display_mesh`), and the page says so.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from orthanc_plugins import __version__
from orthanc_plugins.rtstruct.documents.display_mesh import (
    DisplayMesh,
    display_mesh,
    most_triangles,
    stl_triangles,
)
from orthanc_plugins.rtstruct.drawing.pictures import region_colour
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.rtstruct.files import SCENE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.rtstruct.results import RegionResult, Results

_VIEWER = Path(__file__).parent / "viewer"
_SOLID, _AROUND_SOME, _AROUND_ALL = 1.0, 0.5, 0.2
"""Opacity of a region that encloses none, some, or all of the others."""


def write_scene(folder: Path, results: Results, meshes: Mapping[str, DisplayMesh] | None = None) -> None:
    """Write ``scene.html``; it is there whole or not at all.

    Parameters
    ----------
    folder
        Folder of the results: meshes are found there by the paths that the results name.
    meshes
        Meshes for display that were made already, by those paths; the others are made of the files.

    Raises
    ------
    OSError
        A mesh that the results name cannot be read, or the page cannot be written.
    """
    most = most_triangles(sum(region.stl_path is not None for region in results.regions))

    def surface(region: RegionResult) -> DisplayMesh | None:
        if region.stl_path is None:
            return None
        if meshes is not None and region.stl_path in meshes:
            return meshes[region.stl_path]
        return display_mesh(*stl_triangles((folder / region.stl_path).read_bytes()), most)

    write_whole(folder / SCENE_NAME, _page(_scene(results, [surface(region) for region in results.regions])))


def _scene(results: Results, surfaces: Sequence[DisplayMesh | None]) -> dict[str, Any]:
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


def _opacity(region: RegionResult, surface: DisplayMesh, drawn: Sequence[DisplayMesh]) -> float:
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
