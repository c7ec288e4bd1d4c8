"""A folder has exactly the certified files, or it is told what is otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.certificates import differences, study_folder
from tests.unit.certificates.samples import FILES, PATIENT, STUDY, certificate

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "2.25.2/2.25.21.dcm"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The study's folder as it was released."""
    root = tmp_path / PATIENT / STUDY
    for path, (content, _) in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def test_the_files_that_left_are_those_certified(folder: Path) -> None:
    assert not differences(folder, certificate().study)


def test_the_study_is_found_in_the_folder_it_was_released_into(folder: Path, tmp_path: Path) -> None:
    study = certificate().study
    assert study_folder(tmp_path, study) == folder
    assert study_folder(folder, study) == folder


def test_an_altered_file_is_told(folder: Path) -> None:
    (folder / FIRST).write_bytes(b"first imagf")
    found = differences(folder, certificate().study)
    assert (found.altered, found.missing, found.extra) == ((FIRST,), (), ())


def test_a_missing_file_is_told(folder: Path) -> None:
    (folder / FIRST).unlink()
    found = differences(folder, certificate().study)
    assert (found.altered, found.missing, found.extra) == ((), (FIRST,), ())


@pytest.mark.parametrize("name", ["2.25.9.dcm", ".hidden", "new/folder/x"])
def test_a_file_that_is_not_certified_is_told(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"first image")
    found = differences(folder, certificate().study)
    assert (found.altered, found.missing, found.extra) == ((), (), (name,))


def test_a_link_is_not_the_file(folder: Path, tmp_path: Path) -> None:
    (folder / FIRST).rename(tmp_path / "elsewhere")
    (folder / FIRST).symlink_to(tmp_path / "elsewhere")
    assert differences(folder, certificate().study).altered == (FIRST,)


def test_a_link_to_a_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "all").symlink_to(tmp_path)
    assert differences(folder, certificate().study).extra == ("all",)


def test_a_folder_in_place_of_a_file_is_a_missing_file(folder: Path) -> None:
    (folder / FIRST).unlink()
    (folder / FIRST).mkdir()
    assert differences(folder, certificate().study).missing == (FIRST,)
