"""ZIPs hold released files and say nothing else."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.delivery.packing import content_of, zips_of
from orthanc_plugins.errors import ReleaseRefused
from tests.unit.delivery.parcels import build_parcel

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_numbers_without_a_time_and_zips_are_small(tmp_path: Path) -> None:
    parcel = build_parcel(tmp_path / "parcel")
    seen = []
    for zipped in zips_of(parcel.files, tmp_path, most=2):
        with zipfile.ZipFile(zipped) as packed:
            seen.append([(one.filename, one.date_time[0], one.comment) for one in packed.infolist()])
            assert packed.read("000001.dcm") == parcel.files[2 * len(seen) - 2].path.read_bytes()
    one, two = ("000001.dcm", 1980, b""), ("000002.dcm", 1980, b"")
    assert seen == [[one, two], [one, two], [one]]
    assert list(tmp_path.glob("*.zip")) == []


def test_a_file_that_is_not_the_released_one_is_not_packed(tmp_path: Path) -> None:
    parcel = build_parcel(tmp_path / "parcel")
    parcel.files[3].path.write_bytes(b"another")
    with pytest.raises(ReleaseRefused, match="is not the one that was released"):
        list(zips_of(parcel.files, tmp_path))
    with pytest.raises(ReleaseRefused):
        content_of(parcel.files[3])
    assert list(tmp_path.glob("*.zip")) == []
