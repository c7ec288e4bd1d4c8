"""An archive of the researchers' is sent what is missing, and all of it is read back."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from orthanc_plugins.archives.base import Transport
from orthanc_plugins.delivery import ArchiveDestination
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, ReleaseRefused
from tests.fakes.archive import MemoryArchive
from tests.unit.delivery.parcels import build_parcel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import FileDataset

    from orthanc_plugins.delivery import Parcel


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    """Return a parcel whose objects the archives in memory know of: they do not read files."""
    made = build_parcel(tmp_path)
    source = MemoryArchive()
    for file in made.files:
        source.put(file.sop_instance_uid, study=made.study_uid, series=file.series_uid)
    return made


def coercing(change: Callable[[FileDataset], None]) -> Callable[[bytes], bytes]:
    def coerce(content: bytes) -> bytes:
        dataset = dcmread(io.BytesIO(content))
        change(dataset)
        written = io.BytesIO()
        dataset.save_as(written, enforce_file_format=True)
        return written.getvalue()

    return coerce


def test_all_is_stored_once_by_the_transport_that_is_asked_for(parcel: Parcel) -> None:
    archive = MemoryArchive()
    there = ArchiveDestination(archive, "RESEARCH", transport=Transport.C_STORE)
    delivery = there.deliver(parcel)
    assert there.deliver(parcel) == delivery
    assert archive.held() == {file.sop_instance_uid for file in parcel.files}
    assert set(archive.received.values()) == {1}
    assert archive.transports[0] is Transport.C_STORE
    assert (delivery.destination, delivery.instances) == ("archive:RESEARCH", 5)


def test_what_comes_later_is_added(parcel: Parcel) -> None:
    archive = MemoryArchive()
    there = ArchiveDestination(archive, "RESEARCH")
    there.deliver(replace(parcel, files=parcel.files[:2]))
    assert there.deliver(parcel).instances == 5
    assert set(archive.received.values()) == {1}


def test_a_file_that_was_written_anew_with_the_same_content_is_delivered(parcel: Parcel) -> None:
    archive = MemoryArchive()
    archive.faults.coerce = coercing(lambda one: setattr(one.file_meta, "ImplementationVersionName", "OTHER"))
    assert ArchiveDestination(archive, "RESEARCH").deliver(parcel).instances == 5


def test_an_archive_that_changes_attributes_is_told_which(parcel: Parcel) -> None:
    archive = MemoryArchive()
    archive.faults.coerce = coercing(lambda one: setattr(one, "PatientID", "ANOTHER"))
    with pytest.raises(ReleaseRefused, match=r"\(0010,0020\): it has another value, in 5 objects"):
        ArchiveDestination(archive, "RESEARCH").deliver(parcel)


def test_what_was_answered_and_is_not_there_is_no_delivery(parcel: Parcel) -> None:
    archive = MemoryArchive()
    archive.faults.swallowed = {parcel.files[0].sop_instance_uid}
    with pytest.raises(ReleaseRefused, match="it is missing, in 1 object"):
        ArchiveDestination(archive, "RESEARCH").deliver(parcel)


def test_refused_and_full_are_told_apart(parcel: Parcel) -> None:
    archive = MemoryArchive()
    archive.faults.refused = {parcel.files[0].sop_instance_uid: 0x0122}
    with pytest.raises(ArchiveRefused):
        ArchiveDestination(archive, "RESEARCH").deliver(parcel)
    archive.faults.refused = {}
    archive.faults.full = True
    with pytest.raises(ArchiveUnavailable):
        ArchiveDestination(archive, "RESEARCH").deliver(parcel)
    archive.faults.full = False
    assert ArchiveDestination(archive, "RESEARCH").deliver(parcel).instances == 5


def test_an_empty_parcel_is_no_delivery(parcel: Parcel) -> None:
    with pytest.raises(ReleaseRefused, match="it is empty"):
        ArchiveDestination(MemoryArchive(), "RESEARCH").deliver(replace(parcel, files=()))


def test_certificates_are_passed_over(parcel: Parcel) -> None:
    archive = MemoryArchive()
    ArchiveDestination(archive, "RESEARCH").attach(parcel, "certificate.json", b"{}")
    assert archive.requests == []


def test_files_that_were_written_anew_are_told_with_their_digests(parcel: Parcel) -> None:
    archive = MemoryArchive()
    assert ArchiveDestination(archive, "RESEARCH").deliver(parcel).stored == {}
    archive = MemoryArchive()
    archive.faults.coerce = coercing(lambda one: setattr(one.file_meta, "ImplementationVersionName", "OTHER"))
    stored = ArchiveDestination(archive, "RESEARCH").deliver(parcel).stored
    assert stored.keys() == {file.sop_instance_uid for file in parcel.files}
    assert not set(stored.values()) & {file.sha256 for file in parcel.files}


def test_objects_of_earlier_releases_are_counted_and_foreign_ones_refused_before_anything_is_sent(
    parcel: Parcel,
) -> None:
    archive = MemoryArchive()
    there = ArchiveDestination(archive, "RESEARCH")
    there.deliver(replace(parcel, files=parcel.files[:2]))
    fewer = replace(parcel, files=parcel.files[1:])
    with pytest.raises(ReleaseRefused, match="has 1 object that the suite has not released"):
        there.deliver(fewer)
    assert len(archive.held()) == 2
    earlier = frozenset({parcel.files[0].sop_instance_uid})
    delivery = there.deliver(replace(fewer, earlier=earlier))
    assert (delivery.instances, delivery.uncovered, delivery.sent) == (4, 1, 3)
