"""What has arrived is proven by its content and by a commitment of the archive, where asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.commitment import Commitment
from orthanc_plugins.errors import ArchiveUnavailable, InstancesNotTaken
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.store import TransferState
from tests.unit.transfers.conftest import World, assert_verified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.archives.base import DicomFile, InstanceEntry


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


def test_content_that_vanished_before_it_was_compared_is_not_verified(world: World) -> None:
    world.same_content = differ
    uids = world.fill(3)

    def lose(method: str) -> None:
        if method == "retrieve" and uids[1] in world.right.held():
            world.right.lose(uids[1])

    world.right.faults.hook = lose
    assert world.run().state is TransferState.PARTLY
    assert "was not compared" in world.ledger.one(uids[1]).detail


def test_content_that_the_source_lost_cannot_be_verified(world: World) -> None:
    world.same_content = lambda _left, _right: None
    uids = world.fill(2)
    world.right.put(uids[0])
    world.left.lose(uids[0])
    assert world.run(uids).state is TransferState.PARTLY
    assert world.ledger.one(uids[0]).detail == "orthanc no longer holds it."


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
