"""What the suite has made of a structure set is released with the study, its regions' names treated alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from orthanc_plugins.deid.profile import load_profile
from orthanc_plugins.projects import Custodian
from orthanc_plugins.release import Project, State, looking, release, sorted_studies
from tests.builders import Box, Ellipsoid, ImageFrame, RegionSpec, build_case
from tests.unit.deid.pixels.pictures import LightFinder
from tests.unit.release.conftest import PROJECT
from tests.unit.release.studies import ANNE, write
from tests.unit.rtstruct.test_objects import everything, saved

if TYPE_CHECKING:
    from pathlib import Path

FRAME = ImageFrame(size=(6, 48, 48), spacing_mm=(4.0, 4.0), gap_mm=4.0)
REGIONS = [
    RegionSpec("Lung_L", Box((0, 0, 0), (60, 60, 16)), 100.0),
    RegionSpec("GTV Zoltanyi", Ellipsoid((0, 0, 0), (20, 20, 9)), 300.0),
]


@pytest.mark.parametrize("profile", ["basic", "research_rt"])
def test_segmentation_report_and_surface_leave_with_names_as_in_the_structure_set(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "rapid_finder", LightFinder)
    case = build_case(frame=FRAME, regions=REGIONS, identity=ANNE)
    made = [saved(one) for one in everything(case)]
    write(tmp_path / "given", [*case.images, case.structure_set, *made])
    custody = tmp_path / "custody"
    Custodian(custody).create(PROJECT)
    project = Project.opened(PROJECT, custody, load_profile(profile), "1.2.3")
    (study,) = sorted_studies([tmp_path / "given"]).studies
    outcome = release(study, project, tmp_path / "out")
    assert (outcome.state, outcome.check and outcome.check.findings) == (State.RELEASED, ())
    new = {
        str(one.Modality): one for one in (dcmread(tmp_path / "out" / file.path) for file in outcome.files)
    }
    assert {"SEG", "SR", "M3D", "RTSTRUCT"} <= set(new)
    kept = ["Lung_L"] if profile == "research_rt" else []
    names = [str(one.ROIName) for one in new["RTSTRUCT"].StructureSetROISequence]
    labels = [str(one.SegmentLabel) for one in new["SEG"].SegmentSequence]
    for given in (names, labels):
        assert [one for one in given if one in {"Lung_L", "GTV Zoltanyi"}] == kept
    for one in new.values():
        assert "Zoltanyi" not in str(one)
