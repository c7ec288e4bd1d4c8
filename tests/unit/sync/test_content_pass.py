"""Content is compared by itself in the hours that the settings tell, once each time they begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.jobs import JobKind, JobState
from orthanc_plugins.rules import Window
from orthanc_plugins.sync.content_pass import ContentPass

if TYPE_CHECKING:
    from tests.fakes import MemoryQueue

SATURDAY = datetime(2026, 11, 28).astimezone()
HOURS = Window.parse("Sat 00:00-06:00")


class Clock:
    def __init__(self) -> None:
        self.now = SATURDAY - timedelta(hours=1)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def content_pass(queue: MemoryQueue, clock: Clock) -> ContentPass:
    return ContentPass(queue, HOURS, clock)


def test_it_is_asked_for_once_each_time_the_hours_begin_and_ends_with_them(
    content_pass: ContentPass, queue: MemoryQueue, clock: Clock
) -> None:
    content_pass.keep()
    assert not queue.jobs()
    for hours in (0, 1, 5):
        clock.now = SATURDAY + timedelta(hours=hours)
        content_pass.keep()
    (job,) = queue.jobs(kind=JobKind.COMPARE_ARCHIVES)
    ends = (SATURDAY + timedelta(hours=6)).astimezone(UTC)
    assert queue.requests[job.job_id].arguments == ("content", "changed", ends.isoformat())
    queue.succeed(job.job_id)
    content_pass.keep()
    assert queue.runs[job.job_id] == 1
    clock.now = SATURDAY + timedelta(hours=6)
    content_pass.keep()
    clock.now = SATURDAY + timedelta(days=7, hours=2)
    content_pass.keep()
    assert len(queue.jobs(kind=JobKind.COMPARE_ARCHIVES)) == 2


def test_one_that_failed_is_tried_again_while_the_hours_last(
    content_pass: ContentPass, queue: MemoryQueue, clock: Clock
) -> None:
    clock.now = SATURDAY
    content_pass.keep()
    (job,) = queue.jobs()
    queue.fail(job.job_id, "ArchiveUnavailable", "Another round of synchronisation runs.")
    clock.now = SATURDAY + timedelta(minutes=5)
    content_pass.keep()
    assert queue.job(job.job_id).state is JobState.QUEUED
    queue.cancel(job.job_id)
    content_pass.keep()
    assert queue.job(job.job_id).state is JobState.CANCELLED, "that was a person's wish"
