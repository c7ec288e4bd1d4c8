"""A transfer says what is so, whatever the archives do."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.archives.commitment import Commitment
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, InstancesNotTaken
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.store import TransferState
from orthanc_plugins.transfers import LeaseLostError
from tests.fakes.archive import OUT_OF_RESOURCES, REJECTED_BEFORE
from tests.unit.transfers.conftest import Killed, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.archives.base import DicomFile, InstanceEntry


def assert_verified(world: World, uids: Sequence[str]) -> None:
    assert world.ledger.in_state("verified") == set(uids)
    assert world.right.held() == set(uids)
    world.assert_true()


# What is sent


def test_everything_is_sent_once_and_asked_back(world: World) -> None:
    uids = world.fill(5)
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)
    assert set(world.right.received.values()) == {1}
    assert world.right.content(uids[0]) == world.left.content(uids[0])
    assert world.ledger.states == [TransferState.SENT, TransferState.ACCEPTED]
    assert world.ledger.bytes_sent == sum(len(world.left.content(uid)) for uid in uids)
    assert world.right.requests[-1] == "instances"


def test_only_what_is_missing_is_sent(world: World) -> None:
    uids = world.fill(4)
    for uid in uids[:3]:
        world.right.put(uid)
    assert world.run().state is TransferState.VERIFIED
    assert world.right.received == {SopInstanceUid(uids[3]): 1}
    assert [world.ledger.one(uid).sends for uid in uids] == [0, 0, 0, 1]
    assert_verified(world, uids)


def test_nothing_is_sent_that_is_not_wanted(world: World) -> None:
    uids = world.fill(4)
    assert world.run(uids[1:2]).state is TransferState.VERIFIED
    assert_verified(world, uids[1:2])


def test_when_all_is_there_already_nothing_is_sent(world: World) -> None:
    uids = world.fill(2)
    for uid in uids:
        world.right.put(uid)
    assert world.run().state is TransferState.VERIFIED
    assert "store" not in world.right.requests
    assert_verified(world, uids)


def test_of_a_large_study_few_instances_are_in_doubt_at_a_time(world: World) -> None:
    uids = world.fill(1000)
    world.right.faults.hook = world.left.faults.hook = world.ledger.hook = kill_at("file", 450)
    with pytest.raises(Killed):
        world.run()
    assert len(world.ledger.in_state("queued")) >= 400
    world.right.faults.hook = world.left.faults.hook = None
    world.ledger.hook = lambda _: None
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)
    assert set(world.right.received.values()) == {1}


def test_images_go_before_what_refers_to_them(world: World) -> None:
    arrived: list[str] = []
    modalities = ("KO", "SR", "RTDOSE", "RTPLAN", "RTSTRUCT", "CT", "PR", "SEG", "MR")
    for number, modality in enumerate(modalities):
        world.fill(1, modality, f"1.2.{number}")
    original = world.right._put_away

    def put_away(file: DicomFile) -> None:
        arrived.append(modalities[int(file.sop_instance_uid.split(".")[2])])
        original(file)

    world.right._put_away = put_away  # type: ignore[method-assign]
    assert world.run().state is TransferState.VERIFIED
    assert arrived == ["CT", "MR", "RTSTRUCT", "SEG", "RTPLAN", "RTDOSE", "SR", "PR", "KO"]
    assert world.right.requests.count("store") == 7


def test_structures_are_not_sent_while_images_are_not_taken(world: World) -> None:
    images, structures = world.fill(2), world.fill(1, "RTSTRUCT", "1.2.2")
    world.right.faults.unanswered = {images[0]}
    world.right.faults.swallowed = {images[0]}
    with pytest.raises(ArchiveUnavailable, match="did not take 1 instance: 0110"):
        world.run()
    assert structures[0] not in world.right.held()
    world.right.faults.unanswered = world.right.faults.swallowed = set()
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, images + structures)


# An empty result is no success


def test_a_study_that_is_not_there_has_failed(world: World) -> None:
    assert world.run().state is TransferState.FAILED
    assert world.run(["1.2.1.1"]).state is TransferState.FAILED
    assert world.ledger.one("1.2.1.1").detail == "orthanc no longer holds it."


def test_an_instance_that_was_deleted_meanwhile_has_failed_and_the_rest_goes(world: World) -> None:
    uids = world.fill(3)

    def delete(method: str) -> None:
        if method == "retrieve" and uids[1] in world.left.held():
            world.left.lose(uids[1])

    world.left.faults.hook = delete
    assert world.run().state is TransferState.PARTLY
    assert world.ledger.in_state("failed") == {uids[1]}
    assert world.right.held() == {uids[0], uids[2]}
    assert set(world.right.received.values()) == {1}


def test_what_the_source_lost_after_it_had_arrived_is_verified(world: World) -> None:
    uids = world.fill(2)
    world.right.faults.hook = kill_at("instances", 2)
    with pytest.raises(Killed):
        world.run()
    world.right.faults.hook = None
    for uid in uids:
        world.left.lose(uid)
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)


def test_content_that_the_source_lost_cannot_be_verified(world: World) -> None:
    world.same_content = lambda _left, _right: None
    uids = world.fill(2)
    world.right.put(uids[0])
    world.left.lose(uids[0])
    assert world.run(uids).state is TransferState.PARTLY
    assert world.ledger.one(uids[0]).detail == "orthanc no longer holds it."


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


# Content


def differ(left: DicomFile, right: DicomFile) -> str | None:
    return None if left.content == right.content else "PatientName"


def test_content_is_compared_where_asked(world: World) -> None:
    world.same_content = differ
    uids = world.fill(40)
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)


def test_content_that_the_archive_changed_is_not_verified(world: World) -> None:
    world.same_content = differ
    uids = world.fill(2)
    world.right.put(uids[0], content=b"something else")
    assert world.run().state is TransferState.PARTLY
    assert world.ledger.one(uids[0]).detail == "Its content differs: PatientName"
    assert world.ledger.in_state("verified") == {uids[1]}


# Storage commitment


def test_a_commitment_that_is_given_is_success(world: World) -> None:
    asked: list[str] = []

    def commit(entries: Sequence[InstanceEntry]) -> Commitment:
        asked.extend(str(entry.sop_instance_uid) for entry in entries)
        return Commitment(frozenset(entry.sop_instance_uid for entry in entries), {})

    world.commit = commit
    uids = world.fill(2)
    outcome = world.run()
    assert (outcome.state, outcome.remark) == (TransferState.VERIFIED, "")
    assert asked == uids


def test_a_commitment_that_is_not_offered_is_told_and_is_no_success(world: World) -> None:
    world.commit = lambda _: Commitment(frozenset(), {}, "DCM4CHEE does not offer it.")
    uids = world.fill(2)
    outcome = world.run()
    assert (outcome.state, outcome.remark) == (TransferState.PARTLY, "DCM4CHEE does not offer it.")
    assert_verified(world, uids)


def test_what_the_archive_does_not_commit_itself_to_has_failed(world: World) -> None:
    uids = world.fill(2)
    kept, lost = (SopInstanceUid(uid) for uid in uids)
    world.commit = lambda _: Commitment(frozenset({kept}), {lost: 0x0110})
    assert world.run().state is TransferState.PARTLY
    assert (world.ledger.one(lost).state, world.ledger.one(lost).failure_reason) == ("failed", 0x0110)


@pytest.mark.parametrize("error", [ArchiveUnavailable, InstancesNotTaken])
def test_a_commitment_that_may_come_later_is_waited_for_and_nothing_is_sent_again(
    world: World, error: type[ArchiveUnavailable]
) -> None:
    def not_now(_: Sequence[InstanceEntry]) -> Commitment:
        raise error("Its port is another's.", archive="dcm4chee")

    world.commit = not_now
    uids = world.fill(2)
    with pytest.raises(error):
        world.run()
    world.commit = lambda entries: Commitment(frozenset(one.sop_instance_uid for one in entries), {})
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)
    assert set(world.right.received.values()) == {1}


def test_a_commitment_that_has_not_come_for_hours_is_told_and_is_no_success(world: World) -> None:
    def not_now(_: Sequence[InstanceEntry]) -> Commitment:
        raise InstancesNotTaken("It does not report.", archive="dcm4chee")

    world.commit = not_now
    world.fill(2)
    outcome = world.run(patient=False)
    assert (outcome.state, outcome.remark) == (TransferState.PARTLY, "It does not report.")


# Stopping


def test_it_stops_when_told_and_goes_on_later(world: World) -> None:
    uids = world.fill(450)

    class Cancelled(Exception):  # noqa: N818
        pass

    def check() -> None:
        if len(world.right.held()) == 200:
            raise Cancelled

    world.check = check
    with pytest.raises(Cancelled):
        world.run()
    assert len(world.right.held()) == 200
    assert world.ledger.in_state("sending") == set()
    world.check = lambda: None
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)
    assert set(world.right.received.values()) == {1}


def test_no_file_leaves_once_the_study_is_no_longer_held(world: World) -> None:
    world.fill(5)
    calls = count()

    def guard() -> None:
        if next(calls) == 3:
            raise LeaseLostError("Another holds it.")

    world.guard = guard
    with pytest.raises(LeaseLostError):
        world.run()
    assert world.right.received == {}  # those before it were still being gathered for a request
    assert len(world.ledger.in_state("sending")) == 3
    assert len(world.ledger.in_state("queued")) == 2


def test_a_refusal_to_be_asked_at_all_is_raised(world: World) -> None:
    world.fill(2)

    def refuse(method: str) -> None:
        if method == "store":
            raise ArchiveRefused("HTTP 401: check user and password.", archive="dcm4chee", status=401)

    world.right.faults.hook = refuse
    with pytest.raises(ArchiveRefused):
        world.run()
    assert world.right.received == {}


def test_a_source_that_refuses_is_raised_after_what_left_is_noted(world: World) -> None:
    world.fill(2)

    def refuse(method: str) -> None:
        if method == "retrieve":
            raise ArchiveRefused("HTTP 403", archive="orthanc", status=403)

    world.left.faults.hook = refuse
    with pytest.raises(ArchiveRefused):
        world.run()
    assert len(world.ledger.in_state("queued")) == 2


def test_the_bandwidth_is_limited(world: World) -> None:
    world.rate = 100.0
    for uid in world.fill(10):
        world.left.put(uid, content=bytes(100))
    assert world.run().state is TransferState.VERIFIED
    assert 8.0 <= world.now_s <= 11.0


# Killed between any two calls


def kill_at(method: str, turn: int) -> Callable[[str], None]:
    """Return a hook that ends the worker at the given call of a method, counted from 1; it calls no more."""
    left = turn

    def hook(called: str) -> None:
        nonlocal left
        if method in {called, "any"} or left <= 0:
            left -= 1
        if left <= 0:
            raise Killed

    return hook


def study_of(world: World) -> list[str]:
    return world.fill(5) + world.fill(2, "RTSTRUCT", "1.2.2")


def calls_of_a_run() -> int:
    """Return how many calls to archives and ledger a whole run makes."""
    world = World()
    study_of(world)
    calls = 0

    def hook(_: str) -> None:
        nonlocal calls
        calls += 1

    world.left.faults.hook = world.right.faults.hook = world.ledger.hook = hook
    world.run()
    return calls


CALLS = calls_of_a_run()


@pytest.mark.parametrize("turn", range(1, CALLS + 1))
@pytest.mark.parametrize("listed_late", [0, 1])
def test_a_worker_killed_at_any_call_loses_nothing_and_doubles_nothing(turn: int, listed_late: int) -> None:
    world = World()
    uids = study_of(world)
    world.right.faults.listed_late = listed_late
    hook = kill_at("any", turn)
    world.left.faults.hook = world.right.faults.hook = world.ledger.hook = hook
    with pytest.raises(Killed):
        world.run()
    world.left.faults.hook = world.right.faults.hook = None
    world.ledger.hook = lambda _: None
    world.assert_true()
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)
    assert set(world.right.received.values()) == {1}


def test_there_are_calls_to_be_killed_at() -> None:
    assert CALLS > 20


def test_both_sides_changed_while_it_ran(world: World) -> None:
    uids = world.fill(3)

    def change(method: str) -> None:
        if method == "store" and "1.2.1.50" not in world.left.held():
            world.left.put("1.2.1.50")
            world.right.put("1.2.1.60")
            world.right.put(uids[2])

    world.right.faults.hook = change
    assert world.run(uids).state is TransferState.VERIFIED
    assert world.right.held() == {*uids, "1.2.1.60"}
    assert world.left.name is ArchiveName.ORTHANC


def test_many_batches_that_are_refused_are_all_told(world: World) -> None:
    uids = world.fill(1000)
    world.right.faults.refused = dict.fromkeys(uids, REJECTED_BEFORE)
    assert world.run().state is TransferState.FAILED
    assert world.ledger.in_state("failed") == set(uids)
    assert set(world.right.received.values()) == {1}


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


def test_content_that_vanished_before_it_was_compared_is_not_verified(world: World) -> None:
    world.same_content = differ
    uids = world.fill(3)

    def lose(method: str) -> None:
        if method == "retrieve" and uids[1] in world.right.held():
            world.right.lose(uids[1])

    world.right.faults.hook = lose
    assert world.run().state is TransferState.PARTLY
    assert "was not compared" in world.ledger.one(uids[1]).detail
