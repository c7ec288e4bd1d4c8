"""Archives asked while somebody waits: for so long, and no longer.

The archives' own patience (`TimeoutS`, tried again several times) is that of work done overnight. What is
asked here goes on in a thread of its own after its time is over; so many may be left behind, and no more.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from orthanc_plugins.errors import ArchiveLate
from orthanc_plugins.sync.strategies import archive_title

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.archives.base import Archive

DEADLINE_S = 10.0
"""Seconds that somebody who asks both archives is kept waiting for one that does not answer."""

MOST_PENDING = 16
"""Questions to one archive that may be unanswered at a time; further ones wait their turn, as long as theirs
is waited for."""

_rooms: WeakKeyDictionary[Archive, threading.Semaphore] = WeakKeyDictionary()
_lock = threading.Lock()


class Question[T]:
    """A question to an archive that is asked at once, and whose answer is waited for later.

    Parameters
    ----------
    archive
        Who is asked.
    ask
        Asks; returns the whole answer, and nothing that is still to be read.
    deadline_s
        Seconds from now until it is no longer waited for.
    """

    def __init__(self, archive: Archive, ask: Callable[[], T], deadline_s: float | None = None) -> None:
        self._archive = archive
        self._deadline_s = DEADLINE_S if deadline_s is None else deadline_s
        self._until = time.monotonic() + self._deadline_s
        self._answer: Future[T] = Future()
        self._room = _room(archive)
        # A daemon: what hangs must not keep Orthanc from ending.
        threading.Thread(target=self._run, args=(ask,), name=f"ask-{archive.name}", daemon=True).start()

    def answer(self) -> T:
        """Return the answer, or raise what asking raised.

        Raises
        ------
        ArchiveLate
            It did not come in time.
        """
        wait([self._answer], max(0.0, self._until - time.monotonic()))
        if not self._answer.done():
            title = archive_title(self._archive.name)
            raise ArchiveLate(
                f"{title} did not answer within {self._deadline_s:g} s: is it running?",
                archive=self._archive.name,
            )
        return self._answer.result()

    def _run(self, ask: Callable[[], T]) -> None:
        if not self._room.acquire(timeout=self._deadline_s):
            return
        try:
            self._answer.set_result(ask())
        except Exception as error:  # noqa: BLE001 - raised again where the answer is waited for
            self._answer.set_exception(error)
        finally:
            self._room.release()


def _room(archive: Archive) -> threading.Semaphore:
    """Return what counts the questions to an archive."""
    with _lock:
        return _rooms.setdefault(archive, threading.Semaphore(MOST_PENDING))
