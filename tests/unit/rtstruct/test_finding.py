"""Structure sets and their images among files, in any mixture."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct import read_structure_set
from orthanc_plugins.rtstruct.reading import finding
from orthanc_plugins.rtstruct.reading.contours import read_references
from orthanc_plugins.rtstruct.reading.finding import find_files, series_of
from tests.builders import build_case
from tests.builders.images import new_file
from tests.unit.rtstruct.cases import SMALL

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_damaged_image_is_said_when_its_series_is_used(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=1)
    case.images[3].PixelSpacing = [2, 0]
    path = case.write(tmp_path)[-1]
    with pytest.raises(InvalidDicom, match="no usable position"):
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
