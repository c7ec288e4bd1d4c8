"""Files are read ahead of what is sent, a few at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import DicomFile
from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.transfers.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Iterator


def files(count: int, size: int = 10) -> Iterator[DicomFile]:
    for number in range(count):
        yield DicomFile(SopInstanceUid(f"1.{number}"), "1.2", "1.2.840.10008.1.2.1", bytes(size))


def test_all_files_are_given_in_their_order() -> None:
    with Feed(lambda: files(100), lambda _: None) as feed:
        given = [file.sop_instance_uid for file in feed]
    assert given == [f"1.{number}" for number in range(100)]
    assert feed.given == set(given)
    assert feed.bytes_given == 1000
    assert feed.error is None


@pytest.mark.parametrize(("size", "most"), [(10, 257), (20 * 10**6, 5)])
def test_few_files_are_read_ahead(size: int, most: int) -> None:
    read = 0
    reading = threading.Semaphore(0)

    def source() -> Iterator[DicomFile]:
        nonlocal read
        for file in files(1000, size):
            read += 1
            reading.release()
            yield file

    with Feed(source, lambda _: None) as feed:
        for given, _ in enumerate(feed):
            while reading.acquire(timeout=0.002):
                pass
            assert read - given <= most
            if given == 10:
                break
    assert read < 300


def test_an_error_of_the_source_ends_the_files_and_is_kept() -> None:
    def source() -> Iterator[DicomFile]:
        yield from files(3)
        raise ArchiveUnavailable("It broke off.", archive="orthanc")

    with Feed(source, lambda _: None) as feed:
        assert len(list(feed)) == 3
    assert isinstance(feed.error, ArchiveUnavailable)


def test_a_fault_of_the_source_is_raised_to_who_sends() -> None:
    def source() -> Iterator[DicomFile]:
        yield from files(2)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Feed(source, lambda _: None) as feed:
        list(feed)


def test_who_sends_no_more_ends_the_reading() -> None:
    before = set(threading.enumerate())
    with Feed(lambda: files(1000), lambda _: None) as feed:
        next(iter(feed))
    assert set(threading.enumerate()) <= before


def test_a_file_that_may_not_leave_was_not_given() -> None:
    def forbid(file: DicomFile) -> None:
        if file.sop_instance_uid == "1.2":
            raise PermissionError

    with Feed(lambda: files(5), forbid) as feed, pytest.raises(PermissionError):
        list(feed)
    assert feed.given == {"1.0", "1.1"}
