"""What a destination did not take because it was away is done again by itself, seldom."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ArchiveUnavailable, JobActive, JobNotFound
from orthanc_plugins.jobs import JobKind, JobState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from orthanc_plugins.jobs import JobQueue

logger = logging.getLogger(__name__)

RESTS_FOR = timedelta(hours=1)
"""After a delivery has failed, so long it is let be."""

_LOOKED_AT = timedelta(days=14)
"""What ended longer ago is a person's to ask for: no worker ran then."""
_AT_ONCE = 50


class ReleaseRetrying:
    """Has jobs of de-identification done again that ended because their destination did not answer."""

    def __init__(self, queue: JobQueue, now: Callable[[], datetime]) -> None:
        self._queue = queue
        self._now = now

    def try_again(self) -> None:
        """Ask again for what has rested; raises JobError when the database cannot be used."""
        now = self._now()
        failed = self._queue.jobs(states=[JobState.FAILED], kind=JobKind.DEIDENTIFY_STUDY, limit=_AT_ONCE)
        for job in failed:
            if job.failure is None or job.failure.name != ArchiveUnavailable.__name__ or job.ended_at is None:
                continue
            if now - _LOOKED_AT < job.ended_at < now - RESTS_FOR:
                with suppress(JobActive, JobNotFound):  # another worker was faster
                    self._queue.run_again(job.job_id)
                    logger.info("Job %s had failed and is done again.", job.job_id)
