"""A transfer waits without holding a worker: for an archive, for its hours, or for its study."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orthanc_plugins.errors import TransferError
from orthanc_plugins.store import TransferState, WaitsFor
from orthanc_plugins.workflows import transfer_study
from tests.unit.workflows.transfers.conftest import STUDY, UIDS, World, go_on_for

# For an archive


def test_an_archive_that_is_away_is_waited_for_longer_each_time(world: World) -> None:
    world.ask()
    world.right.faults.down = True
    waits = []
    for _ in range(8):
        result = world.run()
        assert result["outcome"] == "waiting"
        record = world.record()
        assert (record.state, record.waits_for) == (TransferState.QUEUED, WaitsFor.ARCHIVE)
        assert record.not_before is not None
        waits.append((record.not_before - world.now).total_seconds())
        world.now = record.not_before
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    world.right.faults.down = False
    assert world.run()["outcome"] == "verified"
    assert world.record().error_message is None


def test_all_that_wait_for_the_archive_wait_with_the_first_and_go_on_with_it(world: World) -> None:
    world.right.faults.down = True
    for name in ("a", "b"):
        world.ask(name)
        world.run(name)
    world.now += timedelta(minutes=5)
    world.run("a")
    later = world.record("a").not_before
    assert later is not None
    assert world.record("b").not_before == later
    world.right.faults.down = False
    world.run("a")
    assert world.record("b").not_before == world.now


def test_an_archive_that_does_not_take_one_instance_keeps_back_no_other_transfer(world: World) -> None:
    world.right.faults.down = True
    world.ask("other")
    world.run("other")
    due = world.record("other").not_before
    world.right.faults.down = False
    world.right.faults.unanswered = world.right.faults.swallowed = {UIDS[0]}
    world.ask()
    world.now += timedelta(minutes=1)
    assert world.run()["outcome"] == "waiting"
    assert world.record("other").not_before == due


def not_taken(world: World) -> None:
    world.right.faults.unanswered = world.right.faults.swallowed = {UIDS[0]}


def test_an_instance_that_is_not_taken_for_hours_has_failed_and_the_rest_is_verified(world: World) -> None:
    not_taken(world)
    world.ask()
    go_on_for(world, transfer_study.PATIENCE)
    world.now += timedelta(minutes=15)
    assert world.run()["outcome"] == "waiting"
    world.now += timedelta(minutes=15)
    with pytest.raises(TransferError, match=f"1 instance did not arrive .* {UIDS[0]}: 0110"):
        world.run()
    record = world.record()
    assert (record.state, record.verified, record.failed) == (TransferState.PARTLY, 4, 1)
    assert record.error_name == "TransferError"


def test_the_time_an_archive_was_away_uses_up_no_patience_with_what_it_does_not_take(world: World) -> None:
    world.right.faults.down = True
    world.ask()
    go_on_for(world, transfer_study.PATIENCE * 2)
    world.right.faults.down = False
    not_taken(world)
    go_on_for(world, transfer_study.PATIENCE / 2)
    assert world.record().verified + world.record().accepted >= 4


@pytest.mark.usefixtures("_seldom")
def test_as_long_as_more_arrives_it_is_not_given_up(world: World) -> None:
    world.right.faults.down = True
    world.ask()
    go_on_for(world, transfer_study.GIVEN_UP_AFTER - timedelta(hours=9))
    world.right.faults.down = False
    not_taken(world)
    world.run()
    world.right.faults.down = True
    go_on_for(world, timedelta(days=1))
    assert world.record().state is TransferState.QUEUED


def test_days_in_which_no_worker_ran_use_up_no_patience(world: World) -> None:
    world.right.faults.down = True
    world.ask()
    world.run()
    world.now += timedelta(days=30)
    assert world.run()["outcome"] == "waiting"


@pytest.mark.usefixtures("_seldom")
def test_an_archive_that_stays_away_for_days_is_given_up(world: World) -> None:
    world.ask()
    world.right.faults.down = True
    go_on_for(world, transfer_study.GIVEN_UP_AFTER)
    world.now += timedelta(hours=16)
    with pytest.raises(TransferError, match="tried for 7 days"):
        world.run()
    assert world.record().state is TransferState.FAILED
    world.transfers.ask_again("t")
    world.now = datetime.now(UTC)
    assert world.run()["outcome"] == "waiting"


# For its hours


def test_hours_in_which_it_may_not_run_use_up_no_patience(world: World) -> None:
    not_taken(world)
    opens = (world.now.astimezone() + timedelta(days=1)).replace(hour=18, minute=0, second=0, microsecond=0)
    world.now = opens
    world.ask(window="18:00-19:00")
    go_on_for(world, timedelta(minutes=55))
    spent_s = world.record().not_taken_s
    assert spent_s is not None
    world.now = opens + timedelta(hours=2)
    assert world.run()["outcome"] == "waiting"
    assert world.record().waits_for is WaitsFor.WINDOW
    world.now = opens + timedelta(days=1)
    assert world.run()["outcome"] == "waiting"
    record = world.record()
    assert (record.waits_for, record.not_taken_s) == (WaitsFor.ARCHIVE, spent_s)


def test_a_transfer_waits_for_its_hours(world: World) -> None:
    opens = (world.now.astimezone() + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    closes = opens + timedelta(hours=1)
    world.ask(window=f"{opens:%H:%M}-{closes:%H:%M}")
    assert world.run()["outcome"] == "waiting"
    record = world.record()
    assert (record.waits_for, record.not_before, record.attempts) == (WaitsFor.WINDOW, opens, 0)
    assert world.right.requests == []
    world.now = opens
    assert world.run()["outcome"] == "verified"


def test_a_transfer_stops_when_its_hours_are_over_and_goes_on_in_the_next(world: World) -> None:
    now = world.now.astimezone()
    world.ask(window=f"{now:%H:%M}-{now + timedelta(hours=1):%H:%M}")

    def pass_time(method: str) -> None:
        if method == "file" and len(world.right.held()) == 2:
            world.now += timedelta(hours=1)
            world.seconds += 10

    world.right.faults.hook = pass_time
    for uid in (f"1.2.1.{number}" for number in range(5, 600)):
        world.left.put(uid)
    assert world.run()["outcome"] == "waiting"
    record = world.record()
    assert record.waits_for is WaitsFor.WINDOW
    assert 0 < len(world.right.held()) < 600
    assert record.not_before is not None
    world.now = record.not_before
    world.right.faults.hook = None
    assert world.run()["outcome"] == "verified"
    assert set(world.right.received.values()) == {1}


# For its study


def test_a_study_that_another_holds_is_waited_for(world: World) -> None:
    world.ask()
    world.services.store.leases.acquire(f"study:{STUDY}", "repair", timedelta(minutes=5))
    assert world.run()["outcome"] == "waiting"
    assert world.record().waits_for is WaitsFor.STUDY
    assert world.right.requests == []
    world.services.store.leases.release(f"study:{STUDY}", "repair")
    assert world.run()["outcome"] == "verified"


def test_another_worker_does_not_go_on_while_the_first_may_live_and_the_same_one_does(world: World) -> None:
    world.ask()
    world.services.store.leases.acquire(f"study:{STUDY}", "t by first", timedelta(minutes=5))
    assert world.run(holder="second")["outcome"] == "waiting"
    assert world.run(holder="first")["outcome"] == "verified"


def test_a_lease_that_runs_out_in_the_middle_stops_it(world: World) -> None:
    world.ask()

    def stand_still(method: str) -> None:
        if method == "instances":
            world.seconds += 1000

    world.right.faults.hook = stand_still
    assert world.run()["outcome"] == "waiting"
    assert world.record().waits_for is WaitsFor.STUDY
    assert world.right.received == {}
