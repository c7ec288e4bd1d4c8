"""The same question asked of both archives in turn, and whether one is faster: told only where it is certain.

Each round asks both, in alternating order, so that what slows the machine slows both. The ratio is that of
pairs; whether it could be chance is told by an exact sign-flip test on their logarithms: under the hypothesis
that neither is faster, each pair's sign is as likely as its opposite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS = 10
"""Pairs that are timed; 2 ** 10 sign flips are counted."""

SIGNIFICANT = 0.05
"""A ratio is told where chance alone would give so clear a one less often than this."""

_FEWEST = 6
"""With fewer pairs not even the clearest outcome is significant: 2 / 2 ** 5 is more than `SIGNIFICANT`."""


@dataclass(frozen=True)
class PairedTimes:
    """Seconds that each archive took, pair by pair."""

    left_s: tuple[float, ...]
    right_s: tuple[float, ...]

    @property
    def left_mean_ms(self) -> float:
        """Mean of the left archive's times, in milliseconds."""
        return fmean(self.left_s) * 1000

    @property
    def right_mean_ms(self) -> float:
        """Mean of the right archive's times, in milliseconds."""
        return fmean(self.right_s) * 1000

    @property
    def p_value(self) -> float:
        """How often chance alone makes the times differ at least so clearly; two-sided."""
        return sign_flip_p(self._logs)

    @property
    def ratio(self) -> float | None:
        """Median over the pairs of right by left; None where the difference may be chance."""
        if len(self.left_s) < _FEWEST or self.p_value >= SIGNIFICANT:
            return None
        return math.exp(median(self._logs))

    @property
    def _logs(self) -> list[float]:
        return [math.log(right / left) for left, right in zip(self.left_s, self.right_s, strict=True)]


def time_pairs(
    left: Callable[[], object],
    right: Callable[[], object],
    clock: Callable[[], float],
    rounds: int = ROUNDS,
) -> PairedTimes:
    """Return how long each side takes; one pair before the first is not counted, to open connections."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for side in (0, 1) if number % 2 else (1, 0):
            began = clock()
            (left, right)[side]()
            if number:
                times[side].append(max(clock() - began, 1e-9))
    return PairedTimes(tuple(times[0]), tuple(times[1]))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of the exact sign-flip test that differences lie around zero.

    >>> sign_flip_p([1.0] * 10), sign_flip_p([1.0, -1.0])
    (0.001953125, 1.0)
    """
    observed = abs(math.fsum(differences))
    tolerance = 1e-12 * max(observed, 1.0)
    extreme = sum(
        abs(math.fsum(sign * one for sign, one in zip(signs, differences, strict=True)))
        >= observed - tolerance
        for signs in product((1.0, -1.0), repeat=len(differences))
    )
    return float(extreme / 2 ** len(differences))
