"""What can be chosen of an extraction, by name: formats, detail and frame of meshes, metrics of doses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

type MeshFormat = Literal["stl", "obj", "ply", "glb"]
type Format = Literal["nifti", "stl", "json", "png", "pdf", "html", "obj", "ply", "glb"]
type MeshDetail = Literal["full", "medium", "low"]
type MeshFrame = Literal["LPS", "RAS"]

DEFAULT_FORMATS: tuple[Format, ...] = ("nifti", "stl", "json", "png", "pdf", "html")
"""What is made unless something else is asked for."""
FORMATS: tuple[Format, ...] = (*DEFAULT_FORMATS, "obj", "ply", "glb")
"""All there are. `write_documents` makes the contours of ``json``, the report and the scene, the `Exporter`
the others.
"""
MESH_FORMATS: tuple[MeshFormat, ...] = ("stl", "obj", "ply", "glb")
WITH_SURFACES: frozenset[Format] = frozenset({*MESH_FORMATS, "json", "pdf", "html"})
"""Formats that hold a surface or its measures."""
WITH_INTENSITIES: frozenset[Format] = frozenset({"json", "png", "pdf"})
"""Formats that hold pixels or their statistics."""
WITH_SHAPES: frozenset[Format] = frozenset({"json", "pdf"})
"""Formats that hold a region's shape."""
WITH_DOSES: frozenset[Format] = frozenset({"json", "png", "pdf"})
"""Formats that hold what regions receive of doses: numbers, curves, a page of both."""
MESH_DETAILS: tuple[MeshDetail, ...] = ("full", "medium", "low")
MESH_FRAMES: tuple[MeshFrame, ...] = ("LPS", "RAS")
DOSE_METRICS = ("D98%", "D95%", "D50%", "D2%", "D1cc", "D0.1cc", "V5Gy", "V10Gy", "V20Gy")
"""What is read from every histogram unless asked otherwise."""

_SHOWS: dict[Format, Format] = {"pdf": "png", "html": "stl"}
"""The files that a document is made of: the report of pictures, the scene of meshes."""


def with_needed(formats: Iterable[Format]) -> frozenset[Format]:
    """Return formats and those of the files that their documents are made of.

    >>> sorted(with_needed(["json", "pdf"]))
    ['json', 'pdf', 'png']
    """
    asked = frozenset(formats)
    return asked | {needed for document, needed in _SHOWS.items() if document in asked}
