from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.sync.timing import SIGNIFICANT, PairedTimes, sign_flip_p, time_pairs

if TYPE_CHECKING:
    from collections.abc import Callable


class Machine:
    """Two questions that take given times on a clock of its own."""

    def __init__(self, **seconds: float) -> None:
        self.now = 0.0
        self.asked: list[str] = []
        self._seconds = seconds

    def clock(self) -> float:
        return self.now

    def ask(self, side: str) -> Callable[[], None]:
        def asked() -> None:
            self.asked.append(side)
            self.now += self._seconds[side]

        return asked


def test_both_are_asked_in_alternating_order_and_the_first_pair_is_not_counted() -> None:
    machine = Machine(left=0.1, right=0.2)
    times = time_pairs(machine.ask("left"), machine.ask("right"), machine.clock, rounds=3)
    assert machine.asked == ["right", "left", "left", "right", "right", "left", "left", "right"]
    assert times.left_s == pytest.approx((0.1, 0.1, 0.1))
    assert times.right_mean_ms == pytest.approx(200.0)


def test_a_clear_difference_is_told_as_the_ratio_of_pairs() -> None:
    machine = Machine(left=0.1, right=0.124)
    assert time_pairs(machine.ask("left"), machine.ask("right"), machine.clock).ratio == pytest.approx(1.24)


def test_what_may_be_chance_is_not_told() -> None:
    times = PairedTimes((1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.5), (2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 1.5))
    assert times.ratio is None
    assert times.p_value == 1.0


def test_too_few_pairs_tell_nothing() -> None:
    assert PairedTimes((1.0,) * 5, (9.0,) * 5).ratio is None
    assert PairedTimes((1.0,) * 6, (9.0,) * 6).ratio == pytest.approx(9.0)


def test_equal_archives_are_seldom_told_to_differ() -> None:
    chance = random.Random(4)
    wrong = sum(sign_flip_p([chance.gauss(0, 1) for _ in range(8)]) < SIGNIFICANT for _ in range(400))
    assert wrong <= 32  # 20 are expected
