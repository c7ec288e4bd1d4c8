"""Structure sets and their images among files, in any mixture."""

from __future__ import annotations

import copy
import os
import pickle
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.uid import UID

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct import extract, load, read_structure_set
from orthanc_plugins.rtstruct.reading import finding
from orthanc_plugins.rtstruct.reading.contours import read_references
from orthanc_plugins.rtstruct.reading.finding import find_files, series_of
from tests.builders import build_case
from tests.builders.images import new_file
from tests.unit.rtstruct.cases import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from tests.builders.case import Case


def test_files_and_folders_mix_and_each_file_counts_once(tmp_path: Path) -> None:
    paths = build_case(frame=SMALL, regions=2).write(tmp_path)
    (tmp_path / "notes.txt").write_text("not DICOM")
    (tmp_path / ".hidden").write_text("not looked at")
    found = find_files([tmp_path, paths[0], paths[-1]])
    assert [one.path for one in found.structure_sets] == [paths[-1]]
    assert [len(series.images) for series in found.series.values()] == [24]
    assert found.images == 24
    assert (found.copies, found.others) == (0, 1)


def test_the_same_structure_set_in_two_files_is_found_once(tmp_path: Path) -> None:
    path = build_case(frame=SMALL, regions=2).write(tmp_path)[-1]
    (tmp_path / "zz.dcm").write_bytes(path.read_bytes())
    found = find_files([tmp_path])
    assert ([one.path for one in found.structure_sets], found.copies) == ([path], 1)


def test_each_structure_set_finds_its_own_series(tmp_path: Path) -> None:
    cases = [build_case(frame=SMALL, regions=2, seed=seed) for seed in (1, 2)]
    for index, case in enumerate(cases):
        case.write(tmp_path / str(index))
    found = find_files([tmp_path])
    for one, case in zip(found.structure_sets, cases, strict=True):
        series = series_of(read_references(one.path), found)
        assert series is not None
        assert series.series_uid == case.reference.series_uid


def test_a_set_that_names_no_series_is_matched_by_frame_of_reference(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=2)
    case.write(tmp_path)
    bare = replace(read_structure_set(tmp_path / "rtstruct.dcm"), referenced_series_uids=())
    series = series_of(bare, find_files([tmp_path]))
    assert series is not None
    assert series.series_uid == case.reference.series_uid


def test_a_set_without_its_images_gets_none(tmp_path: Path) -> None:
    path = build_case(frame=SMALL, regions=2).write(tmp_path)[-1]
    assert series_of(read_structure_set(path), find_files([path])) is None


def test_every_file_is_looked_at_however_many_batches_they_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "_BATCH", 2)
    monkeypatch.setattr(finding, "_AHEAD", 3)
    build_case(frame=SMALL, regions=1).write(tmp_path)
    seen: list[int] = []
    found = find_files([tmp_path], lambda so_far: seen.append(so_far.files))
    assert (found.files, found.images, len(found.structure_sets)) == (25, 24, 1)
    assert seen == [*range(2, 25, 2), 25]


def test_links_hidden_folders_and_names_without_ending(tmp_path: Path) -> None:
    paths = build_case(frame=SMALL, regions=1).write(tmp_path / "elsewhere")
    (tmp_path / "in" / ".hidden").mkdir(parents=True)
    (tmp_path / "in" / ".hidden" / "a").write_bytes(paths[0].read_bytes())
    (tmp_path / "in" / "IM0001").write_bytes(paths[1].read_bytes())
    (tmp_path / "in" / "link").symlink_to(paths[-1])
    (tmp_path / "in" / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "elsewhere")
    found = find_files([tmp_path / "in"])
    assert ([one.path for one in found.structure_sets], found.images, found.files) == ([paths[-1]], 1, 2)


def test_a_dicomdir_is_another_file(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=1)
    directory = new_file("1.2.840.10008.1.3.10", "1.2.3")
    del directory.SOPClassUID, directory.SOPInstanceUID
    case.write(tmp_path)
    directory.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    found = find_files([tmp_path])
    assert (found.others, found.images) == (1, 24)


