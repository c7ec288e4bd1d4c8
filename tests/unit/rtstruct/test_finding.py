"""Structure sets and their images among files, in any mixture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orthanc_plugins.rtstruct import read_structure_set
from orthanc_plugins.rtstruct.contours import read_references
from orthanc_plugins.rtstruct.finding import find_files, series_of
from tests.builders import build_case
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
