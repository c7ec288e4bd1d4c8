"""What every queue of jobs does: on SQLite, on PostgreSQL and in memory."""

from __future__ import annotations

import functools
import time
import uuid
from collections import Counter
from datetime import UTC, datetime

import pytest

from orthanc_plugins.errors import JobActive, JobNotFound
from orthanc_plugins.identifiers import JobId, OrthancId
from orthanc_plugins.jobs import JobKind, JobState, remove_results_request
from tests.contract.queue_rigs import DbosRig, Rig, request
from tests.contract.waiting import eventually


def test_a_job_is_done(rig: Rig) -> None:
    before = datetime.now(UTC)
    job_id = rig.queue.submit(request("ok"))
    job = rig.work(job_id, until=JobState.SUCCEEDED)
    assert (job.job_id, job.kind) == (job_id, JobKind.EXTRACT_STRUCTURES)
    assert job.result == {"outcome": "done"}
    assert job.failure is None
    assert job.worker
    assert job.requested_at is not None
    assert job.started_at is not None
    assert job.ended_at is not None
    assert (job.requested_at - before).total_seconds() > -1
    assert job.requested_at <= job.started_at <= job.ended_at
    assert [step.name for step in rig.queue.steps(job_id)] == ["first", "second"]


def test_asking_twice_is_one_job_whatever_its_state(rig: Rig) -> None:
    wanted = request("ok")
    job_id = rig.queue.submit(wanted)
    assert rig.queue.submit(wanted) == job_id
    ended = rig.work(job_id, until=JobState.SUCCEEDED)
    assert rig.queue.submit(wanted) == job_id
    assert rig.queue.job(job_id) == ended
    assert [job.job_id for job in rig.queue.jobs(job_ids=[job_id])] == [job_id]


def test_a_job_whose_images_are_missing_waits_and_is_done_when_run_again(rig: Rig) -> None:
    job_id = rig.queue.submit(request("wait"))
    assert rig.work(job_id, until=JobState.WAITING).result == {"outcome": "waiting"}
    rig.open_gate()
    rig.queue.run_again(job_id)
    assert rig.work(job_id, until=JobState.SUCCEEDED).result == {"outcome": "done"}


def test_a_job_that_fails_tells_why_and_can_be_run_again(rig: Rig) -> None:
    job_id = rig.queue.submit(request("invalid"))
    job = rig.work(job_id, until=JobState.FAILED)
    assert job.failure is not None
    assert (job.failure.name, job.failure.message) == (
        "InvalidDicom",
        "The file ends too soon: send it again.",
    )
    assert job.result is None
    rig.queue.run_again(job_id)
    assert rig.work(job_id, until=JobState.FAILED).ended_at is not None


def test_a_job_that_runs_cannot_be_run_again(rig: Rig) -> None:
    job_id = rig.queue.submit(request("block"))
    rig.work(job_id, until=JobState.RUNNING)
    with pytest.raises(JobActive, match="running"):
        rig.queue.run_again(job_id)
    rig.open_gate()
    rig.work(job_id, until=JobState.SUCCEEDED)


def test_a_job_that_is_run_again_forgets_its_first_run(rig: Rig) -> None:
    rig.open_gate()
    job_id = rig.queue.submit(request("block"))
    rig.work(job_id, until=JobState.SUCCEEDED)
    if isinstance(rig, DbosRig):
        rig.close_gate()
    rig.queue.run_again(job_id)
    job = rig.work(job_id, until=JobState.RUNNING)
    assert (job.result, job.failure, job.ended_at) == (None, None, None)
    rig.open_gate()
    rig.work(job_id, until=JobState.SUCCEEDED)


def test_a_job_that_is_run_again_tells_when_that_was_asked_for(rig: Rig) -> None:
    job_id = rig.queue.submit(request("ok"))
    first = rig.work(job_id, until=JobState.SUCCEEDED)
    time.sleep(0.01)
    rig.queue.run_again(job_id)
    again = rig.work(job_id, until=JobState.SUCCEEDED)
    assert first.ended_at is not None
    assert again.requested_at is not None
    assert again.ended_at is not None
    assert first.ended_at < again.requested_at <= again.ended_at
    assert again.started_at is None or first.ended_at < again.started_at <= again.ended_at


def test_a_job_that_waits_can_be_cancelled_and_is_not_woken_by_that(rig: Rig) -> None:
    job_id = rig.queue.submit(request("wait"))
    rig.work(job_id, until=JobState.WAITING)
    rig.queue.cancel(job_id)
    job = rig.queue.job(job_id)
    assert job.state is JobState.CANCELLED
    assert job.ended_at is not None


