"""Deliveries are tried again by themselves, and one job at a time has a study."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import JobError
from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.jobs import DeidentificationOrder, deidentify_study_request
from orthanc_plugins.workflows.deidentification_workflows import alone
from orthanc_plugins.workflows.release_retrying import ReleaseRetrying

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue

STUDY = OrthancId("6bf20a51-a2f5e4ad-15ee6ff0-d6e7f0a5-1a4d6a14")


def order(content: str) -> DeidentificationOrder:
    return DeidentificationOrder(STUDY, "trial", "basic", reversible=False, content=content)


@pytest.mark.parametrize(
    ("failure", "later", "runs"),
    [
        ("ArchiveUnavailable", timedelta(hours=2), 2),
        ("ArchiveUnavailable", timedelta(minutes=30), 1),
        ("ArchiveUnavailable", timedelta(days=15), 1),
        ("HeldForReview", timedelta(hours=2), 1),
        ("ReleaseRefused", timedelta(hours=2), 1),
    ],
)
def test_what_failed_because_the_destination_was_away_is_done_again_after_a_rest(
    queue: MemoryQueue, failure: str, later: timedelta, runs: int, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = queue.submit(deidentify_study_request(order("1")))
    queue.fail(job_id, failure)
    with caplog.at_level(logging.INFO):
        ReleaseRetrying(queue, lambda: datetime.now(UTC) + later).try_again()
    assert queue.runs[job_id] == runs
    assert ("is done again" in caplog.text) == (runs > 1)


def test_one_job_at_a_time_has_a_study_for_a_project(services: Services) -> None:
    one, two = order("1"), order("2")
    with alone(services, one, "worker.1", ()):
        with pytest.raises(JobError, match="Another job"), alone(services, two, "worker.2", (0.0,)):
            pass
        with alone(services, one, "worker.1", ()):
            """The same job goes on after its worker's end."""
    with alone(services, two, "worker.2", ()):
        """It was given back."""
