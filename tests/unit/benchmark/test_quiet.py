"""No round of synchronisation while a benchmark is at work."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins import synchronisation
from orthanc_plugins.benchmark.quiet import PATIENCE_S, SYNCHRONISATION, holder_of, undisturbed
from orthanc_plugins.errors import BenchmarkRefused

if TYPE_CHECKING:
    from orthanc_plugins.store import Store

LONG = timedelta(minutes=5)


class Clock:
    """Time that passes by waiting alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_is_the_lease_of_a_round() -> None:
    assert synchronisation.LEASE == SYNCHRONISATION


def test_no_round_can_begin_meanwhile(store: Store) -> None:
    with undisturbed(store.leases, "0123abcd"):
        assert store.leases.holder(SYNCHRONISATION) == holder_of("0123abcd")
        assert not store.leases.acquire(SYNCHRONISATION, "round", LONG)
    assert store.leases.acquire(SYNCHRONISATION, "round", LONG)


def test_a_round_under_way_is_waited_for(store: Store) -> None:
    store.leases.acquire(SYNCHRONISATION, "round", LONG)
    clock = Clock()

    def check() -> None:
        if clock.now >= 5:
            store.leases.release(SYNCHRONISATION, "round")

    with undisturbed(store.leases, "0123abcd", check, clock=clock, sleep=clock.sleep):
        assert 5 <= clock.now < 8


def test_but_not_for_ever(store: Store) -> None:
    store.leases.acquire(SYNCHRONISATION, "round", LONG)
    clock = Clock()
    with (
        pytest.raises(BenchmarkRefused, match="A round of synchronisation is under way"),
        undisturbed(store.leases, "0123abcd", clock=clock, sleep=clock.sleep),
    ):
        raise AssertionError("It must not begin.")
    assert clock.now > PATIENCE_S
    assert store.leases.holder(SYNCHRONISATION) == "round"


def test_the_lease_is_given_back_after_a_fault(store: Store) -> None:
    with pytest.raises(KeyError), undisturbed(store.leases, "0123abcd"):
        raise KeyError
    assert store.leases.holder(SYNCHRONISATION) is None
