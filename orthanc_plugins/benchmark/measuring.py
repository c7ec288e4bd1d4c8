"""The rounds of a run: every question asked of both archives, by lot which is first, every sample kept."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.samples import Outcome, Reading, Sample
from orthanc_plugins.errors import ArchiveUnavailable, BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from orthanc_plugins.benchmark.memory import MemoryWatch
    from orthanc_plugins.benchmark.site import Site
    from orthanc_plugins.benchmark.workloads import Workload

WARM_UP_ROUNDS = 1
"""Rounds before those that count, for compilers at run time and caches; their samples are kept, too."""

PATIENCE = 3
"""Visits one after the other that gave nothing right, until an archive counts as lost."""


@dataclass(frozen=True)
class Turn:
    """One question in one round, and which archive is asked first."""

    round: int
    row: str
    first: ArchiveName


@dataclass(frozen=True)
class RoundMemory:
    """The most memory an archive was seen to hold while it was asked in one round, its shim's apart."""

    round: int
    archive: ArchiveName
    peak_bytes: int | None
    shim_bytes: int | None


@dataclass
class Watches:
    """What watches the memory of an archive, and of a shim in front of it."""

    archive: MemoryWatch
    shim: MemoryWatch


@dataclass
class Measured:
    """All that a run has measured so far."""

    samples: list[Sample] = field(default_factory=list)
    memory: list[RoundMemory] = field(default_factory=list)


def make_schedule(rows: Sequence[str], rounds: int, seed: int) -> list[Turn]:
    """Return the turns of all rounds: in each, the rows in random order, and by lot which archive is first.

    Each lot is drawn by itself, which is what the test of significance rests on.

    Parameters
    ----------
    rows
        Keys of what is asked.
    rounds
        Those that count; `WARM_UP_ROUNDS` come before them.
    seed
        The same one gives the same turns.
    """
    lots = random.Random(f"{seed}|schedule")  # noqa: S311 - no secret
    turns = []
    for number in range(1 - WARM_UP_ROUNDS, rounds + 1):
        shuffled = list(rows)
        lots.shuffle(shuffled)
        turns += [Turn(number, row, lots.choice(tuple(ArchiveName))) for row in shuffled]
    return turns


@dataclass
class Rounds:
    """Goes through a schedule.

    Parameters
    ----------
    workloads
        By their keys.
    sites
        Both archives.
    watches
        What watches their memory.
    on_turn
        Told each turn before it is taken, and how many there are; may raise to end the run.
    """

    workloads: Mapping[str, Workload]
    sites: Mapping[ArchiveName, Site]
    watches: Mapping[ArchiveName, Watches]
    on_turn: Callable[[Turn, int, int], None]
    _measured: Measured = field(default_factory=Measured, init=False)
    _in_vain: Counter[ArchiveName] = field(default_factory=Counter, init=False)
    _began: float = field(default=0.0, init=False)

    def go(self, schedule: Sequence[Turn]) -> Measured:
        """Take all turns and return what was measured.

        Raises
        ------
        BenchmarkError
            An archive gave nothing right in several visits one after the other.
        ArchiveRefused
            An archive refuses what has to be done before or after the clock runs.
        """
        self._began = time.perf_counter()
        for place, turn in enumerate(schedule):
            self.on_turn(turn, place + 1, len(schedule))
            self._take(turn)
            if place + 1 == len(schedule) or schedule[place + 1].round != turn.round:
                self._end_round(turn.round)
        return self._measured

    def _take(self, turn: Turn) -> None:
        workload = self.workloads[turn.row]
        workload.prepare(turn.round)
        for number, name in enumerate((turn.first, turn.first.other)):
            site, watches = self.sites[name], self.watches[name]
            os.sync()  # what one visit has left to be written is not written in the next one's time
            with watches.archive.watching(), watches.shim.watching():
                readings = self._visit(turn, number + 1, workload, site)
            self._check(site, readings)
        for site in self.sites.values():
            self._clear_up(workload, site)

    def _visit(self, turn: Turn, place: int, workload: Workload, site: Site) -> list[Sample]:
        """Return the samples of a visit, which are kept."""
        samples = []
        began = time.perf_counter()
        for number, reading in enumerate(_readings(workload, site)):
            samples.append(
                Sample(
                    row=turn.row,
                    archive=site.target.name,
                    round=turn.round,
                    turn=place,
                    number=number,
                    started_s=round(began - self._began, 6),
                    condition=reading.condition,
                    duration_s=reading.duration_s,
                    outcome=reading.outcome,
                    detail=reading.detail,
                    size_bytes=reading.size_bytes,
                    found=reading.found,
                )
            )
        self._measured.samples += samples
        return samples

    def _check(self, site: Site, samples: Sequence[Sample]) -> None:
        name = site.target.name
        self._in_vain[name] += 1
        if any(sample.outcome is Outcome.OK for sample in samples):
            self._in_vain[name] = 0
        if self._in_vain[name] == PATIENCE:
            told = Counter(sample.detail for sample in samples).most_common(1)
            raise BenchmarkError(
                f"{site.target.title} at {site.target.dicomweb} gave no right answer in {PATIENCE} visits "
                f"one after the other ({told[0][0] if told else 'nothing came'}): see its log."
            )

    def _clear_up(self, workload: Workload, site: Site) -> None:
        try:
            workload.clear_up(site)
        except ArchiveUnavailable:
            return  # what stays is removed at the end of the run, which fails when it cannot be

    def _end_round(self, number: int) -> None:
        for name, watches in self.watches.items():
            peaks = (watches.archive.start_anew(), watches.shim.start_anew())
            self._measured.memory.append(RoundMemory(number, name, *peaks))


def _readings(workload: Workload, site: Site) -> Iterator[Reading]:
    """Yield the readings of a visit; that an archive does not answer beforehand is one that failed."""
    try:
        yield from workload.visit(site)
    except ArchiveUnavailable as error:
        status = "no answer" if error.status is None else f"HTTP {error.status}"
        first = next(iter(workload.kind.conditions))
        yield Reading(first, 0.0, Outcome.FAILED, f"before the clock ran: {status}")
