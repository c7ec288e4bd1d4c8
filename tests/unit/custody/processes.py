"""Several processes that do one thing at the same moment."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def at_once(task: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> list[Any]:
    """Run a task in one process for each tuple of arguments, all let go at once; return their answers."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(len(arguments)), context.Queue()
    processes = [context.Process(target=_run, args=(task, one, barrier, answers)) for one in arguments]
    for process in processes:
        process.start()
    found = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    return found


def _run(task: Callable[..., Any], arguments: tuple[Any, ...], barrier: Any, answers: Any) -> None:
    barrier.wait()
    answers.put(task(*arguments))
