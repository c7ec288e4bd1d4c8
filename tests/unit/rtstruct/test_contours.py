"""Reading structure sets: what is kept, what is refused, what is said."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct import Region, read_structure_set
from tests.builders import DAMAGES, HOSTILE_NAMES, build_case, renamed, sample_regions
from tests.unit.rtstruct.cases import SMALL, file_bytes, read

if TYPE_CHECKING:
    from pathlib import Path

CASE = build_case(frame=SMALL, regions=4)


def damaged(kind: str) -> list[Region]:
    structure_set = CASE.copied_structure_set()
    DAMAGES[kind](structure_set)
    return list(read_structure_set(file_bytes(structure_set)).regions)


def codes(region: Region) -> list[str]:
    return [problem.code for problem in region.problems]


def test_regions_come_in_file_order_with_number_name_colour_and_type() -> None:
    regions = read(CASE).regions
    assert [region.number for region in regions] == [1, 2, 3, 4]
    assert [region.name for region in regions] == ["BODY", "Lung_L", "Lung_R", "Spine"]
    assert regions[0].colour_rgb == (0, 200, 120)
    assert regions[0].interpreted_type == "EXTERNAL"


def test_points_are_read_as_the_file_gives_them() -> None:
    contour = read(CASE).regions[1].contours[0]
    item = CASE.copied_structure_set().ROIContourSequence[1].ContourSequence[0]
    expected = np.array([float(value) for value in item.ContourData]).reshape(-1, 3)
    np.testing.assert_array_equal(contour.points_lps_mm, expected)


def test_references_name_study_series_frame_and_images() -> None:
    structure_set = read(CASE)
    reference = CASE.reference
    assert structure_set.study_uid == reference.study_uid
    assert structure_set.referenced_series_uids == (reference.series_uid,)
    assert structure_set.frame_of_reference_uid == reference.frame_uid
    assert set(structure_set.referenced_sop_instance_uids) == set(reference.image_uids)
    assert structure_set.label == "PHANTOM"


def test_bytes_path_and_stream_give_the_same(tmp_path: Path) -> None:
    content = file_bytes(CASE.structure_set)
    (tmp_path / "set.dcm").write_bytes(content)
    for source in (content, tmp_path / "set.dcm", io.BytesIO(content)):
        assert len(read_structure_set(source).regions) == 4


def test_implicit_vr_is_read() -> None:
    dataset = pydicom.dcmread(io.BytesIO(file_bytes(CASE.structure_set)))
    for roi in dataset.ROIContourSequence:
        for contour in roi.ContourSequence:
            assert len(contour.ContourData) > 8
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    stream = io.BytesIO()
    dataset.save_as(stream, implicit_vr=True, enforce_file_format=True)
    again = read_structure_set(stream.getvalue())
    original = read(CASE).regions[0].contours[0].points_lps_mm
    np.testing.assert_array_equal(again.regions[0].contours[0].points_lps_mm, original)
    assert again.regions[3].number == 4


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("empty_contour_data", "empty_contour"),
        ("no_contour_data", "empty_contour"),
        ("not_a_multiple_of_three", "not_triplets"),
        ("not_a_number", "not_a_number"),
        ("infinite", "not_a_number"),
        ("far_away", "out_of_reach"),
        ("not_text", "not_numbers"),
        ("two_points", "too_few_points"),
    ],
)
def test_a_bad_contour_is_left_out_with_one_warning(kind: str, code: str) -> None:
    regions = damaged(kind)
    whole = read(CASE).regions[0]
    assert codes(regions[0]) == [code]
    assert len(regions[0].contours) == len(whole.contours) - 1
    assert regions[0].problems[0].contours == (12,)
    assert "Region 1" in regions[0].problems[0].message
    assert all(not region.problems for region in regions[1:])


@pytest.mark.parametrize("kind", ["no_contour_sequence", "absent_from_contours"])
def test_a_region_without_contours_is_listed(kind: str) -> None:
    regions = damaged(kind)
    assert len(regions) == 4
    assert not regions[0].contours
    assert codes(regions[0]) == ["no_contours"]


def test_points_and_open_lines_are_kept_apart() -> None:
    (point, *_), (line, *_) = damaged("points"), damaged("open_lines")
    assert not point.contours
    assert [contour.geometric_type for contour in point.open_contours] == ["POINT"]
    assert not line.contours
    assert {contour.geometric_type for contour in line.open_contours} == {"OPEN_PLANAR"}


def test_names_are_kept_intact() -> None:
    structure_set = build_case(frame=SMALL, regions=len(HOSTILE_NAMES)).structure_set
    renamed(structure_set, HOSTILE_NAMES)
    names = [region.name for region in read_structure_set(file_bytes(structure_set)).regions]
    assert names == [name.rstrip(" ") for name in HOSTILE_NAMES]


def test_a_number_used_twice_leaves_every_contour_with_a_region() -> None:
    regions = damaged("duplicate_numbers")
    assert [region.number for region in regions] == [1, 1, 3, 4, 2]
    assert codes(regions[1]) == ["duplicate_number", "no_contours"]
    assert codes(regions[4]) == ["unlisted_region"]
    assert len(regions[4].contours) == CASE.truth["Lung_L"].contours


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_file_cut_short_is_refused(share: float) -> None:
    content = file_bytes(CASE.structure_set)
    with pytest.raises(InvalidDicom, match="cut short"):
        read_structure_set(content[: int(len(content) * share)])


def test_a_file_cut_short_with_undefined_lengths_is_refused() -> None:
    dataset = pydicom.dcmread(io.BytesIO(file_bytes(CASE.structure_set)))
    for keyword in ("StructureSetROISequence", "ROIContourSequence"):
        dataset[keyword].is_undefined_length = True
    stream = io.BytesIO()
    dataset.save_as(stream)
    content = stream.getvalue()
    assert len(read_structure_set(content).regions) == 4
    with pytest.raises(InvalidDicom, match="cut short"):
        read_structure_set(content[: len(content) // 2])


def test_what_is_not_dicom_is_refused() -> None:
    for content in (b"", b"not dicom at all" * 40, bytes(range(256)) * 8):
        with pytest.raises(InvalidDicom, match="not DICOM"):
            read_structure_set(content)


def test_another_kind_of_dicom_is_refused_by_name() -> None:
    with pytest.raises(InvalidDicom, match="not an RT Structure Set"):
        read_structure_set(file_bytes(CASE.images[0]))


@pytest.mark.parametrize("missing", ["StructureSetROISequence", "ROIContourSequence"])
def test_a_set_without_its_sequences_is_refused(missing: str) -> None:
    structure_set = CASE.copied_structure_set()
    delattr(structure_set, missing)
    with pytest.raises(InvalidDicom, match=missing):
        read_structure_set(file_bytes(structure_set))


@pytest.mark.filterwarnings("ignore")
def test_mutated_bytes_never_raise_anything_but_invalid_dicom() -> None:
    content = file_bytes(build_case(frame=SMALL, regions=sample_regions(SMALL)[5:7]).structure_set)
    rng = np.random.default_rng(7)
    for _ in range(200):
        mutated = bytearray(content)
        for place in rng.integers(0, len(content), 20):
            mutated[place] = rng.integers(0, 256)
        with suppress(InvalidDicom):
            read_structure_set(bytes(mutated))


def test_texts_of_errors_and_problems_hold_no_name() -> None:
    structure_set = CASE.copied_structure_set()
    renamed(structure_set, ["MARKER^NAME"] * 4)
    DAMAGES["not_a_number"](structure_set)
    regions = read_structure_set(file_bytes(structure_set)).regions
    assert all("MARKER" not in problem.message for region in regions for problem in region.problems)
