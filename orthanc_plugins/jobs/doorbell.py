"""Tells the workers of this machine that there is work, so that they look at once.

Only an accelerator: whoever does not hear it finds the work at the next look into the queue. Each worker
listens at a named pipe of its own in a folder that all share; a ring is one byte into each. It never waits,
and an absent, silent or overwhelmed worker is nothing it would complain of.
"""

from __future__ import annotations

import logging
import os
import select
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

_PREFIX = "bell-"
_AT_ONCE = 65_536
_OWNER_ONLY = 0o600


class Doorbell:
    """Rings at every worker that listens in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ring(self) -> None:
        """Tell the workers that there is something to do."""
        for pipe in self._folder.glob(f"{_PREFIX}*"):
            # No reader, no such pipe, or so many rings in it that one more says nothing new.
            with suppress(OSError):
                end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
                try:
                    os.write(end, b"!")
                finally:
                    os.close(end)


class Listener:
    """One worker's end of the bell.

    Parameters
    ----------
    folder
        The folder that `Doorbell` rings in.
    name
        The worker's name among all workers.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._pipe = folder / f"{_PREFIX}{name}"
        try:
            self._pipe.unlink(missing_ok=True)
            os.mkfifo(self._pipe, _OWNER_ONLY)
            # Open at both ends: it does not end when who rang goes away.
            self._end = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            logger.warning(
                "The worker will find its jobs a little later: no named pipe in %s: %s.", folder, error
            )
            self._end = os.eventfd(0, os.EFD_NONBLOCK)  # which nobody can ring

    def wait(self, timeout_s: float) -> bool:
        """Return whether the bell rang, at once when it has rung since the last call."""
        if not select.select([self._end], [], [], timeout_s)[0]:
            return False
        os.read(self._end, _AT_ONCE)
        return True

    def close(self) -> None:
        """Take the bell away."""
        self._pipe.unlink(missing_ok=True)
        os.close(self._end)
