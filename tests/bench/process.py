"""How long does a structure set take in the running system? ``scripts/bench process``.

Runs Orthanc with its worker, sends generated studies one after another, each under new identifiers, and takes
apart the time from the last instance stored (C-STORE answered, `storescu` ended) to the results complete (the
job has ended, every file is in its place). One table for each size: the fastest run and the median, for a
structure set that comes after its images and for one that comes before them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom

from tests.bench._samples import processor_s
from tests.bench._studies import Template
from tests.builders import ImageFrame, build_case
from tests.stack import Stack, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SIZES = {60: 10, 200: 30}
"""Slices and regions."""
_MATRIX, _WIDTH_MM, _GAP_MM, _NOISE = 512, 400.0, 3.0, 12.0
_SETTLE_S = 1.5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench process", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured runs of each size, after one to warm")
    parser.add_argument("--slices", type=int, choices=_SIZES, action="append", help="only this size")
    parser.add_argument("--folder", help="where storage lies")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, _stack(Path(folder) / "data") as stack:
        for slices in options.slices or _SIZES:
            template = Template.of(f"{slices} slices", sized_case(slices, _SIZES[slices]))
            rounds = [
                [_run(stack, template, 2 * number + first, first=bool(first)) for first in range(2)]
                for number in range(options.rounds + 1)
            ]
            print(
                f"\n{slices} slices of {_MATRIX} x {_MATRIX}, {_SIZES[slices]} regions, {options.rounds} runs"
            )
            print("\n".join(_table(*zip(*rounds[1:], strict=True))), flush=True)


def machine() -> str:
    """Return what the figures were taken on, and when."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} "
        f"before, {platform.machine()}, Python {platform.python_version()}"
    )


def sized_case(slices: int, regions: int) -> Any:
    """Return the chest with so many slices and regions."""
    spacing_mm = (_WIDTH_MM / _MATRIX,) * 2
    frame = ImageFrame(size=(slices, _MATRIX, _MATRIX), spacing_mm=spacing_mm, gap_mm=_GAP_MM)
    return build_case(frame=frame, regions=regions, noise=_NOISE)


@contextmanager
def _stack(data: Path) -> Iterator[Stack]:
    with running_stack(data, verbose=False) as stack:
        stack.wait_until_healthy()
        yield stack


def _run(stack: Stack, template: Template, number: int, *, first: bool) -> dict[str, float]:
    """Return the seconds of each part of one run; ``first`` sends the structure set before its images."""
    with tempfile.TemporaryDirectory(dir=stack.deployment.data) as place:
        *images, structure_set = template.write(number, Path(place) / "study")
        study_uid = pydicom.dcmread(structure_set, stop_before_pixels=True).StudyInstanceUID
        time.sleep(_SETTLE_S)
        worker_s = processor_s(stack.worker_process())
        began = time.time()
        stack.receive(*([structure_set, *images] if first else [*images, structure_set]))
        stored = time.time()
    time.sleep(_SETTLE_S)  # asking would take time from what is measured
    job = stack.job_in_state(study_uid, "succeeded")
    used_s = processor_s(stack.worker_process()) - worker_s
    return {
        "received by Orthanc in": stored - began,
        **_parts(job, stored),
        "the worker's processor time": used_s,
    }


def _parts(job: Mapping[str, Any], stored: float) -> dict[str, float]:
    """Return the parts of a job by name, and what passes between them."""
    asked, begun, ended = (_epoch_s(job[key]) for key in ("requested_at", "started_at", "ended_at"))
    phases = {f"  {phase['name']}": phase["duration_s"] for phase in job["phases"]}
    return {
        "stored → job asked for": asked - stored,
        "asked for → begun": begun - asked,
        **phases,
        "  between phases": ended - begun - sum(phases.values()),
        "stored → results complete": ended - stored,
    }


def _epoch_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _table(last: Sequence[Mapping[str, float]], first: Sequence[Mapping[str, float]]) -> Iterator[str]:
    yield f"{'structure set':28} {'comes last':>15} {'comes first':>15}"
    yield f"{'seconds':28} {'least':>7} {'median':>7} {'least':>7} {'median':>7}"
    for name in last[0]:
        columns = [[run[name] for run in runs] for runs in (last, first)]
        numbers = (f"{find(column):7.3f}" for column in columns for find in (min, statistics.median))
        yield f"{name:28} {' '.join(numbers)}"


if __name__ == "__main__":
    main()