def test_what_was_to_be_dicom_and_cannot_be_read_is_named(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=1)
    whole = case.write(tmp_path)[0].read_bytes()
    directory = new_file("1.2.840.10008.1.3.10", "1.2.3")
    del directory.SOPClassUID, directory.SOPInstanceUID
    directory.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    plan = new_file("1.2.840.10008.5.1.4.1.1.481.5", "1.2.4")
    plan.save_as(tmp_path / "plan.dcm", enforce_file_format=True)
    (tmp_path / "notes.txt").write_text("not DICOM")
    damaged = {
        "a.DCM": b"text",
        "b": whole[:140],
        "c": b"",
        "d": whole[:900],
        "e": whole[: whole.index(b"DS") + 1],
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
    found = find_files([tmp_path])
    assert found.unreadable == [str(tmp_path / name) for name in damaged]
    assert found.images == len(case.images)


def test_a_folder_that_cannot_be_read_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    build_case(frame=SMALL, regions=1).write(tmp_path)
    listed = os.scandir

    def closed(folder: str) -> object:
        if folder.endswith("closed"):
            raise PermissionError
        return listed(folder)

    monkeypatch.setattr(os, "scandir", closed)
    found = find_files([tmp_path])
    assert (found.closed_folders, found.images) == (1, 24)


def test_a_series_of_damaged_images_alone_is_said_when_it_is_used(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=1)
    for image in case.images:
        image.PixelSpacing = [2, 0]
    path = case.write(tmp_path)[-1]
    with pytest.raises(
        InvalidDicom, match=r"no image that can be used \(24 images left out\).* no usable position"
    ):
        series_of(read_references(path), find_files([tmp_path]))


def test_a_series_from_files_can_be_handed_to_another_process(tmp_path: Path) -> None:
    path = build_case(frame=SMALL, regions=1).write(tmp_path)[-1]
    series = series_of(read_references(path), find_files([tmp_path]))
    assert series is not None
    again = pickle.loads(pickle.dumps(series))
    uid = again.images[0].sop_instance_uid
    assert (again.intensities([uid]) == series.intensities([uid])).all()


def test_references_are_read_without_the_contours(tmp_path: Path) -> None:
    path = build_case(frame=SMALL, regions=3).write(tmp_path)[-1]
    whole, outline = read_structure_set(path), read_references(path)
    assert [region.name for region in outline.regions] == [region.name for region in whole.regions]
    assert outline.referenced_series_uids == whole.referenced_series_uids
    assert outline.frame_of_reference_uid == whole.frame_of_reference_uid
    assert not any(region.contours for region in outline.regions)
    path.write_bytes(b"x" * 200)
    with pytest.raises(InvalidDicom):
        read_references(path)


# Several series


def two_series(
    folder: Path, *, named_first: str = "secondary", same_frame: bool = False
) -> tuple[Path, Case, Case]:
    """Write a set drawn on 24 images that also refers to a larger MR; return its path and both cases."""
    drawn = build_case(frame=SMALL, regions=2)
    other = build_case(frame=replace(SMALL, size=(30, 64, 64)), regions=1, modality="MR", seed=5)
    for image in other.images:
        image.StudyInstanceUID = drawn.reference.study_uid
        if same_frame:
            image.FrameOfReferenceUID = drawn.reference.frame_uid
    structure_set = drawn.copied_structure_set()
    secondary = copy.deepcopy(other.structure_set.ReferencedFrameOfReferenceSequence[0])
    place = 0 if named_first == "secondary" else 1
    structure_set.ReferencedFrameOfReferenceSequence.insert(place, secondary)
    if same_frame:
        secondary.FrameOfReferenceUID = drawn.reference.frame_uid
        del secondary.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0].ContourImageSequence
    drawn = drawn.with_structure_set(structure_set)
    other.write(folder / "mr")
    (folder / "mr" / "rtstruct.dcm").unlink()
    return drawn.write(folder / "ct")[-1], drawn, other


@pytest.mark.parametrize("named_first", ["secondary", "own"])
def test_of_two_series_the_one_of_the_regions_frame_is_taken_though_the_other_is_larger(
    tmp_path: Path, named_first: str
) -> None:
    path, drawn, other = two_series(tmp_path, named_first=named_first)
    found = find_files([tmp_path])
    for read in (read_structure_set, read_references):
        series = series_of(read(path), found)
        assert series is not None
        assert series.series_uid == drawn.reference.series_uid
    in_memory = load(other.images, drawn.images, drawn.structure_set)
    assert not in_memory.problems
    assert in_memory.series is not None
    assert in_memory.series.series_uid == drawn.reference.series_uid


def test_images_named_in_another_series_are_not_missed(tmp_path: Path) -> None:
    _, drawn, _ = two_series(tmp_path)
    partly = load(drawn.images[2:], drawn.structure_set)
    assert [problem.code for problem in partly.problems] == ["absent_images"]
    assert "2 of 24 referenced images" in partly.problems[0].message


def test_of_two_series_of_one_frame_the_one_whose_images_the_set_names_is_taken(tmp_path: Path) -> None:
    path, drawn, _ = two_series(tmp_path, same_frame=True)
    series = series_of(read_references(path), find_files([tmp_path]))
    assert series is not None
    assert series.series_uid == drawn.reference.series_uid


