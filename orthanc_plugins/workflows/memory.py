"""Gives memory back to the system after a job: a worker holds no more in the morning than at night."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def memory_given_back() -> Iterator[None]:
    """Return to the system, at the end of the block, what was freed inside it.

    The C library keeps freed memory for each thread that used some; jobs bring new threads all the time. A
    library that has no such call gives memory back by itself.
    """
    try:
        yield
    finally:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
