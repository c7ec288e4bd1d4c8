"""What a round leaves over, and who goes on with it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from orthanc_plugins import copying
from orthanc_plugins.rules import SyncRule
from orthanc_plugins.store import TransferState, WaitsFor
from orthanc_plugins.synchronisation import Rounds
from tests.unit.holdings import NOW
from tests.unit.rounds.two_archives import Listing, asked, fill, unsettled, with_rules

if TYPE_CHECKING:
    import pytest

    from orthanc_plugins.services import Services
    from tests.fakes.archive import MemoryArchive


def test_what_whoever_took_stock_saw_first_is_copied_by_the_next_round(
    joined: Services, left: MemoryArchive
) -> None:
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    fill(left, "1.1", 1)
    Rounds(joined).take_stock("comparison")
    rounds.run("r2", "schedule")
    assert ("1.1", "dcm4chee") in asked(joined)


def test_what_a_requested_round_leaves_over_is_copied_by_later_ones(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST_TRANSFERS", 2)
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    for number in range(5):
        fill(left, f"1.{number + 1}", 1)
    outcome = Rounds(joined).run("r2", "request")
    assert (outcome.differing, len(outcome.transfers)) == (5, 2)
    assert rounds.run("r3", "schedule").transfers == ()  # as many as may be are under way
    for number in range(2):
        for transfer in asked(joined).values():
            joined.store.transfers.end(transfer.transfer_id, TransferState.VERIFIED)
        rounds.run(f"r{number + 4}", "schedule")
    assert len(asked(joined)) == 5
    assert unsettled(joined) == []


def test_those_that_wait_for_their_hours_take_no_room(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST_TRANSFERS", 1)
    fill(left, "1.1", 1)
    rounds = Rounds(joined)
    (transfer,) = rounds.run("r1", "schedule").transfers
    joined.store.transfers.wait(transfer, WaitsFor.WINDOW, NOW, "It waits for its hours.")
    fill(left, "1.2", 1)
    assert len(rounds.run("r2", "schedule").transfers) == 1


def test_what_one_worker_left_another_goes_on_with(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Rounds(joined), Rounds(joined)
    one.run("r1", "schedule")
    other.run("r2", "schedule")
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(hours=1))
    fill(left, "1.1", 1)
    assert one.run("r3", "schedule").transfers == ()  # it may still be arriving
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(0))
    assert len(other.run("r4", "schedule").transfers) == 1


def test_what_a_requested_round_could_not_ask_about_is_asked_about_by_the_next(
    joined: Services, left: Listing
) -> None:
    services = with_rules(joined, SyncRule(name="none", direction="none", study_description="*phantom*"))
    rounds = Rounds(services)
    rounds.run("r1", "schedule")
    fill(left, "1.1", 1)
    left.broken = "1.1"
    Rounds(services).take_stock("comparison")
    outcome = Rounds(services).run("r2", "request")
    assert (outcome.state, outcome.errors) == ("partial", ("orthanc does not answer.",))
    left.broken = None
    assert len(rounds.run("r3", "schedule").transfers) == 1
