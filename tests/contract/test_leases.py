"""Leases, the same on SQLite and PostgreSQL: each has one holder at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

import pytest

from tests.contract.ledger import LONG, at_once

if TYPE_CHECKING:
    from datetime import tzinfo

    from orthanc_plugins.store import (
        Leases,
        Store,
    )


@pytest.fixture
def leases(store: Store) -> Leases:
    return store.leases


def test_a_lease_has_one_holder(leases: Leases) -> None:
    assert leases.acquire("study:1", "one", LONG)
    assert not leases.acquire("study:1", "two", LONG)
    assert leases.acquire("study:2", "two", LONG)
    assert (leases.holder("study:1"), leases.holder("study:2"), leases.holder("x")) == ("one", "two", None)


def test_a_holder_may_take_its_lease_again(leases: Leases) -> None:
    assert leases.acquire("study:1", "one", timedelta(0))
    assert leases.acquire("study:1", "one", LONG)
    assert not leases.acquire("study:1", "two", LONG)


def test_a_lease_that_ran_out_is_anybodys(leases: Leases) -> None:
    assert leases.acquire("study:1", "one", timedelta(0))
    assert leases.holder("study:1") is None
    assert leases.acquire("study:1", "two", LONG)
    assert not leases.acquire("study:1", "one", LONG)


def test_a_lease_given_back_is_anybodys_and_one_lost_is_not_given_back(leases: Leases) -> None:
    leases.acquire("study:1", "one", timedelta(0))
    leases.acquire("study:1", "two", LONG)
    leases.release("study:1", "one")
    assert leases.holder("study:1") == "two"
    leases.release("study:1", "two")
    assert leases.acquire("study:1", "three", LONG)


def test_of_many_that_want_a_lease_at_the_same_moment_one_has_it(leases: Leases) -> None:
    taken = at_once(12, lambda number: leases.acquire("study:1", str(number), LONG))
    assert sorted(taken) == [False] * 11 + [True]


def test_of_many_that_want_a_lease_that_ran_out_one_has_it(leases: Leases) -> None:
    leases.acquire("study:1", "dead", timedelta(0))
    taken = at_once(12, lambda number: leases.acquire("study:1", str(number), LONG))
    assert sorted(taken) == [False] * 11 + [True]


def test_the_clock_of_a_shared_database_decides_not_the_machines(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(hours=1)

    assert store.leases.acquire("study:1", "one", LONG)
    monkeypatch.setattr("orthanc_plugins.store.leases.datetime", Ahead)
    alone = store._engine.dialect.name == "sqlite"  # which only one machine can have
    assert store.leases.acquire("study:1", "two", LONG) is alone
