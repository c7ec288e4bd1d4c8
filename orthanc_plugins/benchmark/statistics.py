"""What samples say: percentiles with their uncertainty, and whether two archives differ.

The unit of evidence is the round: in each, both archives were asked the same, in random order and at about
the same time. Samples of one round are not independent of each other (they share the machine's mood), so
whole rounds are resampled, and a round counts once in the test.

Durations are in seconds here, but nothing depends on the unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

CONFIDENCE = 0.95
"""Level of every interval."""

SIGNIFICANCE = 0.05
"""Chance of calling any row of a run different although none is, at most."""

PERCENTILES = (50, 95, 99)

LEAST_ROUNDS = 5
"""Fewer rounds say nothing of how much rounds differ."""

_RESAMPLES = 2000
_PARTS = 20
"""Resamples are worked on in so many parts, so that thousands of samples take no gigabytes."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, both of which are None where the samples are too few for one."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Pairing:
    """The rounds in which both archives were measured: for each archive and round, its samples."""

    left: Sequence[NDArray[np.float64]]
    right: Sequence[NDArray[np.float64]]

    @property
    def rounds(self) -> int:
        """How many there are."""
        return len(self.left)


def percentiles(
    rounds: Sequence[NDArray[np.float64]], random: np.random.Generator
) -> Mapping[int, Estimate | None]:
    """Return percentiles of all samples, each with a bootstrap interval over rounds.

    A percentile is None where fewer than one sample would lie above it: the 95th needs 20 samples, the 99th
    100.

    Parameters
    ----------
    rounds
        The samples of each round, which may be none.
    random
        Chooses the resamples.
    """
    sample = _Sorted([samples for samples in rounds if len(samples)])
    counts = _resampled_rounds(sample.rounds, random)
    wanted = [percent for percent in PERCENTILES if sample.size >= least_samples(percent)]
    return {
        percent: sample.estimate(percent, counts) if percent in wanted else None for percent in PERCENTILES
    }


def least_samples(percent: int) -> int:
    """Return how many samples a percentile needs.

    >>> [least_samples(percent) for percent in (50, 95, 99)]
    [2, 20, 100]
    """
    return math.ceil(100 / (100 - percent))


def ratio_of_medians(pairing: Pairing, random: np.random.Generator) -> Estimate:
    """Return the right median over the left one, with a paired bootstrap interval.

    The same rounds are drawn for both sides, so that what slowed down both in one round cancels out.
    """
    left, right = _Sorted(pairing.left), _Sorted(pairing.right)
    value = float(right.median(None)[0] / left.median(None)[0])
    if pairing.rounds < LEAST_ROUNDS:
        return Estimate(value, None, None)
    counts = _resampled_rounds(pairing.rounds, random)
    return Estimate(value, *_interval(right.median(counts) / left.median(counts)))


def log_ratios(pairing: Pairing) -> NDArray[np.float64]:
    """Return, for each round, the logarithm of the right median over the left one."""
    medians = [[float(np.median(samples)) for samples in side] for side in (pairing.left, pairing.right)]
    return np.log(medians[1]) - np.log(medians[0])


def signed_rank_p_value(differences: NDArray[np.float64]) -> float:
    """Return the exact two-sided p-value of paired differences (Wilcoxon's signed ranks).

    If both archives were the same, each difference would have had either sign with equal chance, for it was
    drawn by lot which archive came first. All assignments of signs are counted, so ties and zeros need no
    correction. Ranks rather than values: one stalled round decides nothing.
    """
    there = differences[differences != 0]
    doubled = np.rint(2 * _ranks(np.abs(there))).astype(np.int64)  # ranks of ties are halves
    total = int(doubled.sum())
    chances = np.zeros(total + 1)  # of each sum of the ranks that are positive
    chances[0] = 1.0
    for rank in doubled:
        chances[rank:] += chances[: total + 1 - rank].copy()
        chances /= 2
    distances = np.abs(2 * np.arange(total + 1) - total)
    observed = abs(2 * int(doubled[there > 0].sum()) - total)
    return min(1.0, float(chances[distances >= observed].sum()))


def least_p_value(rounds: int) -> float:
    """Return the smallest p-value that so many rounds can have: all differences of one sign.

    >>> least_p_value(5)
    0.0625
    """
    return min(1.0, 2.0 ** (1 - rounds))


def rounds_needed(rows: int) -> int:
    """Return how many rounds a run of so many rows needs for any of them to be significant.

    >>> rounds_needed(1), rounds_needed(14)
    (6, 10)
    """
    return math.ceil(1 - math.log2(SIGNIFICANCE / max(1, rows)))


def corrected(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm's step-down): chance of any false one.

    >>> corrected([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for step, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[place]))
        adjusted[place] = highest
    return adjusted


class _Sorted:
    """All samples of one archive in ascending order, each with the round it is of."""

    def __init__(self, rounds: Sequence[NDArray[np.float64]]) -> None:
        values = np.concatenate([*rounds, np.empty(0)])
        of_round = np.repeat(np.arange(len(rounds)), [len(samples) for samples in rounds])
        order = np.argsort(values, kind="stable")
        self._values = values[order]
        self._of_round = of_round[order]
        self.rounds = len(rounds)
        self.size = len(values)

    def estimate(self, percent: int, counts: NDArray[np.int64]) -> Estimate:
        value = float(self._percentile(percent, None)[0])
        if self.rounds < LEAST_ROUNDS:
            return Estimate(value, None, None)
        return Estimate(value, *_interval(self._percentile(percent, counts)))

    def median(self, counts: NDArray[np.int64] | None) -> NDArray[np.float64]:
        return self._percentile(50, counts)

    def _percentile(self, percent: int, counts: NDArray[np.int64] | None) -> NDArray[np.float64]:
        """Return a percentile for each row of counts, which say how often each round was drawn.

        It is the middle of the smallest sample that at least so many per cent do not exceed and of the
        smallest that more do not exceed, so the 50th is the median as usual.
        """
        if counts is None:
            return self._of_draws(percent, np.ones((1, self.rounds), np.int64))
        return np.concatenate([self._of_draws(percent, part) for part in np.array_split(counts, _PARTS)])

    def _of_draws(self, percent: int, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        weights = counts[:, self._of_round]
        reached = 100 * np.cumsum(weights, axis=1)
        wanted = percent * (reached[:, -1:] // 100)
        first = (reached < wanted).sum(axis=1)
        beyond = (reached <= wanted).sum(axis=1)
        last = self.size - 1
        middle: NDArray[np.float64] = (
            self._values[np.minimum(first, last)] + self._values[np.minimum(beyond, last)]
        ) / 2
        return middle


def _resampled_rounds(rounds: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return how often each round was drawn in each resample, shape (resamples, rounds)."""
    if rounds == 0:
        return np.zeros((_RESAMPLES, 0), np.int64)
    counts: NDArray[np.int64] = random.multinomial(rounds, np.full(rounds, 1 / rounds), size=_RESAMPLES)
    return counts


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks of values from 1 on; equal ones share the mean of theirs."""
    ordered, place = np.unique(values, return_inverse=True)
    counts = np.bincount(place, minlength=len(ordered))
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks
