"""De-identification beside its peers: ``scripts/bench deid COMMAND``.

prepare   make the peers' environments (needs a package registry; a minute)
leaks     have every tool work on the planted corpus, and judge what comes out
speed     time every tool on CT images and structure sets
"""

from __future__ import annotations

import argparse
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.deid import leaks, report, speed
from tests.bench.deid.looking import planted
from tests.bench.deid.tools import PEERS, prepare
from tests.bench.process import machine

if TYPE_CHECKING:
    from collections.abc import Callable

_REPOSITORY = Path(__file__).resolve().parents[3]
_MEMORY = Path("/dev/shm")


def main() -> int:
    """Do what the command says; 1 when a peer could not be installed or is not there."""
    chosen = _arguments()
    if chosen.command == "prepare":
        return _prepare(chosen.peers)
    absent = sorted({tool.package for tool in PEERS if not tool.is_installed(chosen.peers)})
    if absent:
        print(f"NOT INSTALLED: {', '.join(absent)} (scripts/bench deid prepare)")
        return 1
    work: Callable[[argparse.Namespace, Path], str] = {"leaks": _leaks, "speed": _speed}[chosen.command]
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder:
        print(work(chosen, chosen.keep or Path(folder)))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench deid", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--peers", type=Path, default=_REPOSITORY / ".bench" / "deid-peers", help="folder of the peers"
    )
    measuring = argparse.ArgumentParser(add_help=False, parents=[shared])
    measuring.add_argument("--keep", type=Path, help="folder to work in and to leave everything in")
    measuring.add_argument("--tools", nargs="+", default=(), help="only those whose names begin so")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", parents=[shared])
    leaks_parser = commands.add_parser("leaks", parents=[measuring])
    leaks_parser.add_argument("--seed", type=int, default=0, help="another seed gives other identities")
    speed_parser = commands.add_parser("speed", parents=[measuring])
    speed_parser.add_argument("--rounds", type=int, default=5, help="timed rounds, after one to warm")
    return parser.parse_args()


def _prepare(peers: Path) -> int:
    failed = False
    for name, outcome in prepare(peers):
        print(f"{name:18} {outcome}", flush=True)
        failed |= outcome.startswith("FAILED")
    return int(failed)


def _conditions() -> str:
    versions = ", ".join(f"{package} {version}" for package, version in _versions().items())
    return f"{machine()}. {versions}."


def _versions() -> dict[str, str]:
    return {tool.package: tool.version for tool in PEERS}


def _leaks(chosen: argparse.Namespace, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    run = leaks.Run.in_folder(chosen.peers, folder, chosen.seed)
    verdicts = {}
    for name, verdict in leaks.measured(run, chosen.tools):
        verdicts[name] = verdict
        leaks.write(folder / "leaks.json", verdicts)
        print(f"{name}:", *report.details(name, verdict), sep="\n  ", flush=True)
    files = run.corpus.files
    about = (
        f"{_conditions()} Planted corpus, seed {chosen.seed}: {len(files)} objects, "
        f"{len(run.corpus.plants)} places, {len(run.corpus.hostile)} hostile files."
    )
    parts = [
        about,
        report.leaks_table(verdicts, len(files)),
        report.kinds_table(verdicts, planted(run.corpus.plants, files)),
        report.losses_table(verdicts, "references"),
        report.losses_table(verdicts, "facts"),
    ]
    text = "\n\n".join(parts)
    (folder / "leaks.md").write_text(text + "\n", encoding="utf-8")
    return text


def _speed(chosen: argparse.Namespace, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    before = _conditions()
    with ExitStack() as running:
        cases = speed.write_cases(folder / "cases")
        found = speed.measure(chosen.peers, folder, cases, chosen.rounds, chosen.tools, running)
    said = {name: {case: timed.record() for case, timed in cases.items()} for name, cases in found.items()}
    (folder / "speed.json").write_text(json.dumps(said, indent=1), encoding="utf-8")
    about = (
        f"{before} {chosen.rounds} rounds by turns after one to warm; files in memory; one process a tool; "
        f"{speed.described(cases)}; ours by profile {speed.PROFILE}. Orthanc: files uploaded before, answers "
        "written to files (instances) or stored by it (study)."
    )
    text = f"{about}\n\n{report.speed_table(found)}"
    (folder / "speed.md").write_text(text + "\n", encoding="utf-8")
    return text


if __name__ == "__main__":
    raise SystemExit(main())
