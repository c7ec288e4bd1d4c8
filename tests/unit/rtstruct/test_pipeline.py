"""The whole: every kind of damage, files, results.json, phases."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, get_args

import nibabel
import numpy as np
import pytest

from orthanc_plugins.errors import GeometryError, InvalidDicom
from orthanc_plugins.rtstruct import (
    FORMATS,
    Format,
    ImageSeries,
    Phase,
    RegionResult,
    Results,
    extract,
    series_from_datasets,
)
from orthanc_plugins.settings import StructureFormat
from tests.builders import (
    DAMAGES,
    HOSTILE_NAMES,
    POINT_LIKE,
    Box,
    Case,
    Ellipsoid,
    Identity,
    ImageFrame,
    RegionSpec,
    build_case,
    renamed,
)
from tests.unit.rtstruct.cases import SMALL, case_of, file_bytes, series

if TYPE_CHECKING:
    from pathlib import Path

SPECS = (
    RegionSpec("first", Ellipsoid((-20.0, 3.0, 0.0), (18.0, 18.0, 18.0)), 100.0),
    RegionSpec("second", Ellipsoid((24.0, -6.0, 6.0), (15.0, 20.0, 18.0)), -300.0),
    RegionSpec("third", Box((21.3, 37.7, 0.0), (24.0, 22.0, 24.0)), 700.0),
)
CASE = build_case(frame=SMALL, regions=SPECS)


def run(case: Case, folder: Path, **options: Any) -> Results:
    images = options.pop("images", series(case))
    return extract(file_bytes(case.structure_set), images, folder, **options)


def spoilt(kind: str) -> Case:
    structure_set = CASE.copied_structure_set()
    DAMAGES[kind](structure_set)
    return CASE.with_structure_set(structure_set)


def codes(region: RegionResult) -> list[str]:
    return [problem.code for problem in region.problems]


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
        "statistics",
        "mask_path",
        "stl_path",
        "preview_path",
    }
    assert keys | {"problems", "interpreted_type"} <= region.keys()
    assert [phase["name"] for phase in found["phases"]] == ["read_contours", "measure", "rasterise", "export"]


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
    assert begun == ["read_contours", "measure", "rasterise", "export"]
    assert [(phase.name, phase.duration_s) for phase in results.phases] == [
        ("receive", 5.0),
        *((name, 1.0) for name in begun),
    ]
    assert results.processing_time_s == 9.0


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


EXPECTED_PROBLEMS = {
    "empty_contour_data": ["empty_contour"],
    "no_contour_data": ["empty_contour"],
    "not_a_multiple_of_three": ["not_triplets"],
    "not_a_number": ["not_a_number"],
    "infinite": ["not_a_number"],
    "far_away": ["out_of_reach"],
    "not_text": ["not_numbers"],
    "two_points": ["too_few_points"],
    "no_contour_sequence": ["no_contours"],
    "absent_from_contours": ["no_contours"],
    "references_absent_images": [],
    "no_contour_image_sequence": [],
    "duplicate_names": [],
    "points": [],
    "open_lines": [],
    "stored_twice": ["repeated_contour"],
    "stored_nearly_twice": ["repeated_contour"],
    "exclusive_type": [],
    "half_way_planes": ["between_planes", "partial_intensities"],
    "slightly_off_plane": [],
    "partly_outside": ["outside_image", "volumes_differ"],
    "wholly_outside": ["outside_image", "no_voxels"],
    "off_every_slice": ["outside_stack", "outside_images"],
    "crossing_itself": ["crossing_itself"],
}
STATES = {
    "no_contour_sequence": "empty",
    "absent_from_contours": "empty",
    "points": "points",
    "open_lines": "lines",
    "wholly_outside": "empty",
    "off_every_slice": "failed",
}


@pytest.mark.parametrize("kind", EXPECTED_PROBLEMS)
def test_damage_stays_with_its_region_and_is_said_once(kind: str, tmp_path: Path) -> None:
    results = run(spoilt(kind), tmp_path)
    victim, *others = results.regions
    assert codes(victim) == EXPECTED_PROBLEMS[kind]
    assert victim.state == STATES.get(kind, "done")
    of_the_set = ["absent_images"] if kind == "references_absent_images" else []
    assert [problem.code for problem in results.problems] == [*of_the_set, *codes(victim)]
    for region in others:
        assert (region.state, region.problems) == ("done", ())
        assert region.volume_cc == pytest.approx(
            CASE.truth[SPECS[region.number - 1].name].contour_volume_ml, rel=1e-3
        )
    if kind in POINT_LIKE:
        assert victim.open_contours
        assert victim.mask_path is None
    if victim.state == "done":
        assert (tmp_path / str(victim.mask_path)).is_file()


def test_the_top_of_the_json_tells_every_problem_once_with_its_region(tmp_path: Path) -> None:
    structure_set = CASE.copied_structure_set()
    for kind in ("references_absent_images", "two_points"):
        DAMAGES[kind](structure_set)
    del structure_set.ROIContourSequence[1].ContourSequence
    run(CASE.with_structure_set(structure_set), tmp_path)
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [(one["code"], one["region"], one["region_name"]) for one in found["problems"]] == [
        ("absent_images", None, None),
        ("too_few_points", 1, "first"),
        ("no_contours", 2, "second"),
    ]
    assert found["problems"][1:] == [one for region in found["regions"] for one in region["problems"]]


def test_every_kind_of_damage_is_tested() -> None:
    assert set(DAMAGES) - set(EXPECTED_PROBLEMS) == {"other_frame_of_reference", "duplicate_numbers"}


def test_a_number_used_twice_loses_nothing(tmp_path: Path) -> None:
    results = run(spoilt("duplicate_numbers"), tmp_path)
    assert [(region.number, region.state) for region in results.regions] == [
        (1, "done"),
        (1, "failed"),
        (3, "done"),
        (2, "done"),
    ]


def test_another_frame_of_reference_is_refused_unless_allowed(tmp_path: Path) -> None:
    case = spoilt("other_frame_of_reference")
    with pytest.raises(GeometryError, match="another frame of reference") as caught:
        run(case, tmp_path)
    assert "Structures.RequireSameFrameOfReference" in str(caught.value)
    assert "--allow-other-frame" in str(caught.value)
    results = run(case, tmp_path, allow_other_frame=True)
    assert [problem.code for problem in results.problems] == ["other_frame_of_reference"]
    assert [region.state for region in results.regions] == ["done"] * 3


def test_one_region_of_another_frame_does_not_stop_the_others(tmp_path: Path) -> None:
    structure_set = CASE.copied_structure_set()
    structure_set.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "2.25.1"
    results = run(CASE.with_structure_set(structure_set), tmp_path)
    assert [region.state for region in results.regions] == ["done", "failed", "done"]
    assert codes(results.regions[1]) == ["other_frame_of_reference"]
    assert "--allow-other-frame" in results.regions[1].problems[0].message


def test_an_unstated_frame_of_reference_is_said(tmp_path: Path) -> None:
    bare = replace(
        series(CASE), images=tuple(replace(i, frame_of_reference_uid="") for i in series(CASE).images)
    )
    results = run(CASE, tmp_path, images=bare)
    assert [problem.code for problem in results.problems] == ["frame_of_reference_unknown"]


def test_another_series_than_the_one_referred_to_is_said(tmp_path: Path) -> None:
    results = run(CASE, tmp_path, images=replace(series(CASE), series_uid="2.25.77"))
    assert [problem.code for problem in results.problems] == ["other_series"]


def test_hostile_names_stay_intact_in_json_and_out_of_paths(tmp_path: Path) -> None:
    shapes = [
        RegionSpec(str(i), Ellipsoid((0.0, 0.0, 0.0), (9.0 + i, 9.0, 9.0))) for i in range(len(HOSTILE_NAMES))
    ]
    case = build_case(frame=SMALL, regions=shapes)
    renamed(case.structure_set, HOSTILE_NAMES)
    folder = tmp_path / "inner" / "out"
    run(case, folder)
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert [region["name"] for region in found["regions"]] == [name.rstrip(" ") for name in HOSTILE_NAMES]
    assert len(list((folder / "masks").iterdir())) == len(HOSTILE_NAMES) + 1
    assert {path.name for path in tmp_path.rglob("*") if path.is_dir()} == {
        "inner",
        "out",
        "masks",
        "meshes",
        "previews",
    }


def test_two_regions_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    results = run(spoilt("duplicate_names"), tmp_path)
    assert [region.name for region in results.regions] == ["first", "first", "third"]
    assert [region.mask_path for region in results.regions[:2]] == [
        "masks/001_first.nii.gz",
        "masks/002_first.nii.gz",
    ]


def test_without_images_contours_and_surfaces_are_measured(tmp_path: Path) -> None:
    results = run(CASE, tmp_path, images=None)
    assert [problem.code for problem in results.problems] == ["no_images"]
    assert results.grid is None
    for region in results.regions:
        truth = CASE.truth[region.name]
        assert region.volume_cc == pytest.approx(truth.contour_volume_ml, rel=1e-3)
        assert region.centroid_lps_mm == pytest.approx(truth.centroid_lps_mm, abs=0.05)
        assert (region.statistics, region.mask_path, region.voxels, region.preview_path) == (None,) * 4
        assert region.surface_cm2 is not None


def test_without_images_and_contours_points_are_still_listed(tmp_path: Path) -> None:
    structure_set = build_case(frame=SMALL, regions=SPECS[:1]).structure_set
    DAMAGES["points"](structure_set)
    results = extract(file_bytes(structure_set), None, tmp_path)
    assert [region.state for region in results.regions] == ["points"]


def test_images_without_pixels_give_masks_without_statistics(tmp_path: Path) -> None:
    results = run(CASE, tmp_path, images=replace(series(CASE), load_pixels=None))
    assert [region.state for region in results.regions] == ["done"] * 3
    assert results.regions[0].statistics is None
    assert results.overview_path is None


def test_pixels_that_cannot_be_decoded_do_not_stop_the_masks(tmp_path: Path) -> None:
    def broken(uid: str) -> Any:
        raise InvalidDicom(f"The pixels of image {uid} cannot be decoded.")

    results = run(CASE, tmp_path, images=replace(series(CASE), load_pixels=broken))
    assert [(problem.code, problem.severity) for problem in results.problems] == [("no_pixels", "error")]
    assert [region.state for region in results.regions] == ["done"] * 3


def test_an_unexpected_error_fails_one_region_and_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = extract.__globals__["rasterise"]

    def failing(placed: Any) -> Any:
        if placed.number == 2:
            raise ValueError("MARKER")
        return original(placed)

    monkeypatch.setitem(extract.__globals__, "rasterise", failing)
    results = run(CASE, tmp_path)
    assert [region.state for region in results.regions] == ["done", "failed", "done"]
    assert codes(results.regions[1]) == ["unexpected"]
    assert "region 2 cannot be processed" in caplog.text


def test_no_identity_reaches_logs_or_problems(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    identity = Identity(
        "MARKER^NAME", "MARKERID", accession_number="MARKERACC", referring_physician="MARKER^REF"
    )
    case = build_case(frame=SMALL, regions=SPECS, identity=identity)
    DAMAGES["not_a_number"](case.structure_set)
    run(case, tmp_path)
    assert "MARKER" not in caplog.text
    assert "MARKER" not in (tmp_path / "results.json").read_text(encoding="utf-8")


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
        assert ("partial_intensities" in codes(region)) == partial == ("between_planes" in codes(region))


def test_contours_half_way_between_images_have_no_intensities(tmp_path: Path) -> None:
    victim = run(spoilt("half_way_planes"), tmp_path).regions[0]
    assert victim.statistics is None
    assert victim.problems[-1].message.startswith("Region 1: intensities are those of 0 of its ")


def test_a_mask_that_lost_contours_is_said_with_both_volumes(tmp_path: Path) -> None:
    results = run(CASE, tmp_path, images=part_of_the_images(keep=slice(0, 12)))
    for region in results.regions:
        assert codes(region) == ["outside_stack", "volumes_differ"]
        message = region.problems[-1].message
        assert (
            f"enclose {region.volume_cc:.2f} cc, its mask holds {region.volume_voxels_cc:.2f} cc" in message
        )


@pytest.mark.parametrize("matrix", [64, 256])
def test_volumes_of_the_sample_phantom_agree(tmp_path: Path, matrix: int) -> None:
    frame = ImageFrame(size=(30, matrix, matrix), spacing_mm=(400 / matrix, 400 / matrix), gap_mm=6.0)
    assert run(build_case(frame=frame), tmp_path, formats=()).problems == ()


@pytest.mark.filterwarnings("ignore")
def test_mutated_structure_sets_end_in_results_or_in_an_error_of_ours(tmp_path: Path) -> None:
    content = file_bytes(CASE.structure_set)
    digits = np.flatnonzero(np.isin(np.frombuffer(content, dtype=np.uint8), list(b"0123456789")))
    rng = np.random.default_rng(11)
    finished = 0
    for _ in range(40):
        mutated = bytearray(content)
        for place in rng.choice(digits, 300):
            mutated[place] = rng.choice(list(b"0123456789.-eE"))
        with suppress(InvalidDicom, GeometryError):
            finished += bool(extract(bytes(mutated), series(CASE), tmp_path, formats=()).regions)
    assert finished > 20


def test_the_engine_and_the_settings_know_the_same_formats() -> None:
    assert get_args(Format.__value__) == FORMATS
    assert get_args(StructureFormat) == FORMATS
