"""Looks into the queue for this worker: at an interval, when the bell rings, and when a job has ended.

DBOS looks at an interval alone, 0.5 s on average too late for half of it. Its own loop is run here, with
another way to wait between two looks; what is looked for, and how it is taken, stays DBOS's.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from dbos import DBOS
from dbos._dbos import _get_dbos_instance
from dbos._queue import queue_worker_thread

from orthanc_plugins.jobs.messages import QUEUE
from orthanc_plugins.logs import describe_exception

if TYPE_CHECKING:
    from orthanc_plugins.jobs.doorbell import Listener

logger = logging.getLogger(__name__)

_ROOM_S = 0.02
"""How often a worker that has jobs sees whether one has ended; it asks nobody but itself."""
_AGAIN_S = 1.0
_PATIENCE_S = 10.0


class QueuePolling:
    """The thread that takes jobs from the queue.

    Start it after `DBOS.launch`, where `listen_to_none` was called before.

    Parameters
    ----------
    listener
        Where the bell is heard; each polling has one of its own.
    name
        Name of the queue.
    """

    def __init__(self, listener: Listener, name: str = QUEUE) -> None:
        self._name = name
        self._pause = _Pause(listener, name)
        self._thread = threading.Thread(target=self._poll, name=name, daemon=True)

    @staticmethod
    def listen_to_none() -> None:
        """Keep DBOS from looking into the suite's queues itself; called before it is launched."""
        DBOS.listen_queues([])

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    def stop(self) -> None:
        """Take no further jobs; those that run go on."""
        self._pause.stop()
        self._thread.join(_PATIENCE_S)

    def _poll(self) -> None:
        while not self._pause.is_set():
            try:
                if queue := DBOS.retrieve_queue(self._name):
                    queue_worker_thread(cast("Any", self._pause), _get_dbos_instance(), queue)
            except Exception as error:  # noqa: BLE001 - the edge: a worker that takes no more jobs is none
                logger.error("The queue cannot be looked into: %s", describe_exception(error))  # noqa: TRY400
            self._pause.wait(_AGAIN_S)


class _Pause:
    """The event that DBOS's loop waits for between two looks: set is it once the worker ends."""

    def __init__(self, listener: Listener, queue: str) -> None:
        self._listener = listener
        self._queue = queue
        self._stopped = threading.Event()
        self._jobs = 0

    def stop(self) -> None:
        self._stopped.set()

    def is_set(self) -> bool:
        return self._stopped.is_set()

    def wait(self, timeout: float) -> bool:
        """Wait, less long when the bell rings or a job ends, and return whether the worker ends."""
        end = time.monotonic() + timeout
        while not self.is_set():
            before, self._jobs = self._jobs, _running(self._queue)
            left_s = end - time.monotonic()
            if self._jobs < before or left_s <= 0:
                break
            if self._listener.wait(min(left_s, _ROOM_S) if self._jobs else left_s):
                break
        return self.is_set()


def _running(queue: str) -> int:
    """Return how many jobs of a queue this worker has now."""
    return _get_dbos_instance()._active_workflows_set.count_for_queue(queue)  # noqa: SLF001 - DBOS tells it nobody
