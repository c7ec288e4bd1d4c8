"""A study is held by one at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import StoreError
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.transfers import LeaseLostError, held_study
from orthanc_plugins.transfers.lease import LASTING_S, Lease

if TYPE_CHECKING:
    from datetime import timedelta

STUDY = StudyUid("1.2")


class Book:
    """Leases in memory, which never run out by themselves."""

    def __init__(self) -> None:
        self.holders: dict[str, str] = {}
        self.asked = threading.Semaphore(0)
        self.failure: Exception | None = None

    def acquire(self, name: str, holder: str, lasting: timedelta) -> bool:
        self.asked.release()
        if self.failure is not None:
            raise self.failure
        assert lasting.total_seconds() == LASTING_S
        return self.holders.setdefault(name, holder) == holder

    def release(self, name: str, holder: str) -> None:
        if self.holders.get(name) == holder:
            del self.holders[name]


def test_a_held_study_is_given_back() -> None:
    book = Book()
    with held_study(book, STUDY, "one", lambda: 0.0) as lease:
        assert lease is not None
        lease.guard()
        assert book.holders == {"study:1.2": "one"}
        with held_study(book, STUDY, "two", lambda: 0.0) as other:
            assert other is None
    assert book.holders == {}


def test_a_study_that_another_holds_is_not_given_back() -> None:
    book = Book()
    book.holders["study:1.2"] = "two"
    with held_study(book, STUDY, "one", lambda: 0.0) as lease:
        assert lease is None
    assert book.holders == {"study:1.2": "two"}


def test_it_is_given_back_when_what_is_done_fails() -> None:
    book = Book()
    with pytest.raises(ZeroDivisionError), held_study(book, STUDY, "one", lambda: 0.0):
        raise ZeroDivisionError
    assert book.holders == {}


def test_a_lease_that_could_not_be_renewed_for_long_guards_no_more() -> None:
    now_s = 0.0
    lease = Lease(Book(), "study:1.2", "one", lambda: now_s)
    assert lease.take()
    now_s = LASTING_S / 2
    lease.guard()
    now_s = LASTING_S - 1
    with pytest.raises(LeaseLostError):
        lease.guard()
    lease.take()
    lease.guard()


def test_a_lease_that_another_took_guards_no_more() -> None:
    book = Book()
    lease = Lease(book, "study:1.2", "one", lambda: 0.0)
    lease.take()
    book.holders["study:1.2"] = "two"
    assert not lease.take()
    with pytest.raises(LeaseLostError):
        lease.guard()


def test_a_lease_is_renewed_while_it_is_held_also_after_the_database_was_away() -> None:
    book = Book()
    lease = Lease(book, "study:1.2", "one", lambda: 0.0)
    lease.take()
    keeper = threading.Thread(target=lease.keep, args=(0.001,))
    keeper.start()
    for failure in (None, StoreError("It is away."), None):
        book.failure = failure
        for _ in range(3):
            assert book.asked.acquire(timeout=10)
    lease.guard()
    lease.release()
    keeper.join(10)
    assert not keeper.is_alive()
