"""What rules asked for and what failed is asked for again: seldom, not for ever, and only that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.jobs import JobState, transfer_job_id
from orthanc_plugins.store import Tombstone, TransferRequest, TransferState
from orthanc_plugins.transfers import Retrying, Waking, ask_for_transfer
from orthanc_plugins.transfers.retrying import MOST_RETRIES

if TYPE_CHECKING:
    from orthanc_plugins.store import Store, TransferRecord
    from tests.fakes import MemoryQueue

STUDY = StudyUid("1.2")
DAY = timedelta(days=1, minutes=1)
JOB = transfer_job_id("t")


class World:
    """The ledger, the queue, and what asks again, whose clock the test sets."""

    def __init__(self, store: Store, queue: MemoryQueue) -> None:
        self.store = store
        self.queue = queue
        self.now = datetime.now(UTC)
        self.waking = Waking(store.transfers, queue, lambda: self.now)

    def fail(self, cause: str = "rule:CT", state: TransferState = TransferState.FAILED) -> None:
        request = TransferRequest("t", JOB, STUDY, "orthanc", "dcm4chee", cause, "stow", ())
        ask_for_transfer(self.store.transfers, self.queue, request)
        self.fail_again(state)

    def fail_again(self, state: TransferState = TransferState.FAILED) -> None:
        self.queue.fail(JOB, "TransferError")
        self.store.transfers.end("t", state, ("TransferError", "It failed."))

    def retry(self, *rules: str) -> TransferRecord:
        Retrying(self.store, rules or ("CT",), lambda: self.now).retry()
        found = self.store.transfers.transfer("t")
        assert found is not None
        return found


@pytest.fixture
def world(store: Store, queue: MemoryQueue) -> World:
    return World(store, queue)


@pytest.mark.parametrize("state", [TransferState.FAILED, TransferState.PARTLY])
def test_one_that_failed_is_done_again_the_next_day(world: World, state: TransferState) -> None:
    world.fail(state=state)
    assert world.retry().state is state
    world.now += DAY
    assert world.retry().state is TransferState.QUEUED
    world.waking.wake()
    assert world.queue.job(JOB).state is JobState.QUEUED
    assert world.queue.runs[JOB] == 2


def test_one_that_fails_each_time_is_a_persons_after_a_week(world: World) -> None:
    world.fail()
    world.now += DAY
    for number in range(MOST_RETRIES):
        record = world.retry()
        assert (record.state, record.retries) == (TransferState.QUEUED, number + 1)
        world.fail_again()
    assert world.retry().state is TransferState.FAILED
    world.store.transfers.ask_again("t")
    world.fail_again()
    assert world.retry().retries == 1


@pytest.mark.parametrize("cause", ["rule:MR", "sync", "request"])
def test_what_no_rule_that_is_switched_on_asked_for_is_let_be(world: World, cause: str) -> None:
    world.fail(cause)
    world.now += DAY
    assert world.retry().state is TransferState.FAILED


@pytest.mark.parametrize("state", [TransferState.VERIFIED, TransferState.CANCELLED])
def test_what_ended_as_it_should_is_let_be(world: World, state: TransferState) -> None:
    world.fail(state=state)
    world.now += DAY
    assert world.retry().state is state


def test_what_failed_long_ago_is_let_be(world: World) -> None:
    world.fail()
    world.now += 20 * DAY
    assert world.retry().state is TransferState.FAILED


def test_what_was_taken_out_of_the_destination_is_not_brought_back(world: World) -> None:
    world.fail(state=TransferState.PARTLY)
    stone = Tombstone("dcm4chee", STUDY, True, frozenset(), "rejected", world.now, "somebody")
    world.store.inventory.bury(stone)
    world.now += DAY
    assert world.retry().state is TransferState.PARTLY
