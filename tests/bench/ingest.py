"""Does the suite slow Orthanc's own ingest? ``scripts/bench ingest``.

Runs one Orthanc with the suite and one without it, and stores the same CT images in both, a few in one and
the same few in the other by turns, over C-STORE and over REST; the one whose turn it is not stands still.
Tells the rate of each, and the ratio with the suite to without it, round by round.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.stack import Stack, running_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    type Store = Callable[[Stack, Sequence[Path]], None]

_SETTLE_S = 2.0
_BATCH = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench ingest", description=__doc__)
    parser.add_argument("--instances", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--folder", help="where storage lies; a disk in memory leaves the disk's noise out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        files = _images(Path(folder) / "images", options.instances)
        ways: dict[str, Store] = {"C-STORE": _c_store, "REST": _rest}
        print(f"{options.instances} CT images of 512 x 512, {options.rounds} alternating rounds, one client")
        print(f"{'images a second':16} {'without':>8} {'with':>6}   ratio: of the best, median, each")
        batches = list(itertools.batched(files, _BATCH, strict=False))
        with (
            running_stack(Path(folder) / "without", suite=False, verbose=False) as without,
            running_stack(Path(folder) / "with", verbose=False) as with_suite,
        ):
            with_suite.wait_until_healthy()
            stacks = {False: without, True: with_suite}
            for name, store in ways.items():
                _round(stacks, store, batches)  # warms both
                rounds = [_round(stacks, store, batches) for _ in range(options.rounds)]
                print(_line(name, options.instances, rounds), flush=True)


def _images(folder: Path, count: int) -> list[Path]:
    frame = ImageFrame(size=(count, 512, 512), spacing_mm=(1.0, 1.0), gap_mm=1.0)
    return build_case(frame=frame, regions=1, noise=20).write(folder)[:-1]


def _round(
    stacks: Mapping[bool, Stack], store: Store, batches: Sequence[Sequence[Path]]
) -> tuple[float, float]:
    """Return the seconds it took to store all batches without and with the suite."""
    for stack in stacks.values():
        for study in stack.get("/studies").json():
            stack.delete(f"/studies/{study}").raise_for_status()
    time.sleep(_SETTLE_S)
    seconds = {False: 0.0, True: 0.0}
    for turn, batch in enumerate(batches):
        for suite in (False, True) if turn % 2 == 0 else (True, False):
            with stacks[not suite].paused():
                began = time.perf_counter()
                store(stacks[suite], batch)
                seconds[suite] += time.perf_counter() - began
    return seconds[False], seconds[True]


def _c_store(stack: Stack, files: Sequence[Path]) -> None:
    stack.receive(*files)


def _rest(stack: Stack, files: Sequence[Path]) -> None:
    for path in files:
        stack.post("/instances", data=path.read_bytes()).raise_for_status()


def _line(name: str, count: int, rounds: Sequence[tuple[float, float]]) -> str:
    """Return the rates of the best runs, their ratio, and each pair's: above 1 the suite was faster."""
    without, with_suite = (min(seconds) for seconds in zip(*rounds, strict=True))
    ratios = sorted(without / with_suite for without, with_suite in rounds)
    each = " ".join(f"{ratio:.2f}" for ratio in ratios)
    return (
        f"{name:16} {count / without:8.0f} {count / with_suite:6.0f}   "
        f"{without / with_suite:.2f}, {statistics.median(ratios):.2f}, {each}"
    )


if __name__ == "__main__":
    main()
