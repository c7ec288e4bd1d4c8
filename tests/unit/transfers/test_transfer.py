"""A transfer sends what is wanted, once, says what is so, and stops when told."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.store import TransferState
from orthanc_plugins.transfers import LeaseLostError
from tests.unit.transfers.conftest import Killed, World, assert_verified, kill_at

if TYPE_CHECKING:
    from orthanc_plugins.archives.base import DicomFile


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