def test_the_series_on_disk_is_taken_though_one_of_another_frame_is_in_memory(tmp_path: Path) -> None:
    path, drawn, other = two_series(tmp_path)
    loaded = load(other.images, path.parent)
    assert loaded.series is not None
    assert loaded.series.series_uid == drawn.reference.series_uid


def test_where_its_own_series_is_absent_another_of_the_frame_goes_before_one_of_another_frame(
    tmp_path: Path,
) -> None:
    path, drawn, _ = two_series(tmp_path)
    for file in (path.parent / "images").iterdir():
        image = pydicom.dcmread(file)
        image.SeriesInstanceUID = "1.2.3.4"
        image.save_as(file)
    series = series_of(read_references(path), find_files([tmp_path]))
    assert series is not None
    assert series.series_uid == "1.2.3.4"
    assert series.frame_of_reference_uids == {drawn.reference.frame_uid}


def test_the_only_series_it_refers_to_is_taken_whatever_its_frame(tmp_path: Path) -> None:
    drawn = build_case(frame=SMALL, regions=2)
    for image in drawn.images:
        image.FrameOfReferenceUID = "1.2.3.5"
    path = drawn.write(tmp_path)[-1]
    series = series_of(read_references(path), find_files([tmp_path]))
    assert series is not None
    assert series.series_uid == drawn.reference.series_uid


# Damaged images, and such as are not read yet


def lacks(keyword: str, image: FileDataset) -> None:
    delattr(image, keyword)


@pytest.mark.parametrize(
    "damage",
    [
        lambda image: setattr(image, "PixelSpacing", [2, 0]),
        lambda image: setattr(image, "ImagePositionPatient", None),
        partial(lacks, "ImagePositionPatient"),
        partial(lacks, "Rows"),
    ],
    ids=["spacing", "empty position", "no position", "no rows"],
)
def test_one_damaged_image_is_left_out_and_named(
    tmp_path: Path, damage: Callable[[FileDataset], None]
) -> None:
    case = build_case(frame=SMALL, regions=1)
    damage(case.images[3])
    path = case.write(tmp_path)[-1]
    for series in (
        series_of(read_references(path), find_files([tmp_path])),
        load(case.images, case.structure_set).series,
    ):
        assert series is not None
        assert len(series.images) == 23
        (problem,) = series.problems
        assert (problem.code, problem.severity) == ("unusable_images", "warning")
        assert str(case.images[3].SOPInstanceUID) in problem.message
        assert "no usable position" in problem.message


def test_a_screenshot_is_no_damaged_image(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=1)
    shot = copy.deepcopy(case.images[0])
    shot.SOPClassUID = shot.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    shot.SOPInstanceUID = shot.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.6")
    del shot.ImagePositionPatient
    replace(case, images=[*case.images, shot]).write(tmp_path)
    assert not load(tmp_path).problems
    assert not load(case.images, shot, case.structure_set).problems
    assert find_files([tmp_path]).others == 1


def as_multi_frame(case: Case) -> FileDataset:
    """Return a data set as enhanced images begin: where its frames lie stands in sequences alone."""
    image = copy.deepcopy(case.images[0])
    image.NumberOfFrames = len(case.images)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(image, keyword)
    return image


def test_multi_frame_images_are_said_not_to_be_read_yet(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=1)
    image = as_multi_frame(case)
    path = replace(case, images=[image]).write(tmp_path)[-1]
    with pytest.raises(InvalidDicom, match="several frames: multi-frame images are not read yet"):
        series_of(read_references(path), find_files([tmp_path]))
    with pytest.raises(InvalidDicom, match="several frames: multi-frame images are not read yet"):
        load(image, case.structure_set)
    with pytest.raises(InvalidDicom, match="several frames: multi-frame images are not read yet"):
        load(tmp_path)


def test_single_frames_made_of_a_multi_frame_image_are_taken_in_its_place(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=1)
    whole = as_multi_frame(case)
    whole.SOPInstanceUID = whole.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.6")
    for image in case.images:
        image.SeriesInstanceUID = "1.2.3.4"
    path = replace(case, images=[whole, *case.images]).write(tmp_path)[-1]
    series = series_of(read_references(path), find_files([tmp_path]))
    assert series is not None
    assert (series.series_uid, len(series.images)) == ("1.2.3.4", 24)


def test_what_was_left_out_stands_among_the_problems(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=1)
    case.images[3].PixelSpacing = [2, 0]
    loaded = load(case.images, case.structure_set)
    assert loaded.series is not None
    results = extract(loaded.structure_set, loaded.series, tmp_path, jobs=1)
    for problems in (loaded.problems, results.problems):
        (told,) = [problem for problem in problems if problem.code == "unusable_images"]
        assert str(case.images[3].SOPInstanceUID) in told.message
