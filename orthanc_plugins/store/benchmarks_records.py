"""What is remembered of a benchmark, as records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from orthanc_plugins.identifiers import JobId


class BenchmarkState(StrEnum):
    """How a benchmark stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self in {BenchmarkState.SUCCEEDED, BenchmarkState.FAILED, BenchmarkState.CANCELLED}


@dataclass(frozen=True)
class BenchmarkRequest:
    """What is asked for.

    Parameters
    ----------
    benchmark_id
        Eight hex digits; the run's.
    questions
        Which of the seven, by name.
    meant
        Whether it was said that archives people work with are meant.
    """

    benchmark_id: str
    job_id: JobId
    scale: float
    rounds: int
    seed: int
    questions: tuple[str, ...]
    meant: bool


@dataclass(frozen=True)
class BenchmarkOutcome:
    """What a benchmark that was run to its end has given.

    Parameters
    ----------
    folder
        Where its files are, below the folder of all benchmarks.
    findings
        Each row's medians and performance_ratio, as the list of benchmarks shows them.
    """

    orthanc_version: str
    dcm4chee_version: str
    dcm4chee_stand_in: bool
    folder: str
    findings: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class BenchmarkRecord:
    """A benchmark: what was asked for, and how it stands.

    ``outcome`` is None until there are results; ``progress`` tells what it is at while it runs.
    """

    request: BenchmarkRequest
    state: BenchmarkState
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: BenchmarkOutcome | None
    progress: str
    error_name: str | None
    error_message: str | None
