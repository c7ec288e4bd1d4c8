"""Keeps a worker's memory small: it holds no more in the morning than at night."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARENAS = -8
"""``M_ARENA_MAX`` of the GNU C library."""


def share_memory_among_threads() -> None:
    """Let all threads take memory from one store; to be called before there are threads.

    The GNU C library gives each thread a store of its own, and what one thread freed serves no other. Jobs
    bring new threads all the time, each of which would begin with nothing. A library that knows no such
    stores is left as it is.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_ARENAS, 1)


@contextmanager
def memory_given_back() -> Iterator[None]:
    """Return to the system, at the end of the block, what was freed inside it.

    The C library keeps freed memory for later. A library that has no such call gives memory back by itself.
    """
    try:
        yield
    finally:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
