"""What XNAT does by itself: sessions that get no more files are built, and archived when they should be."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from xnat_standin.answers import RefusedError
from xnat_standin.importing import automatic_order, is_automatic

if TYPE_CHECKING:
    import sqlite3

    from xnat_standin.xnat import Xnat

_LOGGER = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 60.0


class Rebuilder:
    """A thread that looks for sessions in reception which are idle."""

    def __init__(self, xnat: Xnat) -> None:
        self._xnat = xnat
        self._idle_s = xnat.configuration.idle_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rebuilder", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for what it does."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s = min(_LONGEST_PAUSE_S, max(0.1, self._idle_s / 5))
        while not self._stopped.wait(pause_s):
            for row in self._xnat.prearchive.rows():
                if self._is_due(row):
                    self._settle(row["pk"])

    def _is_due(self, row: sqlite3.Row) -> bool:
        if row["status"] not in {"RECEIVING", "RECEIVING_INTERRUPT"}:
            return False
        if row["source"] == "uploader" or row["prevent_auto_commit"]:
            return False
        return bool(time.time() - row["lastmod"] > self._idle_s)

    def _settle(self, pk: int) -> None:
        self._xnat.prearchive.build(pk)
        row = self._xnat.prearchive.get(pk)
        if row is None or not is_automatic(self._xnat, pk):
            return
        try:
            self._xnat.archiver.archive(row, automatic_order(self._xnat, row["project"]))
        except RefusedError as error:
            _LOGGER.warning("A session was not archived by itself: %s", error.message)
