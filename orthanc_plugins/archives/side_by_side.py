"""Several requests at the same time, with few of their answers in memory."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def side_by_side[T, R](
    executor: Executor, work: Callable[[T], R], items: Iterable[T], at_once: int
) -> Iterator[R]:
    """Yield what ``work`` makes of each item, in the order in which it is ready.

    Parameters
    ----------
    executor
        Whose threads do the work.
    work
        Done once for each item; what it raises is raised here, and nothing further is begun.
    items
        Taken one by one, on the caller's thread, when there is room.
    at_once
        How many are in work or wait to be fetched at a time.
    """
    pending: set[Future[R]] = set()
    remaining = iter(items)
    try:
        while True:
            while len(pending) < at_once:
                try:
                    item = next(remaining)
                except StopIteration:
                    break
                pending.add(executor.submit(work, item))
            if not pending:
                return
            ready, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in ready:
                yield future.result()
    finally:
        for future in pending:
            future.cancel()
        wait(pending)
