"""The routes of meshes give what readers of each format load, of the size that the results tell."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import trimesh

from orthanc_plugins.rtstruct import extract
from tests.builders import build_case
from tests.unit.arrivals import SETS
from tests.unit.rtstruct.cases import SMALL, file_bytes, series

if TYPE_CHECKING:
    from orthanc_plugins.rtstruct import Results
    from tests.unit.api.conftest import Client, World

# scikit-image 0.26 sets the shape of an array in place, which NumPy 2.5 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

CUBIC_MM = 1e-3
CUBIC_METRES = 1e6
"""Cubic centimetres in each format's unit of volume: glTF is in metres."""
REGIONS = 2
KINDS = {
    "stl": ("model/stl", CUBIC_MM),
    "obj": ("model/obj", CUBIC_MM),
    "ply": ("application/x-ply", CUBIC_MM),
    "glb": ("model/gltf-binary", CUBIC_METRES),
}


@pytest.fixture
def results(world: World) -> Results:
    """Return what the engine has made in the place of a job's results."""
    result = world.publish(world.ask(world.receive()), regions=())
    case = build_case(frame=SMALL, regions=REGIONS)
    folder = world.services.exports / result.folder
    return extract(file_bytes(case.structure_set), series(case), folder, formats=["stl", "obj", "ply", "glb"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_mesh_is_loaded_with_the_volume_that_the_results_tell(
    kind: str, results: Results, client: Client
) -> None:
    media_type, cubic = KINDS[kind]
    files = client.get(f"api/rtstruct/{SETS}").json()["files"]
    for region in results.regions:
        answer = client.get(files[f"{region.number}/mesh.{kind}"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.headers["content-disposition"].endswith(f'.{kind}"')
        surface = trimesh.load_mesh(io.BytesIO(answer.content), file_type=kind)
        assert surface.is_watertight
        assert region.volume_mesh_cc is not None
        assert surface.volume * cubic == pytest.approx(region.volume_mesh_cc, rel=1e-3)


def test_there_is_an_address_for_each_mesh_and_no_other(results: Results, client: Client) -> None:
    files = client.get(f"api/rtstruct/{SETS}").json()["files"]
    assert {name for name in files if "mesh" in name} == {
        f"{region.number}/mesh.{kind}" for region in results.regions for kind in KINDS
    }
    assert client.get(f"api/rtstruct/{SETS}/regions/{REGIONS + 1}/mesh.glb").status_code == 404
