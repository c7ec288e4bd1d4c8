"""What one alone may act on at a time, on whichever machine: a study, in whichever direction it goes."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from orthanc_plugins.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from orthanc_plugins.identifiers import StudyUid

LASTING_S = 90.0
"""A holder that died loses what it held after so long."""

_RENEWED_EVERY_S = 20.0
_MARGIN_S = 15.0
"""So long before the lease runs out nothing more leaves: what is on its way needs time to arrive."""


class LeaseLostError(Exception):
    """What was held may be another's by now; nothing more may be done to it."""


class LeaseBook(Protocol):
    """Where leases are kept, such as `store.Leases`."""

    def acquire(self, name: str, holder: str, lasting: timedelta) -> bool:
        """Take or renew a lease for so long from now; False when another holds it."""

    def release(self, name: str, holder: str) -> None:
        """Give a lease back."""


class Lease:
    """What is held; `guard` is called before anything is done to it."""

    def __init__(self, book: LeaseBook, name: str, holder: str, clock: Callable[[], float]) -> None:
        self._book = book
        self._name = name
        self._holder = holder
        self._clock = clock
        self._valid_until = 0.0
        self._lost = False
        self._released = threading.Event()

    def take(self) -> bool:
        """Take or renew the lease; return whether it is held."""
        asked_at = self._clock()
        taken = self._book.acquire(self._name, self._holder, timedelta(seconds=LASTING_S))
        if taken:
            self._valid_until = asked_at + LASTING_S - _MARGIN_S
        else:
            self._lost = True
        return taken

    def guard(self) -> None:
        """Do nothing while it is held.

        Raises
        ------
        LeaseLostError
            It is not, or will not be for long enough.
        """
        if self._lost or self._clock() > self._valid_until:
            raise LeaseLostError(f"{self._name} is no longer held by {self._holder}.")

    def keep(self, every_s: float = _RENEWED_EVERY_S) -> None:
        """Renew the lease until it is released or lost; run on a thread of its own."""
        while not self._lost and not self._released.wait(every_s):
            try:
                self.take()
            except StoreError:  # `guard` tells once it has lasted too long
                continue

    def release(self) -> None:
        """Give it back."""
        self._released.set()
        self._book.release(self._name, self._holder)


def held_study(
    book: LeaseBook, study_uid: StudyUid, holder: str, clock: Callable[[], float]
) -> AbstractContextManager[Lease | None]:
    """Hold a study inside the block; None when another does. See `held`."""
    return held(book, f"study:{study_uid}", holder, clock)


@contextmanager
def held(book: LeaseBook, name: str, holder: str, clock: Callable[[], float]) -> Iterator[Lease | None]:
    """Hold what a name stands for inside the block; None when another does.

    Parameters
    ----------
    holder
        Who holds it; the same holder may take it again, as a job does that goes on after its worker's end.
    clock
        Returns seconds that only grow.
    """
    lease = Lease(book, name, holder, clock)
    if not lease.take():
        yield None
        return
    keeper = threading.Thread(target=lease.keep, name="lease", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        lease.release()
        keeper.join()
