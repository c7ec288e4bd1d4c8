"""The RT-STRUCT engine against its peers: ``scripts/bench rtstruct COMMAND``.

prepare      make the peers' environments (needs a package registry; some minutes)
run          measure what is not measured yet, and write figures.json, tables.md and rtstruct.svg
conformance  score the masks with a checkout of RTMaskConformanceTest
show         write the tables and the picture again
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tests.bench.rtstruct.cases import CASES, SIZES
from tests.bench.rtstruct.conformance import measure_conformance
from tests.bench.rtstruct.errors import measure_errors
from tests.bench.rtstruct.report import tables
from tests.bench.rtstruct.running import REPOSITORY
from tests.bench.rtstruct.speed import Bench, Rounds, installed, measure_speed
from tests.bench.rtstruct.store import OtherFiguresError, Store
from tests.bench.rtstruct.survival import measure_survival
from tests.bench.rtstruct.tools import PLOTS, TOOLS, prepare

_PARTS = ("speed", "errors", "survival")
_DRAW = Path(__file__).with_name("drivers") / "draw.py"
_FOLDER = REPOSITORY / ".bench"


def main() -> int:
    """Do what the command says; 1 when a peer could not be installed or is not there."""
    chosen = _arguments()
    if chosen.command == "prepare":
        return _prepare(chosen.peers)
    try:
        store = Store(chosen.folder, fresh=chosen.fresh)
    except OtherFiguresError as error:
        print(error, file=sys.stderr)
        return 2
    there, absent = installed(chosen.peers, chosen.tools)
    for tool in absent:
        print(f"NOT INSTALLED, left out: {tool.name} (scripts/bench rtstruct prepare)", flush=True)
    bench = Bench(chosen.peers, chosen.folder, store, there)
    if chosen.command == "run":
        _run(bench, chosen)
    elif chosen.command == "conformance":
        measure_conformance(bench, chosen.checkout)
    _write(bench)
    return int(bool(absent))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench rtstruct",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--peers", type=Path, default=_FOLDER / "peers", help="folder of the peers")
    measuring = argparse.ArgumentParser(add_help=False, parents=[shared])
    measuring.add_argument(
        "--folder", type=Path, default=_FOLDER / "rtstruct", help="figures, cases and masks"
    )
    some = argparse.ArgumentParser(add_help=False)
    names = [tool.name for tool in TOOLS]
    some.add_argument("--tools", nargs="+", default=(), choices=names, help="these programs only")
    some.add_argument("--fresh", action="store_true", help="forget the figures that are there")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", parents=[shared])
    run = commands.add_parser("run", parents=[measuring, some])
    run.add_argument("--parts", nargs="+", default=_PARTS, choices=_PARTS)
    run.add_argument("--sizes", nargs="+", default=tuple(SIZES), choices=tuple(SIZES))
    run.add_argument("--rounds", type=int, default=5, help="runs of each program (default: 5)")
    run.add_argument("--slow-rounds", type=int, default=5, help="of those slower than 20 s (default: 5)")
    run.add_argument("--hang-s", type=float, default=60, help="when bad input counts as a hang (default: 60)")
    conformance = commands.add_parser("conformance", parents=[measuring, some])
    conformance.add_argument("--checkout", type=Path, required=True, help="where RTMaskConformanceTest lies")
    show = commands.add_parser("show", parents=[measuring])
    show.set_defaults(tools=(), fresh=False)
    return parser.parse_args()


def _prepare(peers: Path) -> int:
    failed = False
    for name, outcome in prepare(peers):
        print(f"{name:16} {outcome}", flush=True)
        failed |= outcome.startswith("FAILED")
    return int(failed)


def _run(bench: Bench, chosen: argparse.Namespace) -> None:
    if "speed" in chosen.parts:
        measure_speed(bench, chosen.sizes, Rounds(chosen.rounds, chosen.slow_rounds))
    if "errors" in chosen.parts:
        measure_errors(bench, (*chosen.sizes, *CASES))
    if "survival" in chosen.parts:
        measure_survival(bench, chosen.hang_s)


def _write(bench: Bench) -> None:
    """Write the tables and the picture beside the figures, and say where."""
    text = tables(bench.store.data)
    path = bench.folder / "tables.md"
    path.write_text(text, encoding="utf-8")
    print(f"\n{text}\n{path}")
    python = bench.peers / PLOTS / "bin" / "python"
    if not python.is_file():
        print("No picture: matplotlib is not installed (scripts/bench rtstruct prepare).")
        return
    picture = bench.folder / "rtstruct.svg"
    figures = bench.folder / "figures.json"
    if figures.is_file():
        subprocess.run([f"{python}", f"{_DRAW}", f"{figures}", f"{picture}"], check=True)
        print(picture)


if __name__ == "__main__":
    raise SystemExit(main())
