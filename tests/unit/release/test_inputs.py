"""Which files are which study."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.release import sorted_studies
from tests.builders.writing import Element, part_10
from tests.unit.release.studies import ANNE, SECRETS, directory, objects, uids_of, write

if TYPE_CHECKING:
    from pathlib import Path

BERT = replace(ANNE, patient_id="HOSP-2", patient_name="Holm^Per", birth_date="19701231")


def test_files_are_sorted_by_patient_and_study(tmp_path: Path) -> None:
    write(tmp_path / "one", objects(seed=1))
    write(tmp_path / "two", objects(seed=2))
    write(tmp_path / "three", objects(seed=3, identity=BERT))
    found = sorted_studies([tmp_path])
    assert (found.files, found.same, found.faults) == (9, 0, [])
    assert [len(study.files) for study in found.studies] == [3, 3, 3]
    assert len({study.patient for study in found.studies}) == 2
    assert len({study.study_uid for study in found.studies}) == 3


def test_files_and_folders_may_be_given_together(tmp_path: Path) -> None:
    first, *_ = write(tmp_path / "x", objects())
    write(tmp_path / "folder", objects(seed=1))
    found = sorted_studies([first, tmp_path / "folder"])
    assert [len(study.files) for study in found.studies] == [1, 3]


def test_an_identity_is_that_of_all_studies_of_the_patient(tmp_path: Path) -> None:
    write(tmp_path / "one", objects(seed=1))
    write(tmp_path / "two", objects(seed=2, identity=replace(ANNE, referring_physician="Berg^Ulf")))
    one, two = sorted_studies([tmp_path]).studies
    assert one.identity is two.identity
    assert {"Lindqvist^Bo", "Berg^Ulf"} <= one.identity.names


def test_what_is_no_dicom_is_counted_and_told_apart(tmp_path: Path) -> None:
    write(tmp_path, objects())
    (tmp_path / "notes.txt").write_text("Zoltanyi was here")
    (tmp_path / "short").write_bytes(b"DI")
    found = sorted_studies([tmp_path])
    assert [(fault.number, fault.is_dicom) for fault in found.faults] == [(4, False), (5, False)]
    assert found.files == 5


def test_the_directory_of_a_medium_is_no_fault(tmp_path: Path) -> None:
    write(tmp_path, objects())
    (tmp_path / "DICOMDIR").write_bytes(directory())
    found = sorted_studies([tmp_path])
    assert (found.files, found.directories, found.faults) == (4, 1, [])
    assert [len(study.files) for study in found.studies] == [3]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            part_10((Element(0x00080018, "UI", "1.2.3"), Element(0x00100020, "LO", "SECRET"))),
            "Study Instance",
        ),
        (part_10((Element(0x0020000D, "UI", "1.2.3"),)), "SOP Instance"),
        (part_10((Element(0x0020000D, "UI", "1.2.3"),))[:-2], "byte"),
    ],
)
def test_what_belongs_to_no_study_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "x.dcm").write_bytes(content)
    found = sorted_studies([tmp_path])
    (fault,) = found.faults
    assert told in fault.reason
    assert fault.is_dicom
    assert found.studies == []


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone.dcm").symlink_to(tmp_path / "nowhere")
    (fault,) = sorted_studies([tmp_path]).faults
    assert fault.reason == "It cannot be read: No such file or directory."


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", objects())
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "link").symlink_to(tmp_path / "elsewhere")
    assert sorted_studies([tmp_path / "given"]).files == 0


def test_the_same_file_again_is_counted_once(tmp_path: Path) -> None:
    made = objects()
    write(tmp_path, made)
    write(tmp_path, made[:1], label="b")
    found = sorted_studies([tmp_path])
    assert (found.same, found.faults, len(found.studies[0].files)) == (1, [], 3)


def test_the_same_instance_with_other_content_is_a_fault(tmp_path: Path) -> None:
    made = objects()
    write(tmp_path, made)
    other = copy.deepcopy(made[0])
    other.SliceThickness = 99
    write(tmp_path, [other], label="b")
    found = sorted_studies([tmp_path])
    assert ["other content" in fault.reason for fault in found.faults] == [True]
    assert len(found.studies[0].files) == 3


def test_no_representation_shows_a_value(tmp_path: Path) -> None:
    made = objects()
    write(tmp_path, [*made, *made[:1]])
    (tmp_path / "Zoltanyi.dcm").write_bytes(part_10((Element(0x00100010, "PN", "Zoltanyi"),))[:-4])
    found = sorted_studies([tmp_path])
    assert found.faults
    shown = repr(found)
    assert not [secret for secret in (*SECRETS, *uids_of(made)) if secret in shown]
