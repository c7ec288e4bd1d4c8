"""Meshes as files: STL, OBJ, PLY and GLB. Each says its unit and frame in its own header."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import orjson

from orthanc_plugins.rtstruct.surfaces.meshes import twice_normals

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.choices import MeshFormat, MeshFrame
    from orthanc_plugins.rtstruct.drawing.pictures import Colour
    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

MESH_UNIT = "mm"
_STL_HEADER = 80
_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_STRETCH = 1 << 14
"""So many triangles are written at a time: what is made on the way stays in the processor's cache."""
_PLY_VERTEX = np.dtype([("place", "<f4", 3), ("colour", "u1", 3)])
_PLY_FACE = np.dtype([("count", "u1"), ("vertices", "<i4", 3)])
_GLB_MAGIC, _GLB_VERSION, _GLB_JSON, _GLB_BINARY = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_FLOAT, _UNSIGNED, _VERTICES, _INDICES = 5126, 5125, 34962, 34963
_GAMMA = 2.2
_TO_METRES_Y_UP = {
    "LPS": [0.001, 0, 0, 0, 0, 0, -0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1],
    "RAS": [-0.001, 0, 0, 0, 0, 0, 0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1],
}
"""Column by column: to the patient's left, head and front, in metres, as glTF wants x, y and z."""


def mesh_bytes(kind: MeshFormat, surface: Mesh, name: str, colour: Colour, frame: MeshFrame) -> bytes:
    """Return a mesh as a file.

    Parameters
    ----------
    name
        What the mesh is called in the file; cut, and made ASCII, where the format asks for it.
    colour
        Red, green and blue, 0 to 255; kept by PLY and GLB.
    frame
        Directions of x, y, z in the file: left, back, head (LPS) or right, front, head (RAS). Always mm; the
        node of a GLB takes them to glTF's own metres and axes.
    """
    return _WRITERS[kind](surface, name, colour, frame)


def stl_bytes(surface: Mesh, comment: str = "", frame: MeshFrame = "LPS") -> bytes:
    """Return a mesh as the bytes of a binary STL file, in mm.

    Parameters
    ----------
    surface
        As `mesh` gives it; its outward normals stand beside each triangle.
    comment
        Stands in the 80 bytes of the header behind unit and frame, made ASCII and cut. The header never
        begins with ``solid``, which readers take for the text format.
    frame
        Directions of x, y, z in the file: left, back, head (LPS) or right, front, head (RAS).
    """
    header = f"binary STL; UNITS=mm; FRAME={frame}; {comment}".encode("ascii", "replace")[:_STL_HEADER]
    vertices = _placed(surface, frame)
    stretches = (surface.faces[first : first + _STRETCH] for first in range(0, len(surface.faces), _STRETCH))
    return b"".join(
        (
            header.ljust(_STL_HEADER) + len(surface.faces).to_bytes(4, "little"),
            *(_stl_triangles(vertices, faces) for faces in stretches),
        )
    )


def _stl_triangles(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> bytes:
    normals = twice_normals(vertices, faces)
    lengths = np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
    normals /= np.where(lengths > 0, lengths, np.float32(1))
    triangles = np.zeros(len(faces), dtype=_STL_TRIANGLE)
    triangles["normal"], triangles["corners"] = normals, vertices.take(faces, axis=0)
    return triangles.tobytes()


def _placed(surface: Mesh, frame: MeshFrame) -> NDArray[np.float32]:
    """Return the vertices in a frame: two axes turn, so faces keep their turn."""
    if frame == "LPS":
        return surface.vertices_lps_mm
    return surface.vertices_lps_mm * np.array((-1, -1, 1), dtype=np.float32)


def _line(text: str) -> str:
    """Return a text that cannot end a line of a header."""
    return " ".join(text.encode("ascii", "replace").decode().split())


def _stl(surface: Mesh, name: str, _: Colour, frame: MeshFrame) -> bytes:
    return stl_bytes(surface, name, frame)


def _obj(surface: Mesh, name: str, _: Colour, frame: MeshFrame) -> bytes:
    """Return Wavefront OBJ: text, places to a micrometre."""
    lines = [f"# UNITS=mm FRAME={frame}", f"o {_line(name)}"]
    lines.extend("v %.3f %.3f %.3f" % tuple(place) for place in _placed(surface, frame).tolist())  # noqa: UP031 - twice as fast
    lines.extend("f %d %d %d" % tuple(face) for face in (surface.faces + 1).tolist())  # noqa: UP031 - the same
    return "\n".join([*lines, ""]).encode()


def _ply(surface: Mesh, name: str, colour: Colour, frame: MeshFrame) -> bytes:
    """Return binary PLY, each vertex in the region's colour."""
    vertices = np.zeros(len(surface.vertices_lps_mm), dtype=_PLY_VERTEX)
    vertices["place"], vertices["colour"] = _placed(surface, frame), colour
    faces = np.empty(len(surface.faces), dtype=_PLY_FACE)
    faces["count"], faces["vertices"] = 3, surface.faces
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment UNITS=mm FRAME={frame}",
        f"comment {_line(name)}",
        f"element vertex {len(vertices)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {part}" for part in ("red", "green", "blue")),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header",
        "",
    ]
    return "\n".join(header).encode() + vertices.tobytes() + faces.tobytes()


def _glb(surface: Mesh, name: str, colour: Colour, frame: MeshFrame) -> bytes:
    """Return binary glTF 2.0: places in mm and the frame, and a node that takes them to metres, y up."""
    vertices = np.ascontiguousarray(_placed(surface, frame), dtype="<f4")
    indices = np.ascontiguousarray(surface.faces, dtype="<u4")
    linear = [(part / 255) ** _GAMMA for part in colour]
    views = ((vertices, _VERTICES, 0), (indices, _INDICES, vertices.nbytes))
    content = {
        "asset": {
            "version": "2.0",
            "generator": "orthanc-pacs-suite",
            "extras": {"mesh_unit": MESH_UNIT, "mesh_frame": frame},
        },
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": name, "mesh": 0, "matrix": _TO_METRES_Y_UP[frame]}],
        "meshes": [
            {
                "name": name,
                "primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}],
                "extras": {"mesh_unit": MESH_UNIT, "mesh_frame": frame},
            }
        ],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": [*linear, 1.0], "metallicFactor": 0.0}}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": _FLOAT,
                "type": "VEC3",
                "count": len(vertices),
                "min": vertices.min(axis=0).tolist(),
                "max": vertices.max(axis=0).tolist(),
            },
            {"bufferView": 1, "componentType": _UNSIGNED, "type": "SCALAR", "count": indices.size},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": offset, "byteLength": part.nbytes, "target": target}
            for part, target, offset in views
        ],
        "buffers": [{"byteLength": vertices.nbytes + indices.nbytes}],
    }
    text = orjson.dumps(content)
    text += b" " * (-len(text) % 4)
    binary = vertices.tobytes() + indices.tobytes()
    length = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        (
            struct.pack("<III", _GLB_MAGIC, _GLB_VERSION, length),
            struct.pack("<II", len(text), _GLB_JSON),
            text,
            struct.pack("<II", len(binary), _GLB_BINARY),
            binary,
        )
    )


_WRITERS: dict[MeshFormat, Callable[[Mesh, str, Colour, MeshFrame], bytes]] = {
    "stl": _stl,
    "obj": _obj,
    "ply": _ply,
    "glb": _glb,
}
