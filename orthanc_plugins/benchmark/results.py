"""What a run leaves: all it found, as one record that becomes ``results.json``."""

from __future__ import annotations

import gzip
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from orthanc_plugins import __version__
from orthanc_plugins.benchmark.samples import to_csv
from orthanc_plugins.benchmark.statistics import CONFIDENCE, PERCENTILES, SIGNIFICANCE, least_samples
from orthanc_plugins.rtstruct.export import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from orthanc_plugins.archives.base import ArchiveName
    from orthanc_plugins.benchmark.analysis import Row, Side
    from orthanc_plugins.benchmark.hardware import Hardware
    from orthanc_plugins.benchmark.measuring import RoundMemory, Turn
    from orthanc_plugins.benchmark.plan import Plan
    from orthanc_plugins.benchmark.samples import Sample
    from orthanc_plugins.benchmark.statistics import Estimate

SCHEMA = {"name": "orthanc-pacs-suite/benchmark", "version": 1}
RESULTS_NAME, SAMPLES_NAME, REPORT_NAME = "results.json", "samples.csv", "report.html"
COMPRESSED_SAMPLES_NAME = "samples.json.gz"


@dataclass(frozen=True)
class MemoryUse:
    """What an archive's processes held.

    Parameters
    ----------
    processes
        Which were looked at, such as ``Orthanc (pid 123)``.
    idle_bytes
        Before the benchmark sent anything.
    peak_bytes
        The most that was seen while the archive was asked.
    rounds
        The most in each round, from the first that counts on.
    shim, shim_peak_bytes
        Those of a stand-in's shim, which is no part of the archive.
    reason
        Why nothing was measured; empty where something was.
    """

    processes: tuple[str, ...] = ()
    idle_bytes: int | None = None
    peak_bytes: int | None = None
    rounds: tuple[int, ...] = ()
    shim: tuple[str, ...] = ()
    shim_peak_bytes: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class DiskUse:
    """How much an archive keeps for what it was sent.

    Parameters
    ----------
    sent_bytes
        Bytes of the large study's files.
    told_bytes
        What the archive itself says it keeps of that study.
    all_sent_bytes, allocated_bytes
        Bytes of all files sent before anything was measured, and how much room the archive's folder takes
        more since: in whole blocks, its index with it. None where the folder is not known or not on this
        machine.
    reason
        Why something is not known; empty where all is.
    """

    sent_bytes: int
    told_bytes: int | None
    all_sent_bytes: int
    allocated_bytes: int | None
    reason: str = ""

    @property
    def told_overhead_percent(self) -> float | None:
        """What the archive says it keeps beyond what it was sent."""
        return None if self.told_bytes is None else _overhead(self.told_bytes, self.sent_bytes)

    @property
    def allocated_overhead_percent(self) -> float | None:
        """The room its folder takes beyond what it was sent."""
        return None if self.allocated_bytes is None else _overhead(self.allocated_bytes, self.all_sent_bytes)


@dataclass(frozen=True)
class ArchiveFacts:
    """What is to be known of one archive to judge its times.

    Parameters
    ----------
    address
        Root of its DICOMweb, without user and password.
    storage, disk
        Its folder and what disk that is on, empty where not known.
    cold
        What was done to its files before each cold retrieval, in words.
    before, after
        How much it held.
    changed
        What it holds more or less since; nothing where all is as before.
    left_behind
        Studies of the run that it still lists; None where that could not be seen.
    cleaning
        Why they could not be removed, empty where they could.
    """

    address: str
    version: str
    stand_in: str | None
    dicom: str
    on_this_machine: bool
    storage: str
    disk: str
    cold: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    changed: Mapping[str, int]
    left_behind: int | None
    cleaning: str
    memory: MemoryUse | None
    disk_use: DiskUse | None

    @property
    def is_clean(self) -> bool:
        """Whether nothing of the run is left in it."""
        return self.left_behind == 0


