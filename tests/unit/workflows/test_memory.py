"""What a job freed does not stay with the worker, and serves the next thread."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from orthanc_plugins.workflows.memory import memory_given_back

_PAGES = 20_000
_STORES = """
import ctypes, sys, threading
import numpy as np
from orthanc_plugins.workflows import share_memory_among_threads

if sys.argv[1] == "shared":
    share_memory_among_threads()
together = threading.Barrier(4)

def work():
    together.wait()
    pieces = [np.ones(500) for _ in range(1000)]
    together.wait()

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library = ctypes.CDLL(None)
library.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(library.fdopen(1, b"w"))
library.malloc_info(0, out)
library.fflush(out)
"""
"""Prints what the C library tells of its stores, after four threads have used memory at the same time."""


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])


def test_memory_that_threads_freed_is_given_back() -> None:
    kept: list[object] = []

    def work() -> None:
        # Small pieces, so that they come from the thread's own store; the last keeps that from shrinking.
        pieces = [np.ones(500) for _ in range(_PAGES)]
        kept.append(pieces[-1])

    with memory_given_back():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        before = resident_pages()
    assert resident_pages() < before - _PAGES / 2


def test_errors_go_through() -> None:
    with pytest.raises(ValueError, match="fault"), memory_given_back():
        raise ValueError("fault")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="not the GNU C library")
def test_threads_take_memory_from_one_store() -> None:
    def stores(how: str) -> int:
        told = subprocess.run(
            [sys.executable, "-c", _STORES, how], capture_output=True, text=True, check=True
        ).stdout
        return told.count("<heap nr=")

    assert stores("shared") == 1
    assert stores("apart") > 1
