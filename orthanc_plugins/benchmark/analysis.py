"""What the samples of a run say of each row: how long, how sure, and whether the archives differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.samples import Condition, Outcome
from orthanc_plugins.benchmark.statistics import (
    SIGNIFICANCE,
    Estimate,
    Pairing,
    corrected,
    log_ratios,
    percentiles,
    ratio_of_medians,
    rounds_needed,
    signed_rank_p_value,
)
from orthanc_plugins.benchmark.targets import TITLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.benchmark.samples import Sample
    from orthanc_plugins.benchmark.workloads import RowKind

MOST_FAULTS = 0.05
"""Share of requests that may fail on either side: beyond it, what succeeded is no fair sample."""

_MOST_FAULT_TEXTS = 5


@dataclass(frozen=True)
class Side:
    """One archive in one row.

    Parameters
    ----------
    requests
        How many there were; ``ok``, ``failed`` and ``wrong`` make them up.
    faults
        How often each fault came, the most frequent first.
    percentiles
        In seconds, of the requests that were answered rightly; None where these are too few.
    """

    requests: int
    ok: int
    failed: int
    wrong: int
    faults: Mapping[str, int]
    percentiles: Mapping[int, Estimate | None]

    @property
    def success_percent(self) -> float | None:
        """Share of the requests that were answered rightly."""
        return 100 * self.ok / self.requests if self.requests else None

    @property
    def median_s(self) -> float | None:
        """The 50th percentile, in seconds."""
        median = self.percentiles.get(50)
        return None if median is None else median.value


@dataclass(frozen=True)
class Row:
    """One row of the results.

    Parameters
    ----------
    sides
        Each archive by itself.
    paired_rounds
        Rounds in which both archives gave a right answer.
    ratio
        DCM4CHEE's median over Orthanc's, with its interval; None where there is none to be had.
    p_value, corrected_p_value
        Of the test that the archives differ, by itself and corrected for the number of rows.
    performance_ratio
        The ratio, rounded; None where it is withheld.
    withheld
        Why it is.
    """

    kind: RowKind
    condition: Condition
    sides: Mapping[ArchiveName, Side]
    paired_rounds: int
    ratio: Estimate | None
    p_value: float | None
    corrected_p_value: float | None
    performance_ratio: float | None
    withheld: str | None


@dataclass(frozen=True)
class _Tested:
    kind: RowKind
    condition: Condition
    sides: Mapping[ArchiveName, Side]
    rounds: int
    ratio: Estimate | None
    p_value: float | None


def analyse(kinds: Sequence[RowKind], samples: Iterable[Sample], seed: int) -> list[Row]:
    """Return the rows of a run, in the order of their kinds, cold before warm.

    Parameters
    ----------
    samples
        Those of rounds that do not count are passed over.
    seed
        The same one gives the same intervals.
    """
    sorted_in: dict[tuple[str, Condition], list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.counts:
            sorted_in[sample.row, sample.condition].append(sample)
    tested = [
        _test(kind, condition, sorted_in[kind.key, condition], np.random.default_rng(seed))
        for kind in kinds
        for condition in kind.conditions
    ]
    p_values = iter(corrected([row.p_value for row in tested if row.p_value is not None]))
    rows = sum(row.p_value is not None for row in tested)
    return [_judged(row, None if row.p_value is None else next(p_values), rows) for row in tested]


def _test(
    kind: RowKind, condition: Condition, samples: Sequence[Sample], random: np.random.Generator
) -> _Tested:
    of_archive = {name: [one for one in samples if one.archive is name] for name in ArchiveName}
    sides = {name: _side(found, random) for name, found in of_archive.items()}
    rounds = {name: _durations(found) for name, found in of_archive.items()}
    left, right = rounds[ArchiveName.ORTHANC], rounds[ArchiveName.DCM4CHEE]
    both = sorted(left.keys() & right.keys())
    if not both:
        return _Tested(kind, condition, sides, 0, None, None)
    pairing = Pairing([left[number] for number in both], [right[number] for number in both])
    p_value = signed_rank_p_value(log_ratios(pairing))
    return _Tested(kind, condition, sides, len(both), ratio_of_medians(pairing, random), p_value)


def _durations(samples: Sequence[Sample]) -> dict[int, NDArray[np.float64]]:
    """Return the durations of what succeeded, by round."""
    rounds: dict[int, list[float]] = defaultdict(list)
    for sample in samples:
        if sample.outcome is Outcome.OK:
            rounds[sample.round].append(sample.duration_s)
    return {number: np.array(durations) for number, durations in rounds.items()}


def _side(samples: Sequence[Sample], random: np.random.Generator) -> Side:
    outcomes = Counter(sample.outcome for sample in samples)
    faults = Counter(sample.detail for sample in samples if sample.outcome is not Outcome.OK)
    return Side(
        requests=len(samples),
        ok=outcomes[Outcome.OK],
        failed=outcomes[Outcome.FAILED],
        wrong=outcomes[Outcome.WRONG],
        faults=dict(faults.most_common(_MOST_FAULT_TEXTS)),
        percentiles=percentiles(list(_durations(samples).values()), random),
    )


def _judged(row: _Tested, corrected_p_value: float | None, rows: int) -> Row:
    withheld = _why_withheld(row, corrected_p_value, rows)
    return Row(
        kind=row.kind,
        condition=row.condition,
        sides=row.sides,
        paired_rounds=row.rounds,
        ratio=row.ratio,
        p_value=row.p_value,
        corrected_p_value=corrected_p_value,
        performance_ratio=None if withheld or row.ratio is None else float(f"{row.ratio.value:.3g}"),
        withheld=withheld,
    )


def _why_withheld(row: _Tested, corrected_p_value: float | None, rows: int) -> str | None:
    """Return why no performance_ratio is told, None when it is."""
    for name, side in row.sides.items():
        if side.requests == 0:
            return f"not asked of {TITLES[name]}"
        if side.ok < (1 - MOST_FAULTS) * side.requests:
            return (
                f"{side.failed + side.wrong} of {side.requests} requests failed or were answered wrongly by "
                f"{TITLES[name]}: what succeeded is no fair sample"
            )
    needed = rounds_needed(rows)
    if row.rounds < needed or row.ratio is None or row.ratio.low is None or row.ratio.high is None:
        return f"too few rounds: {row.rounds}, and {needed} are needed for {rows} rows"
    if corrected_p_value is None or corrected_p_value > SIGNIFICANCE:
        return f"not significant: a difference of this size may be chance (p = {corrected_p_value:.2g})"
    if row.ratio.low <= 1 <= row.ratio.high:
        return "not significant: the interval of the ratio holds 1"
    return None
