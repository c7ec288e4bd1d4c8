"""The whole: files, results.json, phases, and that they agree with the truth."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, get_args

import nibabel
import numpy as np
import pytest

from orthanc_plugins.rtstruct import (
    DEFAULT_FORMATS,
    FORMATS,
    MESH_DETAILS,
    MESH_FRAMES,
    Format,
    ImageSeries,
    Phase,
    comparison,
    series_from_datasets,
)
from orthanc_plugins.rtstruct.geometry import partial
from orthanc_plugins.settings import StructureFormat, StructureSettings
from tests.builders import Ellipsoid, ImageFrame, build_case
from tests.unit.rtstruct.cases import SMALL, case_of, series
from tests.unit.rtstruct.extraction import CASE, SPECS, codes, run

if TYPE_CHECKING:
    from pathlib import Path

VOXEL_CC = SMALL.gap_mm * SMALL.spacing_mm[0] * SMALL.spacing_mm[1] / 1000


def test_results_agree_with_the_truth(tmp_path: Path) -> None:
    results = run(CASE, tmp_path)
    assert not results.problems
    for region in results.regions:
        truth = CASE.truth[region.name]
        assert (region.state, region.problems) == ("done", ())
        assert region.volume_cc == pytest.approx(truth.contour_volume_ml, rel=1e-3)
        assert region.volume_mesh_cc == pytest.approx(truth.contour_volume_ml, rel=0.01)
        assert region.volume_voxels_cc == pytest.approx(truth.contour_volume_ml, rel=0.03)
        assert region.centroid_lps_mm == pytest.approx(truth.centroid_lps_mm, abs=0.05)
        assert (region.contours, region.slices) == (truth.contours, truth.slices)
        assert (region.parts, region.cavities, region.mesh_closed) == (1, 0, True)
        assert region.statistics is not None
        assert region.statistics.unit == "HU"
        assert region.statistics.percentiles["50"] == truth.value
        assert region.statistics.mean == pytest.approx(truth.value, abs=15)


def test_every_file_that_results_name_is_there_and_no_other(tmp_path: Path) -> None:
    run(CASE, tmp_path)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    named = {region[key] for region in found["regions"] for key in ("mask_path", "stl_path", "preview_path")}
    assert written == named | {found["label_map"]["path"], found["overview_path"], "results.json"}
    assert "masks/003_third.nii.gz" in named


def test_results_json_holds_what_it_promises(tmp_path: Path) -> None:
    run(CASE, tmp_path)
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert found["schema"] == {"name": "orthanc-pacs-suite/rtstruct-results", "version": 1}
    assert found["sources"]["image_series_uid"] == CASE.reference.series_uid
    assert found["sources"]["study_uid"] == CASE.reference.study_uid
    assert found["grid"]["shape"] == [24, 64, 64]
    assert found["grid"]["spacing_mm"] == pytest.approx([3, 2, 2])
    region = found["regions"][0]
    keys = {"number", "name", "state", "colour", "volume_cc", "surface_cm2", "centroid_lps_mm"}
    keys |= {
        "bounding_box_lps_mm",
        "slices",
        "contours",
        "shape",
        "statistics",
        "mask_path",
        "stl_path",
        "preview_path",
    }
    assert keys | {"problems", "interpreted_type"} <= region.keys()
    regions = len(found["regions"])
    assert len(found["comparison"]["pairs"]) == regions * (regions - 1) // 2
    assert [phase["name"] for phase in found["phases"]] == [
        "read_contours",
        "measure",
        "rasterise",
        "compare",
        "export",
    ]


def test_phases_are_announced_timed_and_follow_those_of_the_caller(tmp_path: Path) -> None:
    ticks = count()
    begun: list[str] = []
    results = run(
        CASE,
        tmp_path,
        on_phase=begun.append,
        earlier_phases=[Phase("receive", 5.0)],
        clock=lambda: float(next(ticks)),
    )
    assert begun == ["read_contours", "measure", "rasterise", "compare", "export"]
    assert [(phase.name, phase.duration_s) for phase in results.phases] == [
        ("receive", 5.0),
        *((name, 1.0) for name in begun),
    ]
    assert results.processing_time_s == 10.0


def test_equal_input_gives_equal_files(tmp_path: Path) -> None:
    for name, jobs in (("a", 1), ("b", 3)):
        run(CASE, tmp_path / name, jobs=jobs, clock=lambda: 0.0)
    first = {path.relative_to(tmp_path / "a"): path.read_bytes() for path in (tmp_path / "a").rglob("*.*")}
    second = {path.relative_to(tmp_path / "b"): path.read_bytes() for path in (tmp_path / "b").rglob("*.*")}
    assert first == second
    assert len(first) == 12


@pytest.mark.parametrize(
    ("asked", "files", "surface", "intensities"),
    [
        ("nifti", {".gz"}, False, False),
        ("stl", {".stl"}, True, False),
        ("png", {".png"}, False, True),
        ("json", set(), True, True),
    ],
)
def test_formats_choose_files_and_what_is_measured_for_them(
    tmp_path: Path, *, asked: Format, files: set[str], surface: bool, intensities: bool
) -> None:
    results = run(CASE, tmp_path, formats=(asked,))
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json"} | files
    region = results.regions[0]
    assert region.volume_cc is not None
    assert region.volume_voxels_cc is not None
    assert (region.surface_cm2 is not None) == surface
    assert (region.statistics is not None) == intensities
    assert (region.mask_path is not None) == (results.label_map is not None) == (asked == "nifti")


def test_results_hold_the_shape_of_a_region(tmp_path: Path) -> None:
    found = json.loads(run(CASE, tmp_path).to_json_bytes())["regions"][0]["shape"]
    assert found["diameter_in_slice"]["length_mm"] == pytest.approx(36, abs=0.5)
    assert found["diameter_3d"]["length_mm"] == pytest.approx(36, abs=3)
    assert found["sphericity"] == pytest.approx(1, abs=0.05)
    assert np.array(found["axes_lps"]).shape == (3, 3)
    assert run(CASE, tmp_path / "masks only", formats=("nifti",)).regions[0].shape is None


def test_partial_volumes_are_written_when_asked_for(tmp_path: Path) -> None:
    plain = run(CASE, tmp_path / "plain")
    assert {(region.partial_path, region.volume_partial_cc) for region in plain.regions} == {(None, None)}
    results = run(CASE, tmp_path / "partial", partial_volume=True)
    for region in results.regions:
        assert region.partial_path == str(region.mask_path).replace(".nii.gz", ".partial.nii.gz")
        image: Any = nibabel.Nifti1Image.from_filename(tmp_path / "partial" / region.partial_path)
        values = image.get_fdata()
        assert values.max() == pytest.approx(1)
        assert values.sum() * VOXEL_CC == pytest.approx(region.volume_partial_cc)
        assert region.volume_partial_cc == pytest.approx(region.volume_cc, rel=1e-3)
    measured = run(CASE, tmp_path / "measured", partial_volume=True, formats=("json",)).regions[0]
    assert (measured.partial_path, measured.volume_partial_cc) == (None, results.regions[0].volume_partial_cc)


def test_what_is_too_entangled_for_partial_volumes_has_a_mask_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial, "MOST_CROSSINGS", 1)
    region = run(CASE, tmp_path, partial_volume=True).regions[0]
    assert (region.state, region.partial_path, codes(region)) == ("done", None, ["no_partial_volume"])
    assert region.mask_path is not None


def test_without_images_there_are_no_partial_volumes(tmp_path: Path) -> None:
    for region in run(CASE, tmp_path, images=None, partial_volume=True).regions:
        assert (region.partial_path, region.volume_partial_cc) == (None, None)
        assert region.shape is not None
        assert region.shape.diameter_in_slice.slice_index is None


def test_the_label_map_gives_overlaps_to_the_smaller_region(tmp_path: Path) -> None:
    case = case_of(
        Ellipsoid((0.0, 0.0, 0.0), (20.0, 20.0, 20.0)), Ellipsoid((0.0, 0.0, 0.0), (40.0, 40.0, 30.0))
    )
    results = run(case, tmp_path)
    image: Any = nibabel.Nifti1Image.from_filename(tmp_path / "masks" / "labels.nii.gz")
    labels = np.asarray(image.dataobj)
    small, large = results.regions
    assert small.voxels == int((labels == 1).sum())
    assert large.voxels == int((labels > 0).sum())
    assert results.label_map is not None
    assert [(label.value, label.name) for label in results.label_map.labels] == [
        (1, "shape 1"),
        (2, "shape 2"),
    ]


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_other_modalities_are_measured_in_their_unit(modality: str, tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=SPECS[2:], modality=modality)
    region = run(case, tmp_path).regions[0]
    assert region.statistics is not None
    assert region.statistics.percentiles["50"] == 700
    assert region.statistics.unit == {"MR": "arbitrary", "PT": "BQML"}[modality]


def test_shuffled_files_change_nothing(tmp_path: Path) -> None:
    shuffled = build_case(frame=SMALL, regions=SPECS, shuffle=True)
    for name, case in (("a", CASE), ("b", shuffled)):
        run(case, tmp_path / name, clock=lambda: 0.0)
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_missing_slices_are_shown_and_said(tmp_path: Path) -> None:
    case = build_case(frame=replace(SMALL, missing=(9, 10)), regions=SPECS)
    results = run(case, tmp_path)
    assert [problem.code for problem in results.problems if problem.region is None] == ["missing_slices"]
    for region in results.regions:
        assert codes(region) == ["partial_intensities"]
        assert region.volume_cc == pytest.approx(CASE.truth[region.name].contour_volume_ml, rel=1e-3)
        assert region.statistics is not None
        assert region.voxels is not None
        assert region.statistics.voxels < region.voxels


def part_of_the_images(*, keep: slice) -> ImageSeries:
    return series_from_datasets(CASE.images[keep])


@pytest.mark.parametrize("keep", [slice(0, None, 2), slice(1, None, 2)])
def test_intensities_are_of_images_that_a_region_was_drawn_on(tmp_path: Path, keep: slice) -> None:
    whole = run(CASE, tmp_path)
    thinned = run(CASE, tmp_path, images=part_of_the_images(keep=keep))
    for region, expected in zip(thinned.regions, whole.regions, strict=True):
        assert region.statistics is not None
        assert expected.statistics is not None
        assert region.voxels is not None
        assert region.statistics.sd <= expected.statistics.sd * 1.1
        partial = region.statistics.voxels < region.voxels
        assert partial == ("between_planes" in codes(region))


@pytest.mark.parametrize(("images", "cut"), [(12, 3), (19, 1)])
def test_a_mask_that_lost_contours_is_said_with_both_volumes(tmp_path: Path, images: int, cut: int) -> None:
    results = run(CASE, tmp_path, images=part_of_the_images(keep=slice(0, images)))
    some = [region for region in results.regions if "outside_stack" in codes(region)]
    assert len(some) == cut
    for region in some:
        assert codes(region) == ["outside_stack", "volumes_differ"]
        message = region.problems[-1].message
        assert (
            f"enclose {region.volume_cc:.2f} cc, its mask holds {region.volume_voxels_cc:.2f} cc" in message
        )


@pytest.mark.parametrize("matrix", [64, 256])
def test_volumes_of_the_sample_phantom_agree(tmp_path: Path, matrix: int) -> None:
    frame = ImageFrame(size=(30, matrix, matrix), spacing_mm=(400 / matrix, 400 / matrix), gap_mm=6.0)
    assert run(build_case(frame=frame), tmp_path, formats=()).problems == ()


def test_the_engine_and_the_settings_know_the_same_formats() -> None:
    assert get_args(Format.__value__) == FORMATS
    assert get_args(StructureFormat) == FORMATS
    settings = StructureSettings()
    assert settings.formats == DEFAULT_FORMATS
    details = StructureSettings.model_fields["mesh_detail"].annotation
    frames = StructureSettings.model_fields["mesh_frame"].annotation
    assert get_args(details) == MESH_DETAILS
    assert get_args(frames) == MESH_FRAMES


def test_meshes_come_in_the_formats_frame_and_detail_asked_for(tmp_path: Path) -> None:
    kinds: tuple[Format, ...] = ("stl", "obj", "ply", "glb")
    fine = run(CASE, tmp_path / "fine", formats=("json", "stl"))
    results = run(CASE, tmp_path, formats=("json", *kinds), mesh_frame="RAS", mesh_detail="low")
    assert (results.mesh_unit, results.mesh_frame, results.mesh_detail) == ("mm", "RAS", "low")
    region, finer = results.regions[0], fine.regions[0]
    paths = [region.stl_path, region.obj_path, region.ply_path, region.glb_path]
    assert [path and (tmp_path / path).is_file() for path in paths] == [True] * 4
    assert finer.obj_path is None
    assert region.tunnels == 0
    assert region.mesh_triangles is not None
    assert finer.mesh_triangles is not None
    assert region.mesh_triangles < finer.mesh_triangles / 2
    assert region.volume_mesh_cc == pytest.approx(region.volume_cc, rel=0.005)


def test_regions_are_not_compared_where_it_is_not_asked_for(tmp_path: Path) -> None:
    results = run(CASE, tmp_path, formats=["json"], comparison=False)
    assert results.comparison is None
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["comparison"] is None


def test_a_fault_of_the_comparison_leaves_the_rest_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise ValueError("what a library says")

    monkeypatch.setattr(comparison, "pair_table", failing)
    results = run(CASE, tmp_path, formats=["json"])
    assert results.comparison is None
    assert [problem.code for problem in results.problems] == ["not_compared"]
    assert all(region.state == "done" for region in results.regions)


def test_images_too_long_for_nifti_1_get_nifti_2_and_a_warning(tmp_path: Path) -> None:
    frame = ImageFrame(size=(3, 32_800, 8), spacing_mm=(0.5, 4.0), gap_mm=3.0)
    case = case_of(Ellipsoid((0.0, 0.0, 0.0), (9.0, 9.0, 5.0)), frame=frame)
    results = run(case, tmp_path, images=replace(series(case), load_pixels=None), formats=["nifti", "stl"])
    (region,) = results.regions
    assert region.state == "done"
    assert [problem.code for problem in results.problems] == ["nifti_2"]
    assert "32800 voxels" in results.problems[0].message
    assert region.mask_path is not None
    assert region.stl_path is not None
    assert results.label_map is not None
    for path in (region.mask_path, results.label_map.path):
        image: Any = nibabel.load(tmp_path / path)
        assert image.shape == (8, 32_800, 3)
        assert np.count_nonzero(np.asarray(image.dataobj)) == region.voxels
