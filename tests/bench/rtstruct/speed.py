"""Seconds and memory: one structure set to all its masks, program after program, by turns."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.bench.rtstruct.cases import SIZES
from tests.bench.rtstruct.running import NOTHING_WRITTEN, Run, Warm, emptied
from tests.bench.rtstruct.tools import TOOLS, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.bench.rtstruct.store import Store

WARM = {"ours, warm": "nifti", "ours, warm, everything": "nifti,stl,json,png"}
"""The engine in a process that has worked before: name to formats."""


@dataclass(frozen=True)
class Bench:
    """Where things lie and which programs take part."""

    peers: Path
    folder: Path
    store: Store
    tools: Sequence[Tool]

    def input(self, case: str) -> Path:
        """Return the folder of a timed case, written when it is not there yet."""
        folder = self.folder / "cases" / case
        if not (folder / "rtstruct.dcm").is_file():
            print(f"{case}: drawing …", flush=True)
            drawn = SIZES[case]()
            emptied(folder)
            slices, rows, columns = drawn.case.frame.size
            size = {
                "slices": slices,
                "rows": rows,
                "columns": columns,
                "regions": len(drawn.regions),
                "contours": drawn.contours,
                "points": drawn.points,
            }
            self.store.put(size, "cases", case)
            drawn.case.write(folder)
        return folder

    def output(self, case: str, tool: Tool) -> Path:
        """Return the folder of a program's masks of a case."""
        return self.folder / "masks" / case / tool.slug

    def run(self, case: str, tool: Tool, *, timeout_s: float, measure_tree: bool = False) -> Run:
        """Run a program on a timed case."""
        source, output = self.input(case), emptied(self.output(case, tool))
        run = tool.run(
            self.peers,
            source / "rtstruct.dcm",
            source / "images",
            output,
            timeout_s=timeout_s,
            measure_tree=measure_tree,
        )
        if run.code == 0 and not any(output.rglob("*.*")):
            return replace(run, code=NOTHING_WRITTEN)
        return run


@dataclass(frozen=True)
class Rounds:
    """How often: those that took longer than ``slow_s`` in their first run have rounds of their own."""

    fast: int
    slow: int
    slow_s: float = 20
    timeout_s: float = 1800


def measure_speed(bench: Bench, cases: Sequence[str], rounds: Rounds) -> None:
    """Time every program on every case; figures that are there already are kept."""
    for case in cases:
        first = {tool.name: _first(bench, case, tool, rounds) for tool in bench.tools}
        with contextlib.ExitStack() as stack:
            warm = {
                name: stack.enter_context(
                    Warm(bench.input(case), bench.folder / "warm" / str(place), formats)
                )
                for place, (name, formats) in enumerate(WARM.items())
                if len(bench.store.get("speed", case, name) or ()) < rounds.fast
            }
            for one in warm.values():
                one.run()
            for turn in range(rounds.fast):
                _round(bench, case, turn, rounds, first, warm)


def _first(bench: Bench, case: str, tool: Tool, rounds: Rounds) -> Run:
    """Return a program's first run: it warms the page cache, and its memory is measured."""
    if (known := bench.store.get("first", case, tool.name)) is not None:
        return Run(**known)
    run = bench.run(case, tool, timeout_s=rounds.timeout_s, measure_tree=True)
    bench.store.put(run.record(), "first", case, tool.name)
    _say(case, "first run", tool.name, run)
    return run


def _round(
    bench: Bench,
    case: str,
    turn: int,
    rounds: Rounds,
    first: Mapping[str, Run],
    warm: Mapping[str, Warm],
) -> None:
    """Let every program run once, unless it had this turn already or has no more turns."""
    what = f"round {turn + 1} of {rounds.fast}"
    for name, process in warm.items():
        if len(bench.store.get("speed", case, name) or ()) <= turn:
            _keep(bench, case, what, name, process.run())
    for tool in bench.tools:
        slow = first[tool.name].seconds > rounds.slow_s
        had = len(bench.store.get("speed", case, tool.name) or ())
        if first[tool.name].code == 0 and had <= turn < (rounds.slow if slow else rounds.fast):
            _keep(bench, case, what, tool.name, bench.run(case, tool, timeout_s=rounds.timeout_s))


def _keep(bench: Bench, case: str, what: str, name: str, run: Run) -> None:
    bench.store.add(run.record(), "speed", case, name)
    _say(case, what, name, run)


def _say(case: str, what: str, name: str, run: Run) -> None:
    ended = "" if run.code == 0 else f"   ended with {'a time-out' if run.code is None else run.code}"
    print(f"{case}, {what}: {name}: {run.seconds:.2f} s, {run.peak_mb:.0f} MB{ended}", flush=True)


def installed(peers: Path, names: Sequence[str]) -> tuple[list[Tool], list[Tool]]:
    """Return the programs chosen that are installed, and those that are not."""
    chosen = [tool for tool in TOOLS if not names or tool.name in names]
    there = [tool for tool in chosen if tool.is_installed(peers)]
    return there, [tool for tool in chosen if tool not in there]
