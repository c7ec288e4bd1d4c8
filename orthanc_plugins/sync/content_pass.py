"""When the content of what changed is compared by itself: in the hours of a window, once each time it opens.

What a comparison of everything has once compared it leaves aside until an archive lists it otherwise. So each
pass goes on where the one before it was ended by the end of its hours.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.errors import JobActive
from orthanc_plugins.jobs import JobState, compare_archives_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.jobs import JobQueue
    from orthanc_plugins.rules import Window


class ContentPass:
    """Asks for comparisons of content; each of several workers may ask, and it is done once.

    Parameters
    ----------
    queue
        Where it is asked for.
    window
        The hours, in the local time of this machine.
    clock
        The time, aware.
    """

    def __init__(
        self, queue: JobQueue, window: Window, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._queue = queue
        self._window = window
        self._clock = clock

    def keep(self) -> None:
        """Ask for the pass of the hours that have begun, again where it has failed.

        Raises
        ------
        JobError
            The database of jobs cannot be used.
        """
        hours = self._window.hours_at(self._clock())
        if hours is None:
            return
        opened, closes = hours
        token = f"content-pass.{opened:%Y%m%dT%H%M}"
        request = compare_archives_request("content", again=False, token=token, until=closes)
        known = self._queue.jobs(job_ids=[request.job_id], limit=1)
        if not known:
            self._queue.submit(request)
        elif known[0].state is JobState.FAILED:
            with suppress(JobActive):  # another worker was first
                self._queue.run_again(request.job_id)
