"""How many bytes a second leave."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.transfers import Limiter


class Clock:
    """A clock that only sleeping advances."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.longest_s = 0.0

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.longest_s = max(self.longest_s, seconds)


@given(
    rate=st.floats(1, 1e9),
    sizes_s=st.lists(st.floats(0, 20), min_size=1, max_size=30),
)
def test_no_more_leaves_than_is_allowed_but_for_a_second_ahead(rate: float, sizes_s: list[float]) -> None:
    sizes = [int(rate * size_s) for size_s in sizes_s]
    clock = Clock()
    limiter = Limiter(rate, clock.read, clock.sleep)
    for size in sizes:
        limiter.take(size)
    assert sum(sizes) <= rate * (clock.now_s + 1.002)
    assert clock.now_s <= sum(sizes) / rate + 1


def test_it_waits_until_everything_is_paid() -> None:
    clock = Clock()
    limiter = Limiter(1000, clock.read, clock.sleep)
    limiter.take(60_000)
    assert clock.now_s == pytest.approx(59, abs=0.01)
    assert clock.longest_s == 1


def test_a_long_wait_can_be_broken_off() -> None:
    clock = Clock()
    limiter = Limiter(1000, clock.read, clock.sleep)

    class Cancelled(Exception):  # noqa: N818
        pass

    def check() -> None:
        if clock.now_s > 30:
            raise Cancelled

    with pytest.raises(Cancelled):
        limiter.take(3_600_000, check)
    assert clock.now_s < 33


def test_without_a_limit_nothing_waits() -> None:
    clock = Clock()
    limiter = Limiter(None, clock.read, clock.sleep)
    limiter.take(10**12)
    assert clock.now_s == 0


def test_those_that_send_at_once_share_the_limit() -> None:
    clock = Clock()
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            clock.now_s += seconds

    limiter = Limiter(100, clock.read, sleep)

    def send() -> None:
        for _ in range(25):
            limiter.take(10)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now_s >= 1000 / 100 - 1.01
