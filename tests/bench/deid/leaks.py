"""Every tool on the planted corpus."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.deid import orthanc
from tests.bench.deid.driving import GoneError
from tests.bench.deid.judging import Judge, Verdict
from tests.bench.deid.tools import PEERS, ours
from tests.bench.rtstruct.running import emptied
from tests.builders.planted import build_corpus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.bench.deid.driving import Driver
    from tests.bench.deid.tools import Tool
    from tests.builders.planted import Corpus

PROFILES = ("basic", "research_rt")
_TIMEOUT_S, _ALL_TIMEOUT_S = 60.0, 1800.0


@dataclass(frozen=True)
class Run:
    """Where things lie, the corpus and who judges."""

    peers: Path
    folder: Path
    corpus: Corpus
    judge: Judge

    @classmethod
    def in_folder(cls, peers: Path, folder: Path, seed: int) -> Run:
        """Build the corpus in a folder."""
        corpus = build_corpus(emptied(folder / "corpus"), seed=seed)
        corpus.write_key(folder / "corpus" / "key.json")
        return cls(peers, folder, corpus, Judge(corpus))

    def unchanged(self) -> Verdict:
        """Return the verdict on files as they are: everything is found, and nothing is broken."""
        return self.judge.verdict({file: self.corpus.path(file) for file in self.corpus.files}, {})


def measured(run: Run, tools: Sequence[str]) -> Iterator[tuple[str, Verdict]]:
    """Yield the verdict on each tool, by its name."""
    for profile in PROFILES:
        tool = ours("objects", profile)
        if _is_wanted(tool.name, tools):
            yield tool.name, _ours(run, tool, profile)
    if _is_wanted(orthanc.NAME, tools):
        yield orthanc.NAME, _orthanc(run)
    for tool in PEERS:
        if _is_wanted(tool.name, tools):
            with tool.driver_in(run.peers, run.folder / "work" / tool.name) as driver:
                yield tool.name, _verdict(run, driver, tool.name, at_once=False)


def _is_wanted(name: str, tools: Sequence[str]) -> bool:
    return not tools or any(name.startswith(wanted) for wanted in tools)


def _verdict(run: Run, driver: Driver, name: str, *, at_once: bool) -> Verdict:
    """Return the verdict on what a driver makes; ``at_once``, it is handed all files together."""
    folder = emptied(run.folder / "out" / name)
    files = {file: folder / f"{number}.dcm" for number, file in enumerate(run.corpus.files)}
    asked: Iterable[dict[str, Path]] = [files] if at_once else ({file: path} for file, path in files.items())
    failed: dict[str, str] = {}
    for some in asked:
        failed |= _ask(run, driver, some, _ALL_TIMEOUT_S if at_once else _TIMEOUT_S)
    made = {file: path for file, path in files.items() if path.is_file()}
    left = dict.fromkeys(files.keys() - made.keys() - failed.keys(), "nothing was written")
    verdict = run.judge.verdict(made, {**failed, **left})
    _try_hostile(run, driver, folder, verdict)
    return verdict


def _ask(run: Run, driver: Driver, files: dict[str, Path], timeout_s: float) -> dict[str, str]:
    """Have files made, and return why some were not; what a tool left behind when it ended is no release."""
    sources = {f"{run.corpus.path(file)}": file for file in files}
    try:
        answer = driver.ask([(run.corpus.path(file), path) for file, path in files.items()], timeout_s)
    except GoneError as error:
        for path in files.values():
            path.unlink(missing_ok=True)
        return dict.fromkeys(files, f"{error}")
    return {sources[source]: reason for source, reason in answer.failed.items()}


def _try_hostile(run: Run, driver: Driver, folder: Path, verdict: Verdict) -> None:
    outcomes: Counter[str] = Counter()
    for number, hostile in enumerate(run.corpus.hostile):
        target = folder / f"hostile_{number}.dcm"
        failed = _ask(run, driver, {hostile.file: target}, _TIMEOUT_S)
        dead = any(reason.startswith(("died", "gave no")) for reason in failed.values())
        outcomes["dead" if dead else "released" if target.is_file() else "refused"] += 1
        _look_at_hostile(run, hostile.file, target, verdict)
    _note_hostile(outcomes, verdict)


def _look_at_hostile(run: Run, file: str, target: Path, verdict: Verdict) -> None:
    if target.is_file():
        verdict.hostile_leaks += run.judge.hostile_leaks(file, target)


def _note_hostile(outcomes: Counter[str], verdict: Verdict) -> None:
    leaking = len({leak.file for leak in verdict.hostile_leaks})
    verdict.hostile = {name: outcomes[name] for name in ("refused", "released", "dead")} | {
        "leaking": leaking
    }


def _ours(run: Run, tool: Tool, profile: str) -> Verdict:
    """Return the verdict on objects of the engine, and note what a release makes of each study."""
    work = run.folder / "work" / tool.name
    shutil.rmtree(work, ignore_errors=True)
    with tool.driver_in(run.peers, work) as driver:
        verdict = _verdict(run, driver, tool.name, at_once=True)
    with ours("release", profile).driver_in(run.peers, work) as driver:
        folder = emptied(run.folder / "out" / f"{tool.name}, released")
        pairs = [(run.corpus.path(file), folder / "unused") for file in run.corpus.files]
        failed = driver.ask(pairs, _ALL_TIMEOUT_S).failed
    verdict.notes += [f"{times} files, {reason}" for reason, times in Counter(failed.values()).items()]
    verdict.notes.append(f"released after the check: {len(list(folder.rglob('*.dcm')))} files")
    return verdict


def _orthanc(run: Run) -> Verdict:
    corpus, folder = run.corpus, emptied(run.folder / "out" / orthanc.NAME)
    with orthanc.running(emptied(run.folder / "work" / orthanc.NAME)) as peer:
        made, failed = orthanc.anonymised(peer, {file: corpus.path(file) for file in corpus.files}, folder)
        verdict = run.judge.verdict(made, failed)
        peer.empty()
        outcomes: Counter[str] = Counter()
        for number, hostile in enumerate(corpus.hostile):
            target = folder / f"hostile_{number}.dcm"
            outcomes[orthanc.tried(peer, corpus.path(hostile.file), target)] += 1
            _look_at_hostile(run, hostile.file, target, verdict)
    _note_hostile(outcomes, verdict)
    return verdict


def write(path: Path, verdicts: dict[str, Verdict]) -> None:
    """Write everything that was found as JSON; all values are invented."""
    said = {name: verdict.record() for name, verdict in verdicts.items()}
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf-8")
    sys.stdout.write(f"{path}\n")
