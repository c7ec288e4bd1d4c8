"""The shape of a driver: lines of JSON in, each a list of [source, target]; a line for each out.

What the tool itself prints goes to standard error. Only the standard library is imported here.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

type Pairs = list[tuple[str, str]]
type Failures = dict[str, str]


def serve(work: Callable[[Pairs], Failures]) -> None:
    """Answer every request with the seconds it took and what failed, until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        pairs = [(str(source), str(target)) for source, target in json.loads(line)]
        began, began_cpu = time.perf_counter(), _processor_s()
        failed = work(pairs)
        taken = {"seconds": time.perf_counter() - began, "cpu_s": _processor_s() - began_cpu}
        answers.write(json.dumps({**taken, "failed": failed}) + "\n")
        answers.flush()


def _processor_s() -> float:
    """Return the processor time of this process and of those it started that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def one_by_one(anonymise: Callable[[str, str], None]) -> Callable[[Pairs], Failures]:
    """Return the work on a list by a function for one file; what fails leaves no file."""

    def work(pairs: Pairs) -> Failures:
        return dict(_failures(anonymise, pairs))

    return work


def _failures(anonymise: Callable[[str, str], None], pairs: Pairs) -> Iterable[tuple[str, str]]:
    for source, target in pairs:
        try:
            anonymise(source, target)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a peer may raise what it likes, or exit
            with suppress(FileNotFoundError):
                Path(target).unlink()
            yield source, type(error).__name__
