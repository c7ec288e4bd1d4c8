"""What a worker does beside its jobs: signs of life, taking over from the dead, looking for work."""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dbos import DBOS

from orthanc_plugins.errors import PacsSuiteError
from orthanc_plugins.logs import describe_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orthanc_plugins.reception import Reception
    from orthanc_plugins.store import Store

logger = logging.getLogger(__name__)

type Duty = Callable[[], float | None]

HEARTBEAT_S = 5.0
"""Seconds between two signs of life."""

SILENT_AFTER = timedelta(seconds=45)
"""A worker that gave no sign of life for so long is taken for dead, and its jobs go on elsewhere."""

_WATCH_S = 1.0
_CLOSE_WATCH_S = 0.1
_WATCH_SHARE = 0.1
"""At most so much of its time a worker looks whether images have come."""


class Watch:
    """What a worker does beside its jobs: signs of life, taking over from the dead, looking for work.

    Parameters
    ----------
    store
        Where signs of life are kept.
    reception
        Finds work in Orthanc.
    name
        The worker's name among all workers.
    sweep_interval_s
        Seconds between two readings of Orthanc's change log.
    further
        What else is done, each with the seconds between two turns.
    """

    def __init__(
        self,
        store: Store,
        reception: Reception,
        name: str,
        sweep_interval_s: float,
        further: Mapping[Duty, float] | None = None,
    ) -> None:
        self._store = store
        self._name = name
        self._reception = reception
        self._started_at = datetime.now(UTC)
        self._swept = False
        self._duties: dict[Duty, float] = {
            self._live: HEARTBEAT_S,
            self._look_after_waiting: _WATCH_S,
            self._sweep: sweep_interval_s,
            **(further or {}),
        }

    def run(self, stop: threading.Event) -> None:
        """Do each duty in its interval until told to stop.

        Each has a thread of its own: a sweep over a large Orthanc must not keep back the signs of life.
        """
        for duty, interval_s in self._duties.items():
            threading.Thread(
                target=self._repeat, args=(duty, interval_s, stop), name=f"watch{duty.__name__}", daemon=True
            ).start()
        stop.wait()

    def _repeat(self, duty: Duty, interval_s: float, stop: threading.Event) -> None:
        while not stop.is_set():
            stop.wait(self._do(duty, interval_s))

    def _do(self, duty: Duty, interval_s: float) -> float:
        """Do a duty and return how long to wait for its next turn: what it says, else its interval."""
        try:
            sooner_s = duty()
        except PacsSuiteError as error:
            logger.warning("The watch will try again: %s", error)
        except Exception as error:  # noqa: BLE001 - the edge: one duty must not end the others
            logger.error("The watch met a fault: %s", describe_exception(error))  # noqa: TRY400
        else:
            return interval_s if sooner_s is None else sooner_s
        return min(interval_s, HEARTBEAT_S)

    def _live(self) -> None:
        self._store.heartbeat(self._name, os.getpid(), self._started_at)
        silent = self._store.silent_workers(SILENT_AFTER)
        if silent:
            logger.warning("Taking over the jobs of silent workers: %s.", ", ".join(silent))
            # First the jobs, then the names: taking over twice is harmless, forgetting too early is not.
            DBOS._recover_pending_workflows(silent)  # noqa: SLF001 - DBOS offers no public way to name executors
            self._store.forget_workers(silent, SILENT_AFTER)

    def _look_after_waiting(self) -> float | None:
        began = time.monotonic()
        if not self._reception.look_after_waiting():
            return None
        return max(_CLOSE_WATCH_S, (time.monotonic() - began) / _WATCH_SHARE)

    def _sweep(self) -> None:
        self._reception.sweep(thorough=not self._swept)
        self._swept = True
