"""What a job freed does not stay with the worker."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from orthanc_plugins.workflows.memory import memory_given_back

_PAGES = 20_000


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
