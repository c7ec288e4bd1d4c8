"""What was measured, sample by sample: every one is kept, also those that are no success."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

from orthanc_plugins.benchmark.connection import NOT_ANSWERED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orthanc_plugins.archives.base import ArchiveName
    from orthanc_plugins.benchmark.connection import Answer

_REDIRECT = 300


class Condition(StrEnum):
    """In which state of affairs a sample was taken; what it means is told for each row."""

    COLD = "cold"
    WARM = "warm"
    SESSION = "session"
    """One of several users at a time, each on a connection of his own."""


class Outcome(StrEnum):
    """What became of a request; only ``ok`` counts as a time."""

    OK = "ok"
    FAILED = "failed"
    """No whole answer came, or one that is an error."""
    WRONG = "wrong"
    """The answer is not what was stored: fewer rows, other instances, an empty body."""


class WrongAnswer(Exception):  # noqa: N818 - it is the answer that is wrong, not the program
    """An answer that is not what the archive was given; the text says how it differs."""


@dataclass(frozen=True)
class Reading:
    """One timed request, or one user's sequence of them.

    Parameters
    ----------
    duration_s
        From the first byte sent to the last one read; where the connection is new, from before it is opened.
    found
        Rows or instances that came.
    """

    condition: Condition
    duration_s: float
    outcome: Outcome
    detail: str = ""
    size_bytes: int = 0
    found: int = 0


@dataclass(frozen=True)
class Sample:
    """A reading with its place in the run.

    Parameters
    ----------
    row
        Key of what was asked.
    round
        From 1 on; 0 is the round before, which does not count.
    turn
        1 when the archive was visited first in this round, 2 when second.
    number
        Counts the readings of the visit.
    started_s
        Seconds since the first round began.
    """

    row: str
    archive: ArchiveName
    round: int
    turn: int
    number: int
    started_s: float
    condition: Condition
    duration_s: float
    outcome: Outcome
    detail: str
    size_bytes: int
    found: int

    @property
    def counts(self) -> bool:
        """Whether it is of a round that counts."""
        return self.round > 0


@dataclass(frozen=True)
class Seen:
    """How much an answer held."""

    size_bytes: int
    found: int


def timed(condition: Condition, ask: Callable[[], Answer], judge: Callable[[Answer], int]) -> Reading:
    """Time a request and judge its answer, the latter after the clock has stopped.

    ``judge`` returns how many rows or instances there were, and raises WrongAnswer when they are not those
    that were stored.
    """
    began = time.perf_counter()
    try:
        answer = ask()
    except NOT_ANSWERED as error:
        return Reading(condition, time.perf_counter() - began, Outcome.FAILED, type(error).__name__)
    duration_s = time.perf_counter() - began
    if answer.status >= _REDIRECT:
        return Reading(condition, duration_s, Outcome.FAILED, f"HTTP {answer.status}", answer.size_bytes)
    try:
        found = judge(answer)
    except WrongAnswer as error:
        return Reading(condition, duration_s, Outcome.WRONG, str(error), answer.size_bytes)
    return Reading(condition, duration_s, Outcome.OK, "", answer.size_bytes, found)


def to_csv(samples: Iterable[Sample]) -> bytes:
    """Return samples as CSV (RFC 4180), with a line of names; durations in seconds."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in fields(Sample)])
    writer.writeheader()
    writer.writerows(asdict(sample) for sample in samples)
    return text.getvalue().encode()
