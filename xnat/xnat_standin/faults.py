"""Faults and delays on demand: what a real XNAT, its proxy or its disk does on a bad day."""

from __future__ import annotations

import threading
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    "refuse", "answer_instead", "cut", "fail_after_files", "delay", "slow_archive", "split", "drop", "alter"
]


class Fault(BaseModel):
    """What goes wrong, where and how often.

    Parameters
    ----------
    kind
        ``refuse``: answer `status` and do nothing. ``answer_instead``: do the work, then answer `status`.
        ``cut``: end the connection after `size` bytes of the body. ``delay``: answer after `delay_s`.
        ``slow_archive``: archiving takes `delay_s`. ``fail_after_files``: an import fails after `count`
        files, its row stays in reception. ``split``: after `count` files an import goes into a second row.
        ``drop``, ``alter``: `count` files are lost, or changed, in silence on the way into the archive.
    at
        Method and path it happens at, with wildcards (``POST /data/services/*``).
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    at: str = "*"
    times: int = Field(default=1, ge=1)
    status: int = Field(default=500, ge=400, lt=600)
    message: str = "A fault on demand."
    delay_s: float = Field(default=0, ge=0)
    count: int = Field(default=1, ge=0)
    size: int = Field(default=0, ge=0)


class Faults:
    """The faults that are still to happen, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Let a fault happen."""
        with self._lock:
            self._faults.append(fault.model_copy())

    def clear(self) -> None:
        """Let no more happen."""
        with self._lock:
            self._faults.clear()

    def pending(self) -> list[Fault]:
        """Return what has not happened yet."""
        with self._lock:
            return list(self._faults)

    def take(self, kind: Kind, at: str = "") -> Fault | None:
        """Return the first fault of a kind at a place and count it as happened; None when there is none."""
        with self._lock:
            for fault in self._faults:
                if fault.kind == kind and fnmatchcase(at, fault.at):
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    return fault
        return None