@dataclass(frozen=True)
class Results:
    """All that a run found.

    Parameters
    ----------
    ceilings
        The client's own median by row and condition, in seconds.
    not_asked
        What was not measured, and why.
    notes
        What else is to be known of the circumstances.
    """

    plan: Plan
    started: datetime
    ended: datetime
    hardware: Hardware
    load_after: float
    archives: Mapping[ArchiveName, ArchiveFacts]
    rows: Sequence[Row]
    ceilings: Mapping[tuple[str, str], float]
    not_asked: Sequence[str]
    notes: Sequence[str]
    schedule: Sequence[Turn]
    samples: Sequence[Sample]
    memory: Sequence[RoundMemory]

    @property
    def is_clean(self) -> bool:
        """Whether both archives hold nothing of the run any more."""
        return all(facts.is_clean for facts in self.archives.values())

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON; samples stand in a file of their own."""
        return {
            "schema": SCHEMA,
            "software": {"name": "orthanc-pacs-suite", "version": __version__},
            **asdict(self.plan),
            "started": self.started.isoformat(timespec="seconds"),
            "ended": self.ended.isoformat(timespec="seconds"),
            "hardware": {**asdict(self.hardware), "load_after": self.load_after},
            "archives": {name.value: _archive(facts) for name, facts in self.archives.items()},
            "rows": [self._row(row) for row in self.rows],
            "not_asked": list(self.not_asked),
            "notes": list(self.notes),
            "statistics": {
                "confidence": CONFIDENCE,
                "significance": SIGNIFICANCE,
                "test": "exact Wilcoxon signed ranks of the rounds' log ratios, Holm's correction",
                "intervals": "bootstrap over rounds",
                "least_samples": {f"p{percent}": least_samples(percent) for percent in PERCENTILES},
            },
            "memory_rounds": [asdict(one) for one in self.memory],
            "order": [[turn.round, turn.row, turn.first.value] for turn in self.schedule],
            "samples": {"count": len(self.samples), "files": [SAMPLES_NAME, COMPRESSED_SAMPLES_NAME]},
        }

    def write(self, folder: Path) -> None:
        """Write results and samples into a folder, each file whole or not at all.

        Raises
        ------
        OSError
            The folder cannot be written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        samples = orjson.dumps([asdict(sample) for sample in self.samples])
        write_whole(folder / COMPRESSED_SAMPLES_NAME, gzip.compress(samples, mtime=0))
        write_whole(folder / SAMPLES_NAME, to_csv(self.samples))
        write_whole(folder / RESULTS_NAME, orjson.dumps(self.to_json(), option=orjson.OPT_INDENT_2))

    def _row(self, row: Row) -> dict[str, Any]:
        ratio = row.ratio
        return {
            "row": row.kind.key,
            "question": row.kind.question,
            "title": row.kind.title,
            "protocol": row.kind.protocol,
            "request": row.kind.request,
            "condition": row.condition,
            "condition_means": row.kind.conditions[row.condition],
            **{name.value: _side(side) for name, side in row.sides.items()},
            "client_alone_ms": _ms(self.ceilings.get((row.kind.key, row.condition))),
            "paired_rounds": row.paired_rounds,
            "ratio_interval": None if ratio is None or ratio.low is None else [ratio.low, ratio.high],
            "p_value": row.p_value,
            "corrected_p_value": row.corrected_p_value,
            "performance_ratio": row.performance_ratio,
            "withheld": row.withheld,
        }


def _side(side: Side) -> dict[str, Any]:
    return {
        "requests": side.requests,
        "ok": side.ok,
        "failed": side.failed,
        "wrong": side.wrong,
        "success_percent": side.success_percent,
        "faults": dict(side.faults),
        **{f"p{percent}_ms": _estimate(side.percentiles.get(percent)) for percent in PERCENTILES},
    }


def _estimate(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    return {"value": _ms(estimate.value), "low": _ms(estimate.low), "high": _ms(estimate.high)}


def _ms(duration_s: float | None) -> float | None:
    return None if duration_s is None else round(1000 * duration_s, 3)


def _archive(facts: ArchiveFacts) -> dict[str, Any]:
    content = asdict(facts)
    if facts.disk_use is not None:
        content["disk_use"]["told_overhead_percent"] = facts.disk_use.told_overhead_percent
        content["disk_use"]["allocated_overhead_percent"] = facts.disk_use.allocated_overhead_percent
    return content


def _overhead(kept: int, sent: int) -> float:
    return round(100 * (kept / sent - 1), 2)
