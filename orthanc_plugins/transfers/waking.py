"""Transfers that wait are looked after: a worker does so beside its jobs."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.errors import JobNotFound
from orthanc_plugins.jobs import JobState
from orthanc_plugins.store import TransferState
from orthanc_plugins.transfers.asking import hand_over

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from orthanc_plugins.jobs import Job, JobQueue
    from orthanc_plugins.store import TransferRecord, Transfers

logger = logging.getLogger(__name__)

_AT_ONCE = 100
"""Transfers handed over in one turn; the others are due in the next."""

_SILENT_FOR = timedelta(minutes=10)
"""A transfer at work of which nothing was noted for so long is looked after."""

KEPT_FOR = timedelta(days=365)
"""So long the single instances of a verified transfer are remembered; its counts are for good."""


class Waking:
    """Hands transfers over whose time has come, and ends those whose job was given up.

    Several workers may do so at the same time. Every method raises StoreError or JobError when a database
    cannot be used.
    """

    def __init__(self, transfers: Transfers, queue: JobQueue, now: Callable[[], datetime]) -> None:
        self._transfers = transfers
        self._queue = queue
        self._now = now

    def wake(self) -> float | None:
        """Hand over what is due; return 0 when there is more of it than was handed over."""
        due = self._transfers.due(self._now(), _AT_ONCE)
        for record in due:
            hand_over(self._transfers, self._queue, record)
        return 0.0 if len(due) == _AT_ONCE else None

    def tidy(self) -> None:
        """End transfers whose job ended without a word, and forget what is old.

        A job that was cut off by its worker's end again and again is given up by the queue itself.
        """
        for record in self._transfers.at_work(self._now() - _SILENT_FOR):
            job = self._job(record)
            if job is None or job.state is JobState.FAILED:
                self._give_up(record, job)
            elif job.state is JobState.CANCELLED:
                self._transfers.end(record.transfer_id, TransferState.CANCELLED)
        self._transfers.forget_instances(self._now() - KEPT_FOR)

    def _job(self, record: TransferRecord) -> Job | None:
        try:
            return self._queue.job(record.job_id)
        except JobNotFound:
            return None

    def _give_up(self, record: TransferRecord, job: Job | None) -> None:
        failure = None if job is None else job.failure
        told = ("JobNotFound", "Its job is unknown: ask for the transfer again.")
        error = told if failure is None else (failure.name, failure.message)
        logger.warning("Transfer %s ends: its job did. %s", record.transfer_id, error[1])
        self._transfers.end(record.transfer_id, TransferState.FAILED, error)
