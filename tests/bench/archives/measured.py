"""What something takes: seconds, processor time, and the most memory this process held meanwhile."""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import requests

from tests.bench._samples import resident_mb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PROCESS = Path("/proc/self")
_FORGET_PEAK = "5"
"""What proc(5) calls resetting the peak of resident memory."""


@dataclass
class Figure:
    """One measurement of this process; ``requests`` are the HTTP requests it sent to both archives."""

    name: str
    seconds: float = 0.0
    processor_s: float = 0.0
    before_mb: float = 0.0
    peak_mb: float = 0.0
    requests: int = 0
    told: str = ""


@contextmanager
def measured(name: str) -> Iterator[Figure]:
    """Yield a figure that is filled when the block ends."""
    (_PROCESS / "clear_refs").write_text(_FORGET_PEAK, encoding="ascii")
    figure = Figure(name, before_mb=resident_mb_of_this())
    with _requests_counted() as sent:
        began, used = time.perf_counter(), time.process_time()
        yield figure
        figure.requests = sent()
    figure.seconds = time.perf_counter() - began
    figure.processor_s = time.process_time() - used
    figure.peak_mb = _peak_mb()


@contextmanager
def _requests_counted() -> Iterator[Callable[[], int]]:
    """Count the requests that any session sends; the function yielded is called once, at the end."""
    numbers, send = itertools.count(), requests.Session.send

    def counted(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> Any:
        next(numbers)
        return send(session, request, **options)

    with patch.object(requests.Session, "send", counted):
        yield lambda: next(numbers)


def resident_mb_of_this() -> float:
    """Return the memory that this process holds now."""
    return resident_mb(int(_PROCESS.resolve().name))


def _peak_mb() -> float:
    lines = (_PROCESS / "status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1000
