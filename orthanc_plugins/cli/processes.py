"""Do tasks in processes, so that a worker that crashes or is killed costs the one task it had.

Decisions
---------
2026-11-21  Not ``concurrent.futures``: there one dead worker breaks the pool, and every task in it is lost.
2026-11-21  Workers are spawned, not forked: the parent has threads, and a fork would copy their locks. They
            are blocked for Ctrl-C, which their parent answers, and end at once when it is gone.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from orthanc_plugins.cli.commands import UNKNOWN_FAULT
from orthanc_plugins.logs import describe_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from multiprocessing.connection import Connection

_log = logging.getLogger(__name__)
_SPAWN = multiprocessing.get_context("spawn")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""The processes are the parallelism: a library that makes threads for every core makes them in each."""


@dataclass(frozen=True)
class Lost:
    """A task without a result; ``reason`` says how its worker ended, or what fault it met."""

    reason: str


@dataclass(frozen=True)
class _News:
    """What a worker tells of its task while it is at it."""

    text: str


@dataclass(eq=False)
class _Worker[T]:
    """One process, and the task it has."""

    process: Any
    pipe: Connection
    task: T | None = field(default=None)


def in_processes[T, R](
    work: Callable[..., R],
    tasks: Iterable[T],
    workers: int,
    on_begin: Callable[[T], None] | None = None,
    on_news: Callable[[T, str], None] | None = None,
) -> Generator[tuple[T, R | Lost]]:
    """Yield each task with its result, in the order in which they end.

    Parameters
    ----------
    work
        A function of a module, of a task; it, tasks and results are pickled. With ``on_news`` its second
        argument is a function that tells a text of the task.
    tasks
        Taken one at a time, when a worker is free.
    workers
        How many processes at most.
    on_begin
        Called with each task that is given to a worker.
    on_news
        Called with a task and each text that its worker tells of it.
    """
    waiting = iter(tasks)
    running: list[_Worker[T]] = []
    idle: list[_Worker[T]] = []
    try:
        while True:
            for task in _some(waiting, workers - len(running)):
                worker = idle.pop() if idle else _started(work, tells=on_news is not None)
                running.append(worker)  # before it has its task: whatever happens now, it will be ended
                worker.task = task
                _give(worker, task)
                if on_begin is not None:
                    on_begin(task)
            if not running:
                return
            for pipe in wait([worker.pipe for worker in running]):
                worker = next(one for one in running if one.pipe is pipe)
                result = _result(worker)
                assert worker.task is not None
                if isinstance(result, _News):
                    if on_news is not None:
                        on_news(worker.task, result.text)
                    continue
                running.remove(worker)
                if worker.process.is_alive():
                    idle.append(worker)
                yield worker.task, result
    finally:
        _end([*running, *idle])


def _some[T](tasks: Iterator[T], count: int) -> Iterator[T]:
    for _, task in zip(range(count), tasks, strict=False):
        yield task


def _started[T, R](work: Callable[..., R], *, tells: bool) -> _Worker[T]:
    pipe, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(theirs, work, tells), daemon=True)
    with _no_interrupt(), _environment(dict.fromkeys(_ONE_THREAD, "1")):
        process.start()
    theirs.close()
    return _Worker(process, pipe)


def _give[T](worker: _Worker[T], task: T) -> None:
    try:
        worker.pipe.send(task)
    except OSError:
        _log.debug("A worker ended before it had its task; its pipe tells so next.")


def _result[T](worker: _Worker[T]) -> Any:
    """Return what a worker has sent, or how it ended."""
    try:
        return worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        memory = " (often for want of memory)" if code == -signal.SIGKILL else ""
        return Lost(f"the process that worked on it {how}{memory}.")


def _end[T](workers: list[_Worker[T]]) -> None:
    for worker in workers:
        worker.process.kill()
    for worker in workers:
        worker.process.join()
        worker.pipe.close()


def _serve[R](pipe: Connection, work: Callable[..., R], tells: bool) -> None:
    """Do tasks until there are no more; runs in the worker's process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            result: R | Lost = work(task, lambda text: pipe.send(_News(text))) if tells else work(task)
        except Exception as error:  # noqa: BLE001 - the edge of a worker: a fault costs one task
            result = Lost(f"{UNKNOWN_FAULT}: {describe_exception(error)}.")
        pipe.send(result)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Hold back Ctrl-C, also in a process that is started inside the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(defaults: dict[str, str]) -> Iterator[None]:
    """Set environment variables that are not set, inside the block."""
    added = {name: value for name, value in defaults.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
