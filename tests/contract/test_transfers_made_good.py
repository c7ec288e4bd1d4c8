"""Transfers that failed and were made good since, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.identifiers import JobId, SopInstanceUid
from orthanc_plugins.store import (
    LEFT,
    RIGHT,
    ContentCheck,
    InstanceState,
    SideState,
    TransferredInstance,
    TransferRequest,
    TransferState,
)
from tests.contract.holdings import FIRST, STUDY, holding

if TYPE_CHECKING:
    from orthanc_plugins.store import Store, Transfers
    from orthanc_plugins.store.transfers_records import Depth

A, B, C = (SopInstanceUid(f"1.2.3.4.{number}") for number in range(3))
LONG = timedelta(minutes=5)


@pytest.fixture
def transfers(store: Store) -> Transfers:
    return store.transfers


def now() -> datetime:
    return datetime.now(UTC)


def request(transfer_id: str, **changes: Any) -> TransferRequest:
    values = {
        "job_id": JobId(transfer_id),
        "study_uid": STUDY,
        "source": LEFT,
        "destination": RIGHT,
        "cause": "sync",
        "transport": "stow",
        "wanted": (A, B, C),
    }
    return TransferRequest(transfer_id, **{**values, **changes})


def instance(uid: SopInstanceUid, state: str) -> TransferredInstance:
    return TransferredInstance(uid, InstanceState(state), 1)


def fail(transfers: Transfers, transfer_id: str, *, verify: Depth = "instances") -> None:
    """Have a transfer verify A, and fail to bring B and C."""
    transfers.request(request(transfer_id, verify=verify))
    transfers.note(transfer_id, [instance(A, "verified"), instance(B, "failed"), instance(C, "queued")])
    transfers.end(transfer_id, TransferState.PARTLY)


def verify(transfers: Transfers, wanted: TransferRequest) -> None:
    transfers.request(wanted)
    transfers.note(wanted.transfer_id, [instance(uid, "verified") for uid in wanted.wanted or ()])
    transfers.end(wanted.transfer_id, TransferState.VERIFIED)


def failures(transfers: Transfers) -> tuple[int, int]:
    """Return how many transfers arrived in part, and how many of them were made good."""
    totals = [one for one in transfers.totals() if one.state is TransferState.PARTLY]
    return sum(one.transfers for one in totals), sum(one.settled for one in totals)


@pytest.mark.parametrize(
    ("later", "settled"),
    [
        ({}, 1),
        ({"wanted": (B, C)}, 1),
        ({"wanted": (A, B)}, 0),
        ({"wanted": None}, 0),
        ({"source": RIGHT, "destination": LEFT}, 0),
        ({"study_uid": "1.9"}, 0),
    ],
)
def test_a_failure_is_made_good_by_a_later_transfer_of_all_that_it_lacked(
    transfers: Transfers, later: dict[str, Any], settled: int
) -> None:
    verify(transfers, request("before"))
    fail(transfers, "t")
    assert failures(transfers) == (1, 0)
    transfers.request(request("later", **later))
    assert failures(transfers) == (1, 0)
    verify(transfers, request("later", **later))
    if later.get("wanted", ()) is None:
        transfers.note("later", [instance(A, "verified")])
    assert failures(transfers) == (1, settled)
    assert transfers.settled(["before", "t", "later"]) == ({"t"} if settled else set())


def test_a_failure_stays_made_good_when_single_instances_are_forgotten(transfers: Transfers) -> None:
    fail(transfers, "t")
    verify(transfers, request("small", wanted=(A,)))
    transfers.forget_instances(now() + LONG)
    assert failures(transfers) == (1, 0)
    verify(transfers, request("later"))
    transfers.forget_instances(now() + LONG)
    assert failures(transfers) == (1, 1)


def test_content_is_made_good_by_a_comparison_of_content_only(transfers: Transfers) -> None:
    fail(transfers, "t", verify="content")
    verify(transfers, request("later"))
    assert failures(transfers) == (1, 0)
    verify(transfers, request("compared", verify="content"))
    assert failures(transfers) == (1, 1)


def test_a_failure_is_made_good_when_both_archives_are_listed_with_the_same(store: Store) -> None:
    inventory = store.inventory
    old, new = now() - LONG, now() + LONG
    for archive in (LEFT, RIGHT):
        inventory.put(archive, [holding(STUDY, 1, 2, archive=archive, at=old)], FIRST)
    fail(store.transfers, "t")
    assert failures(store.transfers) == (1, 0)  # what is known is older
    inventory.put(LEFT, [holding(STUDY, 1, 2, 3, at=new)], FIRST)
    assert failures(store.transfers) == (1, 0)
    inventory.put(RIGHT, [holding(STUDY, 1, 2, 3, archive=RIGHT, at=new)], FIRST)
    assert failures(store.transfers) == (1, 1)
    inventory.remove(RIGHT, [STUDY], FIRST)
    assert failures(store.transfers) == (1, 0)


@pytest.mark.parametrize(("depth", "settled"), [("instances", [1, 0, 1]), ("content", [0, 0, 1])])
def test_the_same_instances_of_other_content_make_nothing_good(
    store: Store, depth: Depth, settled: list[int]
) -> None:
    inventory = store.inventory
    fail(store.transfers, "t", verify=depth)
    for archive in (LEFT, RIGHT):
        inventory.put(archive, [holding(STUDY, 1, 2, archive=archive, at=now() + LONG)], FIRST)
    told = [failures(store.transfers)[1]]
    pair = inventory.pairs([STUDY])[STUDY]
    for equal in (False, True):
        sides = SideState.of(pair.left), SideState.of(pair.right)
        inventory.note_check(ContentCheck(STUDY, now(), *sides, "content", equal, {}, "c"))
        told.append(failures(store.transfers)[1])
    assert told == settled
