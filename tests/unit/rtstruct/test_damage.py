"""What real files do wrong: it stays with its region, is said once, and nothing else suffers."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest

from orthanc_plugins.cli import DONE, main
from orthanc_plugins.errors import GeometryError, InvalidDicom
from orthanc_plugins.rtstruct import extract
from tests.builders import (
    DAMAGES,
    HOSTILE_NAMES,
    POINT_LIKE,
    Ellipsoid,
    Identity,
    RegionSpec,
    build_case,
    renamed,
)
from tests.unit.rtstruct.cases import SMALL, file_bytes, read, series
from tests.unit.rtstruct.extraction import CASE, SPECS, codes, run, spoilt

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

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
    "offset_contours": ["contour_offset"],
    "exclusive_type": [],
    "half_way_planes": ["between_planes"],
    "slightly_off_plane": [],
    "partly_outside": ["outside_image"],
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


WITHOUT_MASK = {*STATES, "partly_outside"}
"""Damages after which the victim's mask cannot be what it was; of the second it is the clipped half."""
OF_THE_WHOLE = ("no_contours", "volumes_differ", "no_voxels")
"""Problems that name a region and no item of it: what is missing, or what follows from another problem."""


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[NDArray[np.bool_]]]:
    """The folder of the images, and the masks of the regions before anything is spoilt."""
    folder = tmp_path_factory.mktemp("case")
    CASE.write(folder)
    (folder / "rtstruct.dcm").unlink()
    run(CASE, folder / "out", formats=("nifti",))
    paths = sorted((folder / "out" / "masks").glob("0*.nii.gz"))
    return folder / "images", [mask_at(path) for path in paths]


def mask_at(path: Path) -> NDArray[np.bool_]:
    image: Any = nibabel.Nifti1Image.from_filename(path)
    return np.asarray(image.dataobj).astype(bool)


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2 * int((a & b).sum()) / (int(a.sum()) + int(b.sum()))


@pytest.mark.parametrize("kind", [*EXPECTED_PROBLEMS, "other_frame_of_reference"])
def test_the_command_line_ends_well_with_every_mask_that_can_be(
    kind: str, tmp_path: Path, undamaged: tuple[Path, list[NDArray[np.bool_]]]
) -> None:
    images, expected = undamaged
    (tmp_path / "spoilt.dcm").write_bytes(file_bytes(spoilt(kind).structure_set))
    words = ["rtstruct", str(images), str(tmp_path / "spoilt.dcm"), str(tmp_path / "out")]
    words += ["--formats", "nifti,json", *(["--allow-other-frame"] if kind.startswith("other") else [])]
    assert main(words) == DONE
    (made,) = (tmp_path / "out").glob("*/results.json")
    found = json.loads(made.read_text(encoding="utf-8"))
    right = [
        region["number"]
        for region, mask in zip(found["regions"], expected, strict=True)
        if region["mask_path"] and dice(mask_at(made.parent / region["mask_path"]), mask) > 0.9
    ]
    assert right == [1, 2, 3][kind in WITHOUT_MASK :]


@pytest.mark.parametrize("kind", EXPECTED_PROBLEMS)
def test_one_warning_says_which_items_are_damaged(kind: str, tmp_path: Path) -> None:
    victim, *_ = run(spoilt(kind), tmp_path, formats=()).regions
    drawn = {contour.index for contour in read(spoilt(kind)).regions[0].contours}
    telling = [problem for problem in victim.problems if problem.code not in OF_THE_WHOLE]
    if victim.state != "failed":
        assert len(telling) <= 1
    for problem in telling:
        assert problem.region == 1
        assert problem.message.startswith("Region 1: ")
        if problem.severity == "warning":
            assert problem.contours
            listed = ", ".join(str(index + 1) for index in problem.contours)
            assert f"{listed} of its" in problem.message or f"{listed}, … of its" in problem.message
            assert "counted from 1" in problem.message
    lost = {"empty_contour", "not_triplets", "not_a_number", "out_of_reach", "not_numbers", "too_few_points"}
    for problem in telling:
        if problem.code in lost:
            assert drawn.isdisjoint(problem.contours)


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
    assert "give allow_other_frame=True" in str(caught.value)
    results = run(case, tmp_path, allow_other_frame=True)
    assert [problem.code for problem in results.problems] == ["other_frame_of_reference"]
    assert [region.state for region in results.regions] == ["done"] * 3


def test_one_region_of_another_frame_does_not_stop_the_others(tmp_path: Path) -> None:
    structure_set = CASE.copied_structure_set()
    structure_set.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "2.25.1"
    results = run(CASE.with_structure_set(structure_set), tmp_path)
    assert [region.state for region in results.regions] == ["done", "failed", "done"]
    assert codes(results.regions[1]) == ["other_frame_of_reference"]
    assert results.regions[1].problems[0].message.endswith("give allow_other_frame=True.")


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


def test_contours_half_way_between_images_have_no_intensities(tmp_path: Path) -> None:
    victim = run(spoilt("half_way_planes"), tmp_path).regions[0]
    assert victim.statistics is None
    assert codes(victim) == ["between_planes"]
    assert "where no intensities are taken" in victim.problems[0].message
