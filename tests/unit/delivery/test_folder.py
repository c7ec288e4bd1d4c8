"""A folder gets whole files, once, and is read back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.delivery import FolderDestination
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, ReleaseRefused
from tests.unit.delivery.parcels import PATIENT, build_parcel

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.delivery import Parcel


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    return build_parcel(tmp_path / "parcel")


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_files_stand_by_patient_study_and_series(tmp_path: Path, parcel: Parcel) -> None:
    delivery = FolderDestination(tmp_path / "out").deliver(parcel)
    assert files_in(tmp_path / "out") == {
        f"{PATIENT}/{parcel.study_uid}/{file.series_uid}/{file.sop_instance_uid}.dcm" for file in parcel.files
    }
    assert (delivery.destination, delivery.instances, delivery.changes) == ("folder:out", 5, {})
    assert delivery.address == str(tmp_path / "out" / PATIENT / parcel.study_uid)


def test_delivering_again_writes_only_what_is_missing(tmp_path: Path, parcel: Parcel) -> None:
    there = FolderDestination(tmp_path / "out")
    first = there.deliver(replace(parcel, files=parcel.files[:2]))
    kept = {path: path.stat().st_ino for path in (tmp_path / "out").rglob("*.dcm")}
    assert (first.instances, there.deliver(parcel).instances) == (2, 5)
    assert {path: path.stat().st_ino for path in kept} == kept


def test_another_file_in_an_object_s_place_is_left_and_refused(tmp_path: Path, parcel: Parcel) -> None:
    there = FolderDestination(tmp_path / "out")
    there.deliver(parcel)
    place = next((tmp_path / "out").rglob("*.dcm"))
    place.write_bytes(b"another")
    with pytest.raises(ArchiveRefused, match="with other content"):
        there.deliver(parcel)
    assert place.read_bytes() == b"another"


def test_a_disk_that_writes_something_else_is_found(
    tmp_path: Path, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "copyfile", lambda _, target: target.write_bytes(b"else"))
    with pytest.raises(ReleaseRefused, match="5 of 5 files"):
        FolderDestination(tmp_path / "out").deliver(parcel)


def test_a_full_disk_is_unavailable_and_leaves_nothing_half_written(
    tmp_path: Path, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(ArchiveUnavailable, match="No space left") as told:
        FolderDestination(tmp_path / "out").deliver(parcel)
    assert str(tmp_path / "out") in str(told.value)
    assert files_in(tmp_path / "out") == set()


@pytest.mark.parametrize("patient", ["..", "a/b", "", "Oberhuber^Anne"])
def test_no_label_leads_out_of_the_folder(tmp_path: Path, parcel: Parcel, patient: str) -> None:
    with pytest.raises(ArchiveRefused) as refused:
        FolderDestination(tmp_path / "out").deliver(replace(parcel, patient=patient))
    assert "Oberhuber" not in str(refused.value)
    with pytest.raises(ArchiveRefused):
        FolderDestination(tmp_path / "out").deliver(replace(parcel, study_uid="../1.2"))
    assert not (tmp_path / "out").exists()


def test_certificates_stand_in_the_study_and_are_replaced(tmp_path: Path, parcel: Parcel) -> None:
    there = FolderDestination(tmp_path / "out")
    there.attach(parcel, "certificate.json", b"{}")
    there.attach(parcel, "certificate.json", b"{1}")
    place = tmp_path / "out" / PATIENT / parcel.study_uid / "certificate.json"
    assert place.read_bytes() == b"{1}"
    assert files_in(tmp_path / "out") == {place.relative_to(tmp_path / "out").as_posix()}
    for name in ("../x", ".x", "", "a b"):
        with pytest.raises(ArchiveRefused):
            there.attach(parcel, name, b"")


def test_objects_of_earlier_releases_are_counted_and_foreign_ones_refused(
    tmp_path: Path, parcel: Parcel
) -> None:
    there = FolderDestination(tmp_path / "out")
    assert there.deliver(parcel).uncovered == 0
    fewer = replace(parcel, files=parcel.files[1:])
    known = frozenset(file.sop_instance_uid for file in parcel.files)
    delivery = there.deliver(replace(fewer, earlier=known))
    assert (delivery.instances, delivery.uncovered, delivery.sent) == (4, 1, 0)
    with pytest.raises(ReleaseRefused, match="has 1 object that the suite has not released"):
        there.deliver(fewer)
