"""Smoothing that takes the steps off a surface without shrinking the body.

Taubin's filter (1995): each of its steps moves every vertex towards the mean of its neighbours, then a little
farther away from it, so that waves longer than some vertices stay and shorter ones go. Done step by step,
twenty of them take forty passes over the surface. All of them together are one polynomial of the averaging,
and a sum of eleven Chebyshev polynomials is that polynomial to a thousandth: eleven passes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial import chebyshev

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

SHRINK, GROW = 0.5, -0.53
CLOSENESS = 1e-3
"""How far the share of a wave that stays may differ from Taubin's."""
_FINENESS = 1001


def transfer(mean: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Return the share of a wave that Taubin's steps leave.

    Parameters
    ----------
    mean
        Shape (n,): the mean of its neighbours as a multiple of the vertex's own value, -1 to 1; 1 for waves
        without end.
    """
    away = 1 - mean
    kept: NDArray[np.float64] = ((1 - SHRINK * away) * (1 - GROW * away)) ** steps
    return kept


@cache
def weights(steps: int) -> tuple[float, ...]:
    """Return the weights of the Chebyshev polynomials, as few as come within `CLOSENESS`.

    >>> len(weights(20)) - 1
    11
    """
    mean = np.linspace(-1, 1, _FINENESS)
    wanted = transfer(mean, steps)
    for degree in range(2 * steps + 1):
        at = chebyshev.chebpts1(degree + 1)
        series = np.linalg.solve(chebyshev.chebvander(at, degree), transfer(at, steps))
        series[0] += 1 - series.sum()  # what does not vary is not changed
        if np.abs(chebyshev.chebval(mean, series) - wanted).max() < CLOSENESS:
            break
    return tuple(series.tolist())


def smoothed(points: NDArray[np.float32], mean: csr_array, steps: int) -> NDArray[np.float32]:
    """Return points (n, 3) after smoothing.

    Parameters
    ----------
    mean
        Shape (n, n): averages the neighbours of each vertex.
    """
    series = np.array(weights(steps), dtype=np.float32)
    total: NDArray[np.float32] = series[0] * points
    if len(series) == 1:
        return total
    before, now = points, mean @ points
    for weight in series[1:-1]:
        total += weight * now
        before, now = now, 2 * (mean @ now) - before
    total += series[-1] * now
    return total
