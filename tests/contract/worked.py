"""What worker processes do in tests: functions of a module, since they are handed over by name."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def double_or_die(number: int) -> int:
    """Return twice a number; some numbers end the process, or meet a fault."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5:
        os._exit(7)
    if number == 7:
        raise RuntimeError("secret")
    return 2 * number


def process_of(number: int) -> tuple[int, int]:
    """Return a number and the process that had it."""
    time.sleep(0.05)
    return number, os.getpid()


def note_and_wait(place: Path) -> None:
    """Leave the process's number, and work for ever."""
    place.write_text(str(os.getpid()), encoding="ascii")
    time.sleep(600)
