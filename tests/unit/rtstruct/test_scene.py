"""The page of surfaces: self-contained, bounded, true to the meshes, and nothing from DICOM is markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import trimesh

from orthanc_plugins.rtstruct import RegionResult, Results
from orthanc_plugins.rtstruct.documents.display_mesh import display_mesh, stl_triangles
from orthanc_plugins.rtstruct.documents.scene import write_scene
from orthanc_plugins.rtstruct.results import Sources
from tests.builders import HOSTILE_NAMES

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<img src=x onerror=alert(1)></script><!--<script>alert(2)</script>"
SOURCES = Sources("1.2.3", "1.2.4", "1.2.5", "PHANTOM", "1.2.6", "1.2.7", 60)


def ball(radius_mm: float = 20.0, subdivisions: int = 3, x: float = 0.0) -> trimesh.Trimesh:
    made: trimesh.Trimesh = trimesh.creation.icosphere(subdivisions, radius_mm)
    made.apply_translation((x, 0.0, 0.0))
    return made


def results_of(folder: Path, *meshes: trimesh.Trimesh | None, names: tuple[str, ...] = ()) -> Results:
    """Write the meshes and return results that name them; None is a region without one."""
    regions = []
    for place, mesh in enumerate(meshes):
        path = f"meshes/{place}.stl" if mesh is not None else None
        if mesh is not None and path is not None:
            (folder / "meshes").mkdir(exist_ok=True)
            mesh.export(folder / path)
        name = names[place] if names else f"region {place}"
        regions.append(RegionResult(place, name, "done", (255, 0, 0), "ORGAN", volume_cc=1.0, stl_path=path))
    return Results(SOURCES, tuple(regions), (), ())


def page_of(folder: Path, results: Results) -> tuple[str, dict[str, Any]]:
    """Return the page and the scene inside it."""
    write_scene(folder, results)
    page = (folder / "scene.html").read_text("utf-8")
    found = re.search(r'<script type="application/json" id="scene">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    scene: dict[str, Any] = json.loads(found[1])
    return page, scene


def unpacked(mesh: dict[str, Any]) -> trimesh.Trimesh:
    """Return a mesh as the page reads it."""
    places = np.frombuffer(base64.b64decode(mesh["vertices"]), "<u2").reshape(-1, 3)
    faces = np.frombuffer(base64.b64decode(mesh["faces"]), "<u2").reshape(-1, 3)
    points = np.array(mesh["low_lps_mm"]) + places * np.array(mesh["step_mm"])
    return trimesh.Trimesh(points, faces, process=False)


def test_a_small_mesh_is_shown_as_it_is(tmp_path: Path) -> None:
    _, scene = page_of(tmp_path, results_of(tmp_path, ball()))
    shown = unpacked(scene["regions"][0]["mesh"])
    assert len(shown.faces) == len(ball().faces)
    assert shown.is_watertight
    assert shown.volume == pytest.approx(ball().volume, rel=1e-4)
    assert scene["simplified"] is False


def test_a_large_mesh_is_thinned_and_the_page_says_so(tmp_path: Path) -> None:
    fine = ball(60.0, subdivisions=7)
    assert len(fine.faces) == 327_680
    page, scene = page_of(tmp_path, results_of(tmp_path, fine))
    shown = unpacked(scene["regions"][0]["mesh"])
    assert 30_000 < len(shown.faces) <= 60_000
    assert shown.volume == pytest.approx(fine.volume, rel=0.01)
    assert scene["simplified"] is True
    assert "Display meshes are simplified; measures come from the full ones." in page


def test_the_page_is_bounded_however_many_regions_there_are(tmp_path: Path) -> None:
    results = results_of(tmp_path, ball(60.0, subdivisions=5))
    regions = tuple(replace(results.regions[0], number=number) for number in range(30))
    write_scene(tmp_path, replace(results, regions=regions))
    assert (tmp_path / "scene.html").stat().st_size < 9_000_000


def test_no_mesh_is_ever_larger_than_its_numbers_can_say() -> None:
    loose = np.random.default_rng(1).uniform(-200, 200, (30_000, 3, 3))
    soup = trimesh.Trimesh(loose.reshape(-1, 3), np.arange(90_000).reshape(-1, 3), process=False)
    content = soup.export(file_type="stl")
    assert isinstance(content, bytes)
    surface = display_mesh(*stl_triangles(content), 60_000)
    assert surface is not None
    assert len(surface.vertices_lps_mm) <= 65_535
    assert int(surface.faces.max()) < len(surface.vertices_lps_mm)


def test_a_mesh_whose_lattice_is_vast_is_thinned_all_the_same() -> None:
    x = np.linspace(0, 5000, 40_000)
    helix = np.column_stack((x, 2000 * np.sin(x / 40), 2000 * np.cos(x / 40)))
    faces = np.arange(39_998)[:, None] + np.arange(3)
    surface = display_mesh(helix, faces, 20_000)
    assert surface is not None
    assert surface.thinned
    assert 5_000 < len(surface.faces) <= 20_000


def test_a_mesh_of_no_extent_is_none() -> None:
    points = np.full((9, 3), 7.0)
    assert display_mesh(points, np.arange(9).reshape(3, 3), 1) is None


def test_meshes_handed_over_make_the_page_that_their_files_make(tmp_path: Path) -> None:
    results = results_of(tmp_path, ball(), ball(30.0, x=60.0))
    from_files = page_of(tmp_path, results)[1]
    meshes = {
        path: display_mesh(*stl_triangles((tmp_path / path).read_bytes()), 60_000)
        for path in ("meshes/0.stl", "meshes/1.stl")
    }
    (tmp_path / "meshes/0.stl").unlink()
    write_scene(tmp_path, results, {path: mesh for path, mesh in meshes.items() if mesh is not None})
    page = (tmp_path / "scene.html").read_text("utf-8")
    assert json.dumps(from_files["regions"][0]["mesh"]["vertices"]) in page


def test_a_mesh_without_triangles_is_none() -> None:
    assert display_mesh(*stl_triangles(bytes(84)), 100) is None


def test_what_stands_around_others_is_hazy(tmp_path: Path) -> None:
    meshes = (ball(100.0), ball(30.0, x=40.0), ball(10.0, x=40.0), ball(10.0, x=-50.0))
    _, scene = page_of(tmp_path, results_of(tmp_path, *meshes))
    assert [region["opacity"] for region in scene["regions"]] == [0.2, 0.5, 1.0, 1.0]


def test_an_external_contour_alone_is_hazy_too(tmp_path: Path) -> None:
    results = results_of(tmp_path, ball(), ball(x=90.0))
    outer = replace(results.regions[0], interpreted_type="EXTERNAL")
    _, scene = page_of(tmp_path, replace(results, regions=(outer, results.regions[1])))
    assert [region["opacity"] for region in scene["regions"]] == [0.2, 1.0]


def test_names_cannot_leave_their_block(tmp_path: Path) -> None:
    names = (*HOSTILE_NAMES, HOSTILE, "$policy ${scene}")
    results = results_of(tmp_path, *[ball()] * len(names), names=names)
    hostile = replace(results, sources=replace(SOURCES, structure_set_label=HOSTILE))
    page, scene = page_of(tmp_path, hostile)
    assert tuple(region["name"] for region in scene["regions"]) == names
    assert scene["sources"]["Structure set"] == HOSTILE
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 2


def test_the_page_allows_its_own_script_and_style_and_no_address(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path, results_of(tmp_path, ball()))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    for kind in ("script", "style"):
        content = re.search(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        assert content is not None
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]
    assert "://" not in page
    assert "innerHTML" not in page


def test_regions_without_a_mesh_are_named_and_nothing_is_drawn(tmp_path: Path) -> None:
    page, scene = page_of(tmp_path, results_of(tmp_path, None, None))
    assert [region["mesh"] for region in scene["regions"]] == [None, None]
    assert "There are no surfaces to show" in page


def test_the_same_results_give_the_same_bytes_and_leave_nothing_else(tmp_path: Path) -> None:
    results = results_of(tmp_path, ball())
    assert page_of(tmp_path, results) == page_of(tmp_path, results)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["meshes", "scene.html"]


def test_a_mesh_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    results = results_of(tmp_path, ball())
    (tmp_path / "meshes/0.stl").unlink()
    with pytest.raises(FileNotFoundError, match=r"0\.stl"):
        write_scene(tmp_path, results)
    assert not (tmp_path / "scene.html").exists()
