"""What processes use while a measurement runs: memory and processor time, in samples."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_WINDOWS = 10
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """One look: seconds since the beginning, structure sets done by then, memory and processor time."""

    seconds: float
    done: int
    orthanc_mb: float
    worker_mb: float
    orthanc_cpu_s: float
    worker_cpu_s: float
    worker: int


@dataclass(frozen=True)
class Memory:
    """The memory of one process over a run, in megabytes.

    ``growth_mb`` is how much its floor rises over the second half of the run: the straight line through the
    lowest tenths of ten windows. What single jobs take and give back does not count, what stays does.
    """

    start_mb: float
    middle_mb: float
    end_mb: float
    peak_mb: float
    growth_mb: float

    @property
    def flat(self) -> bool:
        """Whether the second half grew by less than a twentieth of what it holds, or by next to nothing."""
        return self.growth_mb < max(20.0, 0.05 * self.end_mb)


def memory(values_mb: Sequence[float]) -> Memory:
    """Return the memory of samples at even intervals; start, middle and end are means of a tenth each."""
    values = np.array(values_mb, dtype=np.float64)
    tenth = max(1, len(values) // 10)
    windows = [part for part in np.array_split(values[len(values) // 2 :], _WINDOWS) if len(part)]
    floors = [float(np.percentile(window, 10)) for window in windows]
    slope = float(np.polyfit(np.arange(len(floors)), floors, 1)[0]) if len(floors) > 1 else 0.0
    middle = (len(values) - tenth) // 2
    return Memory(
        start_mb=float(values[:tenth].mean()),
        middle_mb=float(values[middle : middle + tenth].mean()),
        end_mb=float(values[-tenth:].mean()),
        peak_mb=float(values.max()),
        growth_mb=slope * max(0, len(floors) - 1),
    )


def resident_mb(process: int) -> float:
    """Return the memory a process holds now, 0 when it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0][1]) / 1000 if lines else 0.0


def processor_s(process: int) -> float:
    """Return the processor time a process has used, 0 when it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