def test_a_running_job_can_be_cancelled_and_stays_so(rig: Rig) -> None:
    job_id = rig.queue.submit(request("block"))
    rig.work(job_id, until=JobState.RUNNING)
    if isinstance(rig, DbosRig):
        eventually(functools.partial(rig.begun, job_id), "it blocks")
    rig.queue.cancel(job_id)
    assert rig.queue.job(job_id).state is JobState.CANCELLED
    rig.open_gate()
    if isinstance(rig, DbosRig):
        eventually(lambda: rig.effects(job_id)["second"], "the step at hand has ended")
    assert rig.queue.job(job_id).state is JobState.CANCELLED
    rig.queue.run_again(job_id)
    rig.work(job_id, until=JobState.SUCCEEDED)


def test_an_ended_job_that_is_cancelled_stays_as_it_is(rig: Rig) -> None:
    job_id = rig.queue.submit(request("ok"))
    ended = rig.work(job_id, until=JobState.SUCCEEDED)
    rig.queue.cancel(job_id)
    assert rig.queue.job(job_id) == ended


def test_an_unknown_job_is_not_found(rig: Rig) -> None:
    unknown = JobId("unknown")
    for ask in (rig.queue.job, rig.queue.run_again, rig.queue.cancel):
        with pytest.raises(JobNotFound):
            ask(unknown)
    assert rig.queue.steps(unknown) == []
    assert rig.queue.jobs(job_ids=[unknown]) == []


def test_of_no_identifiers_there_are_no_jobs(rig: Rig) -> None:
    rig.queue.submit(request("ok"))
    assert rig.queue.jobs(job_ids=[]) == []


def test_jobs_are_listed_newest_first_by_state_kind_and_page(rig: Rig) -> None:
    made = []
    for behaviour, state in (
        ("ok", JobState.SUCCEEDED),
        ("wait", JobState.WAITING),
        ("invalid", JobState.FAILED),
        ("ok", JobState.SUCCEEDED),
    ):
        made.append(rig.queue.submit(request(behaviour)))
        rig.work(made[-1], until=state)
    removal = rig.queue.submit(remove_results_request(OrthancId("remove"), uuid.uuid4().hex))
    newest = [removal, *reversed(made)]
    assert [job.job_id for job in rig.queue.jobs(limit=5)] == newest
    assert [job.job_id for job in rig.queue.jobs(limit=2, offset=1)] == newest[1:3]
    assert [job.job_id for job in rig.queue.jobs(kind=JobKind.REMOVE_RESULTS, limit=1)] == [removal]

    def among_these(*wanted: JobState) -> list[JobId]:
        return [job.job_id for job in rig.queue.jobs(job_ids=made, states=wanted)]

    assert among_these(JobState.WAITING) == [made[1]]
    assert among_these(JobState.SUCCEEDED) == [made[3], made[0]]
    assert among_these(JobState.FAILED, JobState.WAITING) == [made[2], made[1]]
    assert among_these(JobState.CANCELLED) == []


def test_jobs_are_listed_by_how_their_identifiers_begin(rig: Rig) -> None:
    mine, other = (OrthancId(f"{letter}_%{uuid.uuid4().hex}") for letter in "ab")
    made = [
        rig.queue.submit(remove_results_request(study, event)) for study in (mine, other) for event in "12"
    ]

    def found(*beginnings: str) -> list[JobId]:
        return [job.job_id for job in rig.queue.jobs(beginnings=beginnings)]

    assert found(f"remove-results.{mine}.") == [made[1], made[0]]
    assert found(f"remove-results.{mine}.", made[3]) == [made[3], made[1], made[0]]
    assert found(f"remove-results.{mine}.3") == []
    assert found() == []


def test_counts_are_by_kind_and_state_and_waiting_counts_as_succeeded(rig: Rig) -> None:
    before = rig.queue.counts()
    for behaviour, state in (
        ("ok", JobState.SUCCEEDED),
        ("wait", JobState.WAITING),
        ("invalid", JobState.FAILED),
    ):
        rig.work(rig.queue.submit(request(behaviour)), until=state)
    after = Counter(rig.queue.counts())
    after.subtract(before)
    kind = JobKind.EXTRACT_STRUCTURES
    assert (after[kind, JobState.SUCCEEDED], after[kind, JobState.FAILED]) == (2, 1)
