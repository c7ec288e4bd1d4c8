"""Meshes as files, read back by trimesh."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh

from orthanc_plugins.rtstruct import Mesh, mesh, mesh_bytes, stl_bytes
from orthanc_plugins.rtstruct.choices import MESH_FORMATS, MESH_FRAMES, MeshFormat, MeshFrame
from orthanc_plugins.rtstruct.documents.display_mesh import stl_triangles
from tests.unit.rtstruct.cases import case_of, placed_of
from tests.unit.rtstruct.test_raster import SHAPES

if TYPE_CHECKING:
    from pathlib import Path

COLOUR = (200, 100, 50)
TO_LPS = {"LPS": np.array((1, 1, 1)), "RAS": np.array((-1, -1, 1))}


@pytest.fixture(scope="module")
def made() -> Mesh:
    surface = mesh(placed_of(case_of(SHAPES["ellipsoid"]))[0])
    assert surface is not None
    return surface


def read_back(path: Path) -> trimesh.Trimesh:
    loaded = trimesh.load(path)
    if isinstance(loaded, trimesh.Scene):
        loaded = loaded.to_mesh()
    assert isinstance(loaded, trimesh.Trimesh)
    return loaded


@pytest.mark.parametrize("frame", MESH_FRAMES)
@pytest.mark.parametrize("kind", MESH_FORMATS)
def test_a_mesh_is_read_back_whole(kind: MeshFormat, frame: MeshFrame, made: Mesh, tmp_path: Path) -> None:
    path = tmp_path / f"mesh.{kind}"
    path.write_bytes(mesh_bytes(kind, made, "region 7", COLOUR, frame))
    again = read_back(path)
    assert again.is_watertight
    assert len(again.faces) == len(made.faces)
    cubic_mm = 1e-9 if kind == "glb" else 1
    assert again.volume / cubic_mm / 1000 == pytest.approx(made.volume_ml, rel=1e-3)
    vertices = made.vertices_lps_mm * TO_LPS[frame]
    if kind == "glb":
        left, back, head = made.vertices_lps_mm.T / 1000
        vertices = np.column_stack((left, head, -back))
    np.testing.assert_allclose(again.bounds, [vertices.min(axis=0), vertices.max(axis=0)], atol=1e-3)


@pytest.mark.parametrize("frame", MESH_FRAMES)
def test_each_file_says_unit_and_frame(frame: MeshFrame, made: Mesh) -> None:
    said = f"UNITS=mm FRAME={frame}".encode()
    assert mesh_bytes("stl", made, "x", COLOUR, frame).startswith(
        b"binary STL; UNITS=mm; FRAME=" + frame.encode()
    )
    assert said in mesh_bytes("obj", made, "x", COLOUR, frame).splitlines()[0]
    assert b"comment " + said in mesh_bytes("ply", made, "x", COLOUR, frame).splitlines()
    content = mesh_bytes("glb", made, "x", COLOUR, frame)
    length = struct.unpack("<I", content[12:16])[0]
    head = json.loads(content[20 : 20 + length])
    assert head["asset"]["extras"] == {"mesh_unit": "mm", "mesh_frame": frame}
    assert struct.unpack("<I", content[8:12])[0] == len(content)


def test_ply_and_glb_keep_the_colour(made: Mesh, tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(mesh_bytes("ply", made, "x", COLOUR, "LPS"))
    again = read_back(tmp_path / "a.ply")
    assert isinstance(again.visual, trimesh.visual.ColorVisuals)
    assert tuple(again.visual.vertex_colors[0][:3]) == COLOUR
    (tmp_path / "a.glb").write_bytes(mesh_bytes("glb", made, "x", COLOUR, "LPS"))
    scene = trimesh.load_scene(tmp_path / "a.glb")
    factor = next(iter(scene.geometry.values())).visual.material.baseColorFactor[:3] / 255
    np.testing.assert_allclose(factor ** (1 / 2.2) * 255, COLOUR, atol=2)


@pytest.mark.parametrize("kind", ["obj", "ply"])
def test_a_name_cannot_end_a_line_of_a_header(kind: MeshFormat, made: Mesh) -> None:
    content = mesh_bytes(kind, made, "a\nend_header\nv 1 2 3", COLOUR, "LPS")
    assert b"a end_header v 1 2 3" in content
    assert b"\nv 1 2 3" not in content


def test_binary_stl_is_as_long_as_it_says(made: Mesh) -> None:
    content = stl_bytes(made, "region 7")
    assert len(content) == 84 + 50 * len(made.faces)
    assert content[:80].rstrip() == b"binary STL; UNITS=mm; FRAME=LPS; region 7"


def test_an_stl_of_either_frame_is_shown_in_lps(made: Mesh) -> None:
    for frame in MESH_FRAMES:
        vertices, _ = stl_triangles(stl_bytes(made, "x", frame))
        np.testing.assert_allclose(vertices.min(axis=0), made.vertices_lps_mm.min(axis=0), atol=1e-4)
