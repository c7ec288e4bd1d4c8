"""Rounds of synchronisation over two archives in memory: what is found, asked for, and left alone."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from orthanc_plugins import copying
from orthanc_plugins.errors import ArchiveUnavailable, StoreError
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.rules import SyncRule
from orthanc_plugins.store import SyncRun, TransferState
from orthanc_plugins.synchronisation import LEASE, Rounds
from tests.fakes.archive import MemoryArchive
from tests.unit.holdings import LEFT, NOW, RIGHT
from tests.unit.rounds.two_archives import fill, with_rules

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue


def asked(services: Services) -> set[tuple[str, str, int]]:
    """Return study, destination and number of instances of each transfer asked for."""
    found, _ = services.store.transfers.transfers()
    return {(str(one.study_uid), one.destination, one.wanted) for one in found}


def test_what_is_missing_is_asked_for_in_both_directions(
    joined: Services, left: MemoryArchive, right: MemoryArchive, queue: MemoryQueue
) -> None:
    fill(left, "1.1", 1, 2)
    fill(right, "1.1", 1)
    fill(right, "1.2", 1, 2, 3)
    fill(left, "1.3", 1)
    fill(right, "1.3", 1)
    outcome = Rounds(joined).run("r1", "schedule")
    assert (outcome.state, outcome.differing, len(outcome.transfers)) == ("succeeded", 2, 2)
    assert asked(joined) == {("1.1", "dcm4chee", 1), ("1.2", "orthanc", 3)}
    assert len(queue.requests) == 2
    run = joined.store.inventory.run("r1")
    assert run is not None
    assert (run.state, run.differing, run.transfers_asked) == ("succeeded", 2, 2)


@pytest.mark.parametrize(
    ("direction", "destinations"),
    [
        ("none", set()),
        ("orthanc_to_dcm4chee", {"dcm4chee"}),
        ("dcm4chee_to_orthanc", {"orthanc"}),
        ("both", {"orthanc", "dcm4chee"}),
    ],
)
def test_the_direction_tells_where_to(
    joined: Services, left: MemoryArchive, right: MemoryArchive, direction: str, destinations: set[str]
) -> None:
    fill(left, "1.1", 1)
    fill(right, "1.2", 1)
    services = with_rules(joined, direction=direction)
    outcome = Rounds(services).run("r1", "schedule")
    assert {destination for _, destination, _ in asked(services)} == destinations
    assert outcome.differing == 2


def test_a_rule_gives_some_studies_another_direction(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    fill(left, "1.2", 1, modality="US")
    fill(left, "1.3", 1)
    left.describe("1.3", StudyDescription="Phantom test")
    services = with_rules(
        joined,
        SyncRule(name="no ultrasound", direction="none", modalities=("US",)),
        SyncRule(name="no phantoms", direction="dcm4chee_to_orthanc", study_description="*phantom*"),
    )
    Rounds(services).run("r1", "schedule")
    assert asked(services) == {("1.1", "dcm4chee", 1)}


def test_later_rounds_look_at_what_changed_only(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    for number in range(30):
        fill(left, f"1.{number + 1}", 1)
        fill(right, f"1.{number + 1}", 1)
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    left.requests.clear()
    fill(left, "1.5", 2)
    outcome = rounds.run("r2", "schedule")
    assert asked(joined) == {("1.5", "dcm4chee", 1)}
    assert outcome.differing == 1
    assert left.requests.count("instances") == 2  # for the inventory, and for the transfer


def test_asked_again_nothing_is_asked_for_twice(
    joined: Services, left: MemoryArchive, queue: MemoryQueue
) -> None:
    fill(left, "1.1", 1)
    first = Rounds(joined).run("r1", "schedule")
    again = Rounds(joined).run("r2", "schedule", full=True)
    assert first.transfers == again.transfers
    assert len(asked(joined)) == 1
    assert sum(queue.runs.values()) == 1


def test_what_was_taken_out_on_purpose_is_not_sent_back(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    fill(left, "1.1", 1, 2)
    fill(right, "1.1", 1, 2)
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    right.lose("1.1.2")
    outcome = rounds.run("r2", "schedule")
    assert (outcome.differing, asked(joined)) == (1, set())
    assert joined.store.inventory.buried(RIGHT, [StudyUid("1.1")])
    fill(left, "1.1", 3)
    rounds.run("r3", "schedule")
    assert asked(joined) == {("1.1", "dcm4chee", 1)}


def test_an_archive_that_is_away_is_told_and_nothing_is_taken_for_missing(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    fill(right, "1.1", 1)
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    right.faults.down = True
    fill(left, "1.2", 1)
    outcome = rounds.run("r2", "schedule")
    assert (outcome.state, outcome.errors) == ("partial", ("dcm4chee does not answer.",))
    assert asked(joined) == set()
    right.faults.down = False
    outcome = rounds.run("r3", "schedule")
    assert (outcome.state, asked(joined)) == ("succeeded", {("1.2", "dcm4chee", 1)})


def test_with_both_archives_away_the_round_has_failed(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    left.faults.down = right.faults.down = True
    outcome = Rounds(joined).run("r1", "schedule")
    assert (outcome.state, len(outcome.errors)) == ("failed", 2)


def test_an_archive_that_goes_away_while_it_is_asked_is_tried_again(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    rounds = Rounds(joined)
    rounds.run("r1", "schedule", full=True)
    fill(left, "1.2", 1)
    calls: list[str] = []

    def away(method: str) -> None:
        calls.append(method)
        if method == "instances" and calls.count("instances") == 2:
            raise ArchiveUnavailable("orthanc does not answer.", archive="orthanc")

    left.faults.hook = away
    outcome = rounds.run("r2", "schedule")
    assert (outcome.state, outcome.errors) == ("partial", ("orthanc does not answer.",))
    left.faults.hook = None
    rounds.run("r3", "schedule")
    assert ("1.2", "dcm4chee", 1) in asked(joined)


def test_a_study_that_may_still_be_arriving_is_left_to_the_next_round(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(hours=1))
    fill(left, "1.1", 1)
    rounds = Rounds(joined)
    outcome = rounds.run("r1", "schedule")
    assert (outcome.differing, outcome.transfers) == (1, ())
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(0))
    assert len(rounds.run("r2", "schedule").transfers) == 1


def test_who_asks_for_a_round_has_it_done_at_once(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(hours=1))
    fill(left, "1.1", 1)
    assert len(Rounds(joined).run("r1", "request").transfers) == 1


def test_one_round_at_a_time(joined: Services, left: MemoryArchive) -> None:
    fill(left, "1.1", 1)
    assert joined.store.leases.acquire(LEASE, "another", timedelta(seconds=60))
    assert Rounds(joined).run("r1", "schedule").state == "skipped"
    assert joined.store.inventory.run("r1") is None
    assert left.requests == []
    with pytest.raises(ArchiveUnavailable, match="Another round"):
        Rounds(joined).take_stock("r2")


def test_a_transfer_that_failed_is_asked_for_again_by_a_person_only(
    joined: Services, left: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    rounds = Rounds(joined)
    (transfer,) = rounds.run("r1", "schedule").transfers
    ledger = joined.store.transfers
    ledger.begin(transfer)
    ledger.end(transfer, TransferState.FAILED)
    assert rounds.run("r2", "schedule", full=True).transfers == ()
    assert rounds.run("r3", "request", full=True).transfers == (transfer,)
    found = ledger.transfer(transfer)
    assert found is not None
    assert found.state is TransferState.QUEUED


def test_what_was_verified_and_is_missing_again_is_a_transfer_of_its_own(
    joined: Services, left: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    rounds = Rounds(joined)
    transfers = []
    for run_id in ("schedule.0f3a", "synchronise.0f3b", "synchronise.0f3c", "schedule.0f3d"):
        (transfer,) = rounds.run(run_id, "request", full=True).transfers
        joined.store.transfers.begin(transfer)
        joined.store.transfers.end(transfer, TransferState.VERIFIED)
        transfers.append(transfer)
    assert len(set(transfers)) == len(transfers)


def test_stock_is_taken_without_anything_being_asked_for(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    Rounds(joined).take_stock("r1")
    assert asked(joined) == set()
    assert joined.store.inventory.summary().only_left == 1
    right.faults.down = True
    with pytest.raises(ArchiveUnavailable, match="dcm4chee does not answer"):
        Rounds(joined).take_stock("r2")


def test_a_round_that_cannot_use_the_database_ends_as_failed(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise StoreError("The database is full.")

    fill(left, "1.1", 1)
    monkeypatch.setattr(joined.store.inventory, "differing", broken)
    with pytest.raises(StoreError):
        Rounds(joined).run("r1", "schedule")
    run = joined.store.inventory.run("r1")
    assert run is not None
    assert (run.state, run.error) == ("failed", "The database is full.")


def test_a_round_whose_worker_was_killed_is_told_as_failed(joined: Services) -> None:
    joined.store.inventory.begin_run(SyncRun("killed", "schedule", NOW))
    Rounds(joined).run("r1", "schedule")
    told = {run.run_id: (run.state, run.ended_at is None) for run in joined.store.inventory.runs().entries}
    assert told == {"killed": ("failed", False), "r1": ("succeeded", False)}


def test_studies_that_are_not_listed_are_told(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    fill(right, "1.1", 1)
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    for held in right._held.values():
        held.unseen = 9
    right.describe("1.1", StudyID="S")
    outcome = rounds.run("r2", "schedule")
    assert outcome.state == "partial"
    assert "dcm4chee says that 1 studies hold instances, and lists none of them" in outcome.errors[0]


@pytest.mark.parametrize(("bury", "copied"), [(False, 60), (True, 0)])
def test_what_an_archive_lost_at_once_comes_back_when_a_person_decides_so_only(
    joined: Services, left: MemoryArchive, right: MemoryArchive, bury: bool, copied: int
) -> None:
    for number in range(60):
        fill(left, f"1.{number}", 1)
        fill(right, f"1.{number}", 1)
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    for uid in right.held():
        right.lose(uid)
    outcome = rounds.run("r2", "schedule")
    assert outcome.state == "partial"
    assert "60 studies disappeared from dcm4chee at once" in outcome.errors[0]
    fill(left, "2.1", 1)
    assert "--refill dcm4chee" in Rounds(joined).run("r3", "request").errors[0]
    Rounds(joined).run("r4", "nightly")
    assert asked(joined) == {("2.1", "dcm4chee", 1)}
    joined.store.inventory.end_hold(RIGHT, bury=bury, at=NOW, by="Jo")
    assert rounds.run("r5", "schedule").state == "succeeded"
    _, total = joined.store.transfers.transfers()
    assert total == 1 + copied


class Elsewhere(MemoryArchive):
    """The second archive at another address."""

    @property
    def url(self) -> str:
        return "http://user:secret@elsewhere.invalid"


@pytest.mark.parametrize(("bury", "copied"), [(False, 3), (True, 0)])
def test_another_archive_gets_what_it_lacks_when_a_person_says_so(
    joined: Services, left: MemoryArchive, right: MemoryArchive, bury: bool, copied: int
) -> None:
    for number in range(3):
        fill(left, f"1.{number}", 1)
        fill(right, f"1.{number}", 1)
    assert Rounds(joined).run("r1", "schedule").state == "succeeded"
    moved = dataclasses.replace(joined, archives={LEFT: left, RIGHT: Elsewhere(RIGHT)})
    for cause in ("schedule", "request"):
        outcome = Rounds(moved).run(f"r2 {cause}", cast("Any", cause))
        assert (outcome.state, outcome.transfers) == ("partial", ())
        told = "of dcm4chee changed from http://dcm4chee.invalid to http://elsewhere.invalid, and 3 studies"
        assert told in outcome.errors[0]
    moved.store.inventory.end_hold(RIGHT, bury=bury, at=NOW, by="Jo")
    outcome = Rounds(moved).run("r3", "schedule")
    assert (outcome.state, len(outcome.transfers)) == ("succeeded", copied)
