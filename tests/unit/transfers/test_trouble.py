"""A transfer to an archive that is away or full, breaks off, refuses, or says what is not so."""

from __future__ import annotations

from itertools import count

import pytest

from orthanc_plugins.errors import ArchiveUnavailable, InstancesNotTaken
from orthanc_plugins.store import TransferState
from tests.fakes.archive import OUT_OF_RESOURCES, REJECTED_BEFORE
from tests.unit.transfers.conftest import World, assert_verified

# The archive is away, full, or breaks off


def test_an_archive_that_is_down_loses_nothing(world: World) -> None:
    uids = world.fill(3)
    world.right.faults.down = True
    with pytest.raises(ArchiveUnavailable):
        world.run()
    assert world.ledger.in_state("verified") == set()
    world.right.faults.down = False
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)


def test_a_source_that_is_down_loses_nothing(world: World) -> None:
    uids = world.fill(3)
    world.left.faults.down = True
    with pytest.raises(ArchiveUnavailable):
        world.run()
    world.left.faults.down = False
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)


def test_what_had_arrived_before_the_connection_broke_is_not_sent_again(world: World) -> None:
    uids = world.fill(5)
    world.right.faults.breaks_after = 2
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)
    assert set(world.right.received.values()) == {1}
    assert world.right.requests.count("store") == 3


def test_a_source_that_breaks_off_is_read_again_where_it_broke(world: World) -> None:
    uids = world.fill(5)
    world.left.faults.gives = 2
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)
    assert set(world.right.received.values()) == {1}


def test_a_full_archive_is_waited_for(world: World) -> None:
    uids = world.fill(3)
    world.right.faults.full = True
    with pytest.raises(ArchiveUnavailable, match="dcm4chee did not take 3 instances: A700"):
        world.run()
    assert world.now_s > 0
    assert world.ledger.one(uids[0]).failure_reason == OUT_OF_RESOURCES
    world.right.faults.full = False
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)


def test_an_archive_that_has_space_again_soon_is_not_waited_for_long(world: World) -> None:
    uids = world.fill(3)
    world.right.faults.full = True

    def freed() -> None:
        world.right.faults.full = False

    world.paused = freed
    assert world.run().state is TransferState.VERIFIED
    assert world.ledger.one(uids[0]).failure_reason is None
    assert_verified(world, uids)


def test_the_last_run_sends_what_it_can_and_tells_what_failed(world: World) -> None:
    images, structures = world.fill(2), world.fill(1, "RTSTRUCT", "1.2.2")
    world.right.faults.unanswered = {images[0]}
    world.right.faults.swallowed = {images[0]}
    assert world.run(patient=False).state is TransferState.PARTLY
    failed = world.ledger.one(images[0])
    assert (failed.state, failed.detail) == ("failed", "0110: it could not be processed.")
    assert world.right.held() == {images[1], structures[0]}


def test_one_instance_that_is_not_taken_does_not_keep_back_the_other_batches(world: World) -> None:
    uids = world.fill(1000)
    world.right.faults.unanswered = world.right.faults.swallowed = {uids[0]}
    with pytest.raises(InstancesNotTaken):
        world.run()
    assert world.right.held() == set(uids[1:])


def test_an_archive_that_takes_nothing_is_not_sent_everything(world: World) -> None:
    world.fill(1000)
    world.right.faults.full = True
    with pytest.raises(InstancesNotTaken):
        world.run()
    assert sum(world.right.received.values()) <= 600


def test_a_full_archive_is_no_fault_of_an_instance_also_in_the_last_run(world: World) -> None:
    world.fill(2)
    world.right.faults.full = True
    with pytest.raises(InstancesNotTaken):
        world.run(patient=False)
    assert world.ledger.in_state("failed") == set()


# The archive says what is not so


def test_what_is_refused_has_failed_with_its_reason_and_the_rest_is_verified(world: World) -> None:
    uids = world.fill(4)
    world.right.faults.refused = {uids[2]: REJECTED_BEFORE}
    assert world.run().state is TransferState.PARTLY
    failed = world.ledger.one(uids[2])
    assert (failed.state, failed.failure_reason, failed.sends) == ("failed", REJECTED_BEFORE, 1)
    assert world.ledger.in_state("verified") == set(uids) - {uids[2]}


def test_all_refused_is_a_failure(world: World) -> None:
    uids = world.fill(2)
    world.right.faults.refused = dict.fromkeys(uids, REJECTED_BEFORE)
    assert world.run().state is TransferState.FAILED


def test_many_batches_that_are_refused_are_all_told(world: World) -> None:
    uids = world.fill(1000)
    world.right.faults.refused = dict.fromkeys(uids, REJECTED_BEFORE)
    assert world.run().state is TransferState.FAILED
    assert world.ledger.in_state("failed") == set(uids)
    assert set(world.right.received.values()) == {1}


def test_what_was_refused_and_is_there_after_all_is_verified(world: World) -> None:
    uids = world.fill(2)
    world.right.faults.refused = {uids[0]: REJECTED_BEFORE}

    def store_first(method: str) -> None:
        if method == "store":
            world.right.put(uids[0])

    world.right.faults.hook = store_first
    assert world.run().state is TransferState.VERIFIED
    assert world.ledger.one(uids[0]).failure_reason is None


def test_an_answer_of_failure_is_not_believed_of_what_is_listed(world: World) -> None:
    uids = world.fill(3)
    world.right.faults.unanswered = set(uids)
    assert world.run().state is TransferState.VERIFIED
    assert set(world.right.received.values()) == {1}
    assert_verified(world, uids)


def test_stored_is_not_believed_of_what_is_not_listed(world: World) -> None:
    uids = world.fill(3)
    world.right.faults.swallowed = {uids[1]}
    assert world.run().state is TransferState.PARTLY
    lost = world.ledger.one(uids[1])
    assert (lost.state, lost.sends) == ("failed", 2)
    assert "does not list it" in lost.detail
    assert world.ledger.in_state("verified") == {uids[0], uids[2]}


def test_what_was_swallowed_once_arrives_the_second_time(world: World) -> None:
    uids = world.fill(3)
    world.right.faults.swallowed = {uids[1]}
    stores = count()

    def mend(method: str) -> None:
        if method == "store" and next(stores) == 1:
            world.right.faults.swallowed = set()

    world.right.faults.hook = mend
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)


def test_what_is_listed_late_is_not_sent_again(world: World) -> None:
    uids = world.fill(3)
    world.right.faults.listed_late = 2
    assert world.run().state is TransferState.VERIFIED
    assert set(world.right.received.values()) == {1}
    assert_verified(world, uids)


def test_counts_that_lie_change_nothing(world: World) -> None:
    uids = world.fill(3)
    world.right.faults.miscounts = 7
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)


def test_an_instance_in_another_series_or_class_is_not_verified(world: World) -> None:
    uids = world.fill(3)
    world.right.put(uids[0], series="1.2.99")
    world.right.put(uids[1], sop_class="1.2.840.10008.5.1.4.1.1.4")
    assert world.run().state is TransferState.PARTLY
    assert world.ledger.in_state("verified") == {uids[2]}
    assert "another series, 1.2.99" in world.ledger.one(uids[0]).detail
    assert "another SOP class" in world.ledger.one(uids[1]).detail
