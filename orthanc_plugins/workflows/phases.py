"""The phases of a job, timed and shown while they run."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orthanc_plugins.errors import JobError
from orthanc_plugins.jobs import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import JobQueue
    from orthanc_plugins.store import Store

PHASES = (
    "receive",
    "read_metadata",
    "read_contours",
    "measure",
    "rasterise",
    "dose",
    "compare",
    "export",
    "publish",
    "store_objects",
)
"""A structure set's phases, in their order; ``dose`` and ``store_objects`` only where asked for."""


class PhaseLog:
    """Writes the phases of one job to the store.

    The beginning of a phase is also where a cancelled job stops.
    """

    def __init__(self, store: Store, queue: JobQueue, job_id: JobId) -> None:
        self._store = store
        self._queue = queue
        self._job_id = job_id
        self._current: tuple[int, float] | None = None

    @contextmanager
    def sequence(self) -> Iterator[None]:
        """Time the phases that begin inside the block, each until the next begins, the last until its end.

        A phase that fails keeps no duration: with its job's state this tells that it failed.
        """
        try:
            yield
            self._end()
        finally:
            self._current = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what is done inside the block as a phase.

        Raises
        ------
        JobError
            The job was cancelled.
        """
        with self.sequence():
            self.begin(name)
            yield

    def begin(self, name: str) -> None:
        """Note that a phase begins, and so that the one before it in the sequence has ended.

        Raises
        ------
        JobError
            The job was cancelled.
        """
        self._end()
        if self._queue.job(self._job_id).state is JobState.CANCELLED:
            raise JobError("The job was cancelled.")
        ordinal = PHASES.index(name)
        self._store.begin_phase(self._job_id, ordinal, name)
        self._current = (ordinal, time.perf_counter())

    def _end(self) -> None:
        if self._current is not None:
            ordinal, began = self._current
            self._store.end_phase(self._job_id, ordinal, time.perf_counter() - began)
            self._current = None
