"""How many bytes a second transfers may take, all of a worker together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_INSIDE_S = 5.0
"""A connection that is silent for longer may be given up by what stands between: proxies, firewalls."""

_SLICE_S = 1.0
_LEAST_S = 0.001
"""No one waits for less."""


class Limiter:
    """A token bucket: bytes that have left are paid for with time, a second's worth may be ahead.

    Who sends takes what it sends, which makes a debt, and waits until the debt is paid; several that send at
    once share the debt, and so the rate. May be used by several threads.

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

    def take(self, size_bytes: int) -> None:
        """Send a file of so many bytes: wait for room, but inside a request for a few seconds at most.

        What is still owed then is waited for before the next request, by `settle`.
        """
        if self._rate is not None:
            owed_s = self._owe(size_bytes)
            if owed_s > _LEAST_S:
                self._sleep(min(owed_s, _MOST_INSIDE_S))

    def settle(self, check: Callable[[], None] = lambda: None) -> None:
        """Wait until nothing is owed; ``check`` is called each second and may raise to go no further."""
        while self._rate is not None and (owed_s := self._owe(0)) > _LEAST_S:
            check()
            self._sleep(min(owed_s, _SLICE_S))

    def _owe(self, size_bytes: int) -> float:
        """Count bytes, and return for how many seconds all that was sent is still owed."""
        assert self._rate is not None
        with self._lock:
            now = self._clock()
            earned = (now - self._counted_at) * self._rate
            self._counted_at = now
            self._credit = min(self._rate, self._credit + earned) - size_bytes
            return -self._credit / self._rate
