"""How much memory an archive takes while it works: the most of what was seen, sample by sample.

The kernel's own high-water mark (VmHWM) is of no use here: it remembers what was before.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orthanc_plugins.benchmark.processes import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orthanc_plugins.benchmark.processes import Process

EVERY_S = 0.02
"""Seconds between two looks."""


class MemoryWatch:
    """Keeps the most memory that processes were seen to hold together (RSS, in bytes).

    ``look`` returns what they hold now, None when one of them has ended.
    """

    def __init__(
        self,
        processes: tuple[Process, ...],
        look: Callable[[tuple[Process, ...]], int | None] = resident_bytes,
    ) -> None:
        self._processes = processes
        self._look = look
        self.peak_bytes: int | None = None

    def look(self) -> None:
        """Look once."""
        now = self._look(self._processes) if self._processes else None
        if now is not None:
            self.peak_bytes = max(now, self.peak_bytes or 0)

    def start_anew(self) -> int | None:
        """Return the peak since the last call, and forget it."""
        peak, self.peak_bytes = self.peak_bytes, None
        return peak

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look again and again while the block runs, and once at its end."""
        if not self._processes:
            yield
            return
        ended = threading.Event()

        def watch() -> None:
            while not ended.is_set():
                self.look()
                ended.wait(EVERY_S)

        thread = threading.Thread(target=watch, name="memory", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.look()
