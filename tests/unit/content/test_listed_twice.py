"""An instance that an archive keeps in two series is listed twice: that is told, and nothing else."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from orthanc_plugins.archives.base import ArchiveName, DicomFile, InstanceEntry
from orthanc_plugins.content import StudyCopy, compare_studies
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.sync.differences import StudyCounts
from orthanc_plugins.sync.listing import compare_listings
from tests.bench.archives.alterations import with_image_twice
from tests.bench.archives.studies import GeneratedStudy

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import SopInstanceUid
    from tests.bench.archives.studies import GeneratedFile

NOW = datetime(2026, 11, 29, tzinfo=UTC)
STUDY = GeneratedStudy(4)
ONCE = list(STUDY.files())
TWICE = with_image_twice(ONCE)


def copy_of(files: list[GeneratedFile]) -> StudyCopy:
    entries = [
        InstanceEntry(file.sop_instance_uid, file.series_uid, STUDY.uid, "1.2", file.modality)
        for file in files
    ]
    return StudyCopy(entries, [_file(file) for file in files])


def _file(file: GeneratedFile) -> DicomFile:
    meta = dcmread(io.BytesIO(file.content), stop_before_pixels=True).file_meta
    return DicomFile(
        file.sop_instance_uid, meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID, file.content
    )


def not_again(side: ArchiveName, uid: SopInstanceUid) -> DicomFile:
    raise AssertionError(f"{uid} of {side} is asked for again.")


@pytest.mark.parametrize("twice", [TWICE, TWICE[::-1]], ids=["its own series first", "the other one first"])
@pytest.mark.parametrize("left_is_odd", [True, False])
def test_it_is_a_count_and_its_own_copy_is_compared(twice: list[GeneratedFile], *, left_is_odd: bool) -> None:
    left, right = (twice, ONCE) if left_is_odd else (ONCE, twice)
    found = compare_studies(STUDY.uid, copy_of(left), copy_of(right), fetch=not_again, compared_at=NOW)
    (difference,) = found.differences
    assert (difference.kind, difference.level, difference.sop_instance_uid) == (
        "count",
        "instance",
        TWICE[-1].sop_instance_uid,
    )
    assert (difference.left, difference.right) == (("2", "1") if left_is_odd else ("1", "2"))
    assert (found.incomplete, found.instances_compared) == ((), 3)
    assert (found.left, found.right)[not left_is_odd] == StudyCounts(2, 4)


def test_the_listings_alone_tell_it_too() -> None:
    left, right = copy_of(TWICE[::-1]).entries, copy_of(ONCE).entries
    found = compare_listings(StudyUid(STUDY.uid), left, right, compared_at=NOW)
    assert [one.kind for one in found.differences] == ["count"]


def test_what_is_in_another_series_altogether_has_moved() -> None:
    moved = [file for place, file in enumerate(TWICE) if place != 1]
    left, right = copy_of(moved).entries, copy_of(ONCE).entries
    found = compare_listings(STUDY.uid, left, right, compared_at=NOW)
    assert [(one.kind, one.keyword) for one in found.differences] == [("metadata", "SeriesInstanceUID")]
