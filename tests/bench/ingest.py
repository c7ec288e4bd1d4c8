"""Does the suite slow Orthanc's own ingest? ``scripts/bench ingest``.

Stores the same CT images in an Orthanc with and without the suite, in turn and each time in a fresh one,
over C-STORE and over REST. Tells the rate of each, and the ratio with the suite to without it, pair by pair.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.stack import Stack, running_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SETTLE_S = 3.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench ingest", description=__doc__)
    parser.add_argument("--instances", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where storage lies; a disk in memory leaves the disk's noise out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        files = _images(Path(folder) / "images", options.instances)
        ways: dict[str, Callable[[Stack, Sequence[Path]], None]] = {"C-STORE": _c_store, "REST": _rest}
        print(f"{options.instances} CT images of 512 x 512, {options.rounds} alternating rounds, one client")
        print(f"{'images a second':16} {'without':>8} {'with':>6}   ratio: of the best, median, each")
        for name, store in ways.items():
            pairs = [
                _pair(Path(folder) / f"{name}-{turn}", store, files, turn) for turn in range(options.rounds)
            ]
            print(_line(name, options.instances, pairs), flush=True)


def _images(folder: Path, count: int) -> list[Path]:
    frame = ImageFrame(size=(count, 512, 512), spacing_mm=(1.0, 1.0), gap_mm=1.0)
    return build_case(frame=frame, regions=1, noise=20).write(folder)[:-1]


def _pair(
    folder: Path, store: Callable[[Stack, Sequence[Path]], None], files: Sequence[Path], turn: int
) -> tuple[float, float]:
    """Return the seconds without and with the suite; which comes first changes from turn to turn."""
    seconds: dict[bool, float] = {}
    for suite in (False, True) if turn % 2 == 0 else (True, False):
        with running_stack(folder / str(suite), suite=suite, verbose=False) as stack:
            if suite:
                stack.wait_until_healthy()
            time.sleep(_SETTLE_S)
            began = time.perf_counter()
            store(stack, files)
            seconds[suite] = time.perf_counter() - began
    return seconds[False], seconds[True]


def _c_store(stack: Stack, files: Sequence[Path]) -> None:
    stack.receive(files[0].parent)


def _rest(stack: Stack, files: Sequence[Path]) -> None:
    for path in files:
        stack.post("/instances", data=path.read_bytes()).raise_for_status()


def _line(name: str, count: int, pairs: Sequence[tuple[float, float]]) -> str:
    """Return the rates of the best runs, their ratio, and each pair's: above 1 the suite was faster."""
    without, with_suite = (min(seconds) for seconds in zip(*pairs, strict=True))
    ratios = sorted(pair[0] / pair[1] for pair in pairs)
    each = " ".join(f"{ratio:.2f}" for ratio in ratios)
    return (
        f"{name:16} {count / without:8.0f} {count / with_suite:6.0f}   "
        f"{without / with_suite:.2f}, {statistics.median(ratios):.2f}, {each}"
    )


if __name__ == "__main__":
    main()
