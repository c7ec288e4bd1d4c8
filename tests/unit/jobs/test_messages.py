"""Requests for jobs, and what a state means."""

from __future__ import annotations

import pytest

from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.jobs import (
    JobKind,
    JobState,
    extract_structures_request,
    remove_results_request,
)


def test_the_same_content_of_the_same_instance_is_the_same_job() -> None:
    request = extract_structures_request(OrthancId("a"), "md5")
    assert request == extract_structures_request(OrthancId("a"), "md5")
    assert request.job_id != extract_structures_request(OrthancId("a"), "other").job_id
    assert request.job_id != extract_structures_request(OrthancId("b"), "md5").job_id


def test_each_deletion_is_another_job() -> None:
    first, second = (remove_results_request(OrthancId("a"), event) for event in ("1", "2"))
    assert first.job_id != second.job_id
    assert first.arguments == second.arguments == ("a",)


def test_kinds_do_not_share_identifiers() -> None:
    extraction = extract_structures_request(OrthancId("a"), "x")
    removal = remove_results_request(OrthancId("a"), "x")
    assert extraction.job_id != removal.job_id
    assert (extraction.kind, removal.kind) == (JobKind.EXTRACT_STRUCTURES, JobKind.REMOVE_RESULTS)


@pytest.mark.parametrize("state", JobState)
def test_a_paused_job_has_not_ended(state: JobState) -> None:
    assert state.ended == (state in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
