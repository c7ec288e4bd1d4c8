"""Processes that share the work of a study."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def process_pool(workers: int, begin: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """Return processes that start fresh: a copy of this one might hold a lock of another thread.

    They end with this one, however it ends: they may hold a project's key.

    Parameters
    ----------
    begin
        Called once in each, before its first work.
    """
    return ProcessPoolExecutor(workers, get_context("forkserver"), initializer=_begin, initargs=(begin,))


def _begin(begin: Callable[[], None] | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin()


def _end_with_parent() -> None:
    """Wait until the parent is gone, killed perhaps, and end at once."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
