"""What is done when an archive does not answer: try again with patience, and leave it alone when it is down.

Waits are drawn with full jitter, so that workers who failed together do not come back together; an archive
that says ``Retry-After`` is taken at its word. After some failures in a row the circuit opens: for a while
nothing is sent at all, then one request probes.

The loop is written here and not tenacity's, whose objects refer to themselves: what was to be sent, hundreds
of megabytes, would stay in memory until the garbage collector comes by.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

_RANDOM = random.SystemRandom()


class MayPass(Exception):  # noqa: N818 - what it says; it never leaves the archives
    """One attempt failed in a way that may pass.

    Parameters
    ----------
    error
        What is raised when no further attempt is made.
    sent
        Whether the archive may have seen the request, and acted on it.
    alive
        Whether the archive itself answered, so that the circuit need not open.
    timed_out
        Whether the archive took too long, and may still be at it.
    retry_after_s
        How long the archive asks to be left alone.
    """

    def __init__(
        self,
        error: ArchiveUnavailable,
        *,
        sent: bool = True,
        alive: bool = False,
        timed_out: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.sent = sent
        self.alive = alive
        self.timed_out = timed_out
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently something is tried.

    Parameters
    ----------
    attempts
        The first one included.
    first_wait_s, longest_wait_s
        The wait before attempt n + 1 is drawn between 0 and ``first_wait_s * 2 ** (n - 1)``, but never more
        than the longest. An archive that asks to be left alone for longer is not waited for.
    within_s
        No attempt begins later than this after the first.
    """

    attempts: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 10.0
    within_s: float = 120.0


@dataclass(frozen=True)
class Clocks:
    """Time as it is handed in: seconds that only grow, the time of day (UTC), and how to wait."""

    seconds: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep


class CircuitBreaker:
    """Keeps requests from an archive that is down; may be used by several threads.

    Parameters
    ----------
    archive
        Its name, which errors carry.
    title
        What the texts of errors call it; its name when None.
    failures
        So many in a row open the circuit.
    pause_s
        How long it stays open until one request probes; that one decides.
    """

    def __init__(
        self,
        archive: str,
        *,
        title: str | None = None,
        failures: int = 5,
        pause_s: float = 30.0,
        clocks: Clocks | None = None,
    ) -> None:
        self._title = title or archive
        self._archive = archive
        self._failures = failures
        self._pause_s = pause_s
        self._clocks = clocks or Clocks()
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._since: datetime | None = None
        self._probe_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether requests are being kept back."""
        with self._lock:
            return self._since is not None

    def admit(self) -> None:
        """Let a request pass.

        Raises
        ------
        ArchiveUnavailable
            The circuit is open; nothing was sent.
        """
        with self._lock:
            if self._since is None:
                return
            left_s = self._probe_at - self._clocks.seconds()
            if left_s > 0:
                raise self._kept_back(self._since, left_s)
            # This request probes; others wait for what it finds, as long again at most.
            self._probe_at = self._clocks.seconds() + self._pause_s

    def answered(self) -> None:
        """Close the circuit: the archive answered."""
        with self._lock:
            self._in_a_row = 0
            self._since = None

    def failed(self) -> None:
        """Count that the archive did not answer, and open the circuit when that was too often."""
        with self._lock:
            self._in_a_row += 1
            if self._in_a_row >= self._failures or self._since is not None:
                self._since = self._since or self._clocks.now()
                self._probe_at = self._clocks.seconds() + self._pause_s

    def _kept_back(self, since: datetime, left_s: float) -> ArchiveUnavailable:
        again = self._clocks.now() + timedelta(seconds=left_s)
        return ArchiveUnavailable(
            f"{self._title} has not answered since {_time(since)}; it is asked again at {_time(again)}: "
            "see whether it runs.",
            archive=self._archive,
        )


class Resilience:
    """Attempts at one archive, with retries and its circuit breaker."""

    def __init__(
        self, breaker: CircuitBreaker, policy: RetryPolicy | None = None, clocks: Clocks | None = None
    ) -> None:
        self._breaker = breaker
        self._policy = policy or RetryPolicy()
        self._clocks = clocks or Clocks()

    def call[T](self, attempt: Callable[[], T], *, again: Callable[[MayPass], bool]) -> T:
        """Return what an attempt gives; another one is made after a failure of which ``again`` is true.

        Raises
        ------
        ArchiveUnavailable
            No attempt succeeded, or the circuit is open.
        """
        begun_s = self._clocks.seconds()
        number = 0
        while True:
            number += 1
            try:
                return self.once(attempt)
            except MayPass as failure:
                error, wait_s = failure.error, self._wait_s(number + 1, failure)
                repeated = again(failure) and wait_s is not None
            late = self._clocks.seconds() - begun_s >= self._policy.within_s
            if not repeated or late or number >= self._policy.attempts:
                try:
                    raise error
                finally:
                    del error  # it holds this frame, and all that is to be sent
            self._clocks.sleep(wait_s or 0.0)

    def once[T](self, attempt: Callable[[], T]) -> T:
        """Make one attempt and tell the circuit breaker how it went; MayPass goes on to the caller."""
        self._breaker.admit()
        try:
            result = attempt()
        except MayPass as failure:
            if failure.alive:
                self._breaker.answered()
            else:
                self._breaker.failed()
            raise
        except ArchiveRefused:
            self._breaker.answered()
            raise
        self._breaker.answered()
        return result

    def pause(self, attempt: int) -> None:
        """Wait before the attempt of a number, from 2 on, that is not made here."""
        self._clocks.sleep(self._drawn_s(attempt))

    def _wait_s(self, attempt: int, failure: MayPass) -> float | None:
        """Return the wait before an attempt, None when the archive asks for more than is ever waited."""
        asked_s = failure.retry_after_s or 0.0
        return None if asked_s > self._policy.longest_wait_s else max(self._drawn_s(attempt), asked_s)

    def _drawn_s(self, attempt: int) -> float:
        longest_s = min(self._policy.longest_wait_s, self._policy.first_wait_s * 2.0 ** (attempt - 2))
        return _RANDOM.uniform(0.0, longest_s)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks for (RFC 9110 10.2.3), None when it asks for none.

    >>> retry_after_s("7", datetime(2026, 1, 1, tzinfo=UTC))
    7.0
    >>> retry_after_s("Thu, 01 Jan 2026 00:00:30 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    30.0
    """
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (until - now).total_seconds()) if until.tzinfo is not None else None


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
