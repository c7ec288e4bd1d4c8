"""How many bytes a second transfers may take, all of a worker together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SLICE_S = 1.0
_LEAST_S = 0.001
"""No one waits for less."""


class Limiter:
    """A token bucket: bytes that leave are paid for with time, a second's worth may be ahead.

    Who sends a file takes its size, which makes a debt, and waits until all debt is paid; several that send
    at once share the debt, and so the rate. May be used by several threads.

    Parameters
    ----------
    bytes_per_s
        Bytes a second, on average; None for no limit.
    clock
        Returns seconds that only grow.
    sleep
        Waits for so many seconds.
    """

    def __init__(
        self, bytes_per_s: float | None, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._rate = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._credit = 0.0 if bytes_per_s is None else bytes_per_s
        self._counted_at = clock()

    def take(self, size_bytes: int, check: Callable[[], None] = lambda: None) -> None:
        """Wait until so many bytes may leave; ``check`` is called each second, and may raise."""
        if self._rate is None:
            return
        owed_s = self._owe(self._rate, size_bytes)
        while owed_s > _LEAST_S:
            check()
            self._sleep(min(owed_s, _SLICE_S))
            owed_s = self._owe(self._rate, 0)

    def _owe(self, rate: float, size_bytes: int) -> float:
        """Count bytes, and return for how many seconds all that was taken is still owed."""
        with self._lock:
            now = self._clock()
            earned = (now - self._counted_at) * rate
            self._counted_at = now
            self._credit = min(rate, self._credit + earned) - size_bytes
            return -self._credit / rate
