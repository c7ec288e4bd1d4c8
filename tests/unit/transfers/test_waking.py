"""Transfers that wait are handed over when their time has come, and none is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import JobError
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.jobs import JobKind, JobState, transfer_job_id, transfer_study_request
from orthanc_plugins.store import TransferRequest, TransferState, WaitsFor
from orthanc_plugins.transfers import Waking, ask_for_transfer
from orthanc_plugins.transfers import waking as module

if TYPE_CHECKING:
    from orthanc_plugins.store import Store, TransferRecord, Transfers
    from tests.fakes import MemoryQueue

JOB = transfer_job_id("t")


class World:
    """The ledger, the queue, and a watch whose clock the test sets."""

    def __init__(self, transfers: Transfers, queue: MemoryQueue) -> None:
        self.transfers = transfers
        self.queue = queue
        self.now = datetime.now(UTC)
        self.waking = Waking(transfers, queue, lambda: self.now)

    def ask(self, transfer_id: str = "t", priority: int = 0) -> None:
        ask_for_transfer(self.transfers, self.queue, request(transfer_id, priority))

    def pause(self, until: datetime, waits_for: WaitsFor = WaitsFor.ARCHIVE) -> None:
        """Let the transfer's run end waiting."""
        self.queue.start(JOB)
        self.transfers.begin("t")
        self.transfers.wait("t", waits_for, until, "It waits.")
        self.queue.wait(JOB)

    def record(self) -> TransferRecord:
        found = self.transfers.transfer("t")
        assert found is not None
        return found


def request(transfer_id: str = "t", priority: int = 0) -> TransferRequest:
    job_id = transfer_job_id(transfer_id)
    study = StudyUid("1.2")
    return TransferRequest(
        transfer_id, job_id, study, "orthanc", "dcm4chee", "sync", "stow", (), priority=priority
    )


@pytest.fixture
def world(store: Store, queue: MemoryQueue) -> World:
    return World(store.transfers, queue)


# Asking


def test_a_transfer_is_asked_of_the_queue_once(world: World) -> None:
    world.ask()
    world.ask()
    assert world.queue.runs == {JOB: 1}
    assert world.record().not_before is None


def test_the_higher_its_priority_the_sooner_a_transfer_is_done(world: World) -> None:
    for name, priority in (("low", -100), ("middle", 0), ("high", 100)):
        world.ask(name, priority)
    turns = [world.queue.requests[transfer_job_id(name)].turn for name in ("high", "middle", "low")]
    assert turns == sorted(turns)
    assert min(turns) > 0


def test_one_that_is_asked_for_while_it_runs_is_not_disturbed(world: World) -> None:
    world.ask()
    world.queue.start(JOB)
    world.transfers.begin("t")
    world.ask()
    assert world.queue.job(JOB).state is JobState.RUNNING


def test_one_that_failed_and_is_asked_for_again_is_done_again(world: World) -> None:
    world.ask()
    world.queue.fail(JOB, "TransferError")
    world.transfers.end("t", TransferState.FAILED)
    world.transfers.ask_again("t")
    world.ask()
    assert world.queue.job(JOB).state is JobState.QUEUED
    assert world.queue.runs[JOB] == 2
    assert world.record().not_before is None


def test_one_that_was_cancelled_and_is_asked_for_again_is_done_again(world: World) -> None:
    world.ask()
    world.transfers.cancel("t")
    world.queue.cancel(JOB)
    world.transfers.ask_again("t")
    world.ask()
    assert world.queue.job(JOB).state is JobState.QUEUED


# Waking


def test_one_whose_asker_ended_before_it_asked_the_queue_is_asked_for(world: World) -> None:
    world.transfers.request(request())
    world.waking.wake()
    assert world.queue.jobs() == []
    world.now += timedelta(minutes=1)
    world.waking.wake()
    assert world.queue.job(JOB).state is JobState.QUEUED
    assert world.record().not_before is None


def test_one_that_waits_is_handed_over_when_its_time_has_come(world: World) -> None:
    world.ask()
    world.pause(world.now + timedelta(minutes=5))
    assert world.waking.wake() is None
    assert world.queue.job(JOB).state is JobState.WAITING
    world.now += timedelta(minutes=6)
    world.waking.wake()
    world.waking.wake()
    assert world.queue.job(JOB).state is JobState.QUEUED
    assert world.queue.runs[JOB] == 2


def test_one_whose_run_is_just_ending_is_handed_over_the_next_time(world: World) -> None:
    world.ask()
    world.queue.start(JOB)
    world.transfers.begin("t")
    world.transfers.wait("t", WaitsFor.STUDY, world.now, "Another has it.")
    world.waking.wake()
    assert world.queue.job(JOB).state is JobState.RUNNING
    assert world.record().not_before is not None
    world.queue.wait(JOB)
    world.waking.wake()
    assert world.queue.job(JOB).state is JobState.QUEUED


def test_one_whose_job_was_cancelled_while_it_waited_is_cancelled(world: World) -> None:
    world.ask()
    world.pause(world.now)
    world.queue.cancel(JOB)
    world.waking.wake()
    assert world.queue.job(JOB).state is JobState.CANCELLED
    assert world.record().state is TransferState.CANCELLED


def test_many_that_are_due_are_handed_over_in_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    for number in range(5):
        world.transfers.request(request(f"t{number}"))
    world.now += timedelta(minutes=1)
    assert world.waking.wake() == 0
    assert world.waking.wake() is None
    assert len(world.queue.jobs(kind=JobKind.TRANSFER_STUDY)) == 5


def test_a_queue_that_is_away_leaves_them_due(world: World) -> None:
    world.transfers.request(request())
    world.now += timedelta(minutes=1)
    world.queue.unavailable = True
    with pytest.raises(JobError):
        world.waking.wake()
    world.queue.unavailable = False
    world.waking.wake()
    assert world.queue.job(JOB).state is JobState.QUEUED


# Tidying


def work(world: World) -> None:
    world.ask()
    world.queue.start(JOB)
    world.transfers.begin("t")


def test_one_at_work_is_let_be(world: World) -> None:
    work(world)
    world.now += timedelta(hours=1)
    world.waking.tidy()
    assert world.record().state is TransferState.SENDING


def test_one_whose_job_was_given_up_has_failed_with_the_reason(world: World) -> None:
    work(world)
    world.queue.fail(JOB, "Abandoned", "The worker ended again and again.")
    world.waking.tidy()
    assert world.record().state is TransferState.SENDING  # it may be about to say so itself
    world.now += timedelta(hours=1)
    world.waking.tidy()
    record = world.record()
    assert (record.state, record.error_name) == (TransferState.FAILED, "Abandoned")
    assert record.error_message == "The worker ended again and again."


def test_one_whose_job_was_cancelled_at_work_is_cancelled(world: World) -> None:
    work(world)
    world.queue.cancel(JOB)
    world.now += timedelta(hours=1)
    world.waking.tidy()
    assert world.record().state is TransferState.CANCELLED


def test_one_whose_job_is_unknown_has_failed(world: World) -> None:
    world.transfers.request(request())
    world.transfers.begin("t")
    world.now += timedelta(hours=1)
    world.waking.tidy()
    assert (world.record().state, world.record().error_name) == (TransferState.FAILED, "JobNotFound")


def test_what_is_asked_of_the_queue_is_the_transfer(world: World) -> None:
    world.ask("t", 3)
    assert world.queue.requests[JOB] == transfer_study_request("t", 3)
