"""What something takes: seconds, processor time, and the most memory this process held meanwhile."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench._samples import resident_mb

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROCESS = Path("/proc/self")
_FORGET_PEAK = "5"
"""What proc(5) calls resetting the peak of resident memory."""


@dataclass
class Figure:
    """One measurement; memory is that of this process, requests are those it sent to both archives."""

    name: str
    seconds: float = 0.0
    processor_s: float = 0.0
    before_mb: float = 0.0
    peak_mb: float = 0.0
    requests: int | None = None
    told: str = ""


@contextmanager
def measured(name: str) -> Iterator[Figure]:
    """Yield a figure that is filled when the block ends."""
    (_PROCESS / "clear_refs").write_text(_FORGET_PEAK, encoding="ascii")
    figure = Figure(name, before_mb=resident_mb_of_this())
    began, used = time.perf_counter(), time.process_time()
    yield figure
    figure.seconds = time.perf_counter() - began
    figure.processor_s = time.process_time() - used
    figure.peak_mb = _peak_mb()


def resident_mb_of_this() -> float:
    """Return the memory that this process holds now."""
    return resident_mb(int(_PROCESS.resolve().name))


def _peak_mb() -> float:
    lines = (_PROCESS / "status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1000
