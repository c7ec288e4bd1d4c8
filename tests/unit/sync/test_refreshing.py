"""What the suite itself has changed is in the inventory at once, and a round meanwhile spoils nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import EventKind
from orthanc_plugins.sync.refreshing import Refreshing
from tests.unit.sync.keeper.conftest import ORTHANC, Rounds, TestArchive

if TYPE_CHECKING:
    from orthanc_plugins.store import Inventory, Store

UID = StudyUid("1.1")


@pytest.fixture
def inventory(store: Store) -> Inventory:
    return store.inventory


@pytest.fixture
def archive() -> TestArchive:
    return TestArchive()


@pytest.fixture
def rounds(inventory: Inventory, archive: TestArchive) -> Rounds:
    """Rounds of which the first has been."""
    archive.study("1.0", 1)
    made = Rounds(inventory, archive)
    made()
    return made


def refresh(rounds: Rounds, *, gone: bool = False) -> None:
    refreshing = Refreshing(rounds.inventory, lambda: rounds.time)
    refreshing.take_in([rounds.archive], UID, by="transfer:t", gone=gone)


def events(inventory: Inventory) -> list[tuple[EventKind, str]]:
    return [(one.kind, one.run_id) for one in inventory.events().entries]


def tombstones(inventory: Inventory) -> int:
    return inventory.tombstones(lifted=False).total


def test_what_it_knows_is_what_the_archive_lists_and_stands_in_the_history(
    rounds: Rounds, inventory: Inventory
) -> None:
    before = inventory.position(ORTHANC)
    rounds.archive.study("1.1", 1, 2)
    refresh(rounds)
    assert rounds.agrees()
    assert events(inventory) == [(EventKind.APPEARED, "transfer:t")]
    assert inventory.position(ORTHANC) == before
    assert UID in inventory.unsettled()
    assert rounds().appeared == 0
    assert rounds.agrees()
    assert len(events(inventory)) == 1


def test_what_is_lost_before_the_next_round_is_buried_by_it(rounds: Rounds, inventory: Inventory) -> None:
    rounds.archive.study("1.1", 1, 2)
    refresh(rounds)
    rounds.archive.silently("1.1.1.1", "1.1.1.2")
    assert rounds().disappeared == 1
    assert inventory.buried(ORTHANC, [UID])[UID].whole


def test_a_study_that_is_gone_is_left_to_the_round_unless_the_suite_took_it_out(
    rounds: Rounds, inventory: Inventory
) -> None:
    rounds.archive.study("1.1", 1)
    rounds()
    rounds.archive.lose("1.1.1.1")
    refresh(rounds)
    assert (tombstones(inventory), UID in inventory.rows(ORTHANC, [UID])) == (0, True)
    refresh(rounds, gone=True)
    assert (tombstones(inventory), UID in inventory.rows(ORTHANC, [UID])) == (1, False)
    rounds()
    assert rounds.agrees()


def test_before_the_first_listing_has_ended_nothing_is_taken_in(inventory: Inventory) -> None:
    rounds = Rounds(inventory, TestArchive())
    rounds.archive.study("1.1", 1)
    refresh(rounds)
    assert inventory.rows(ORTHANC, [UID]) == {}
    assert rounds.archive.requests == []


def test_an_archive_that_does_not_answer_is_left_to_the_next_round(
    rounds: Rounds, inventory: Inventory
) -> None:
    rounds.archive.study("1.1", 1)
    rounds.archive.faults.down = True
    refresh(rounds)
    assert inventory.rows(ORTHANC, [UID]) == {}
    assert inventory.position(ORTHANC).state == "current"
    rounds.archive.faults.down = False
    rounds()
    assert rounds.agrees()


# At the same time as a round


def once(rounds: Rounds, method: str, then: object) -> None:
    """Have something happen once an archive has answered a question, before the answer is written."""
    original = getattr(rounds.archive, method)

    def answered(*arguments: object) -> object:
        found = original(*arguments)
        found = found if method == "instances" else list(found)
        if getattr(rounds.archive, method) is answered:
            setattr(rounds.archive, method, original)
            then()  # type: ignore[operator]
        return found

    setattr(rounds.archive, method, answered)


def test_what_a_round_asked_before_does_not_undo_what_was_taken_in(
    rounds: Rounds, inventory: Inventory
) -> None:
    rounds.archive.study("1.1", 1)

    def arrives() -> None:
        rounds.archive.study("1.1", 2, 3)
        refresh(rounds)

    once(rounds, "instances", arrives)
    rounds()
    assert rounds.agrees()
    assert tombstones(inventory) == 0
    assert events(inventory) == [(EventKind.APPEARED, "transfer:t")]


def test_what_a_round_did_not_find_and_came_since_is_not_taken_out(
    rounds: Rounds, inventory: Inventory
) -> None:
    rounds.archive.study("1.1", 1)
    rounds()
    rounds.archive.lose("1.1.1.1")

    def comes_back() -> None:
        rounds.archive.study("1.1", 2)
        refresh(rounds)

    once(rounds, "studies", comes_back)
    rounds()
    assert rounds.agrees()
    assert EventKind.DISAPPEARED not in {kind for kind, _ in events(inventory)}


def test_what_was_asked_before_a_round_found_it_gone_does_not_bring_it_back(
    rounds: Rounds, inventory: Inventory
) -> None:
    rounds.archive.study("1.1", 1)
    rounds()
    rounds.archive.describe("1.1", StudyID="changed")

    def is_lost() -> None:
        rounds.archive.lose("1.1.1.1")
        rounds()

    once(rounds, "instances", is_lost)
    refresh(rounds)
    assert inventory.rows(ORTHANC, [UID]) == {}
    assert tombstones(inventory) == 1


def test_a_round_does_not_accept_a_difference_that_is_only_of_the_moment(
    rounds: Rounds, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = TestArchive.counts

    def counted(self: TestArchive, *arguments: object) -> object:
        found = counts(self, *arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(TestArchive, "counts", counts)
        rounds.archive.study("1.1", 1)
        refresh(rounds)
        return found

    monkeypatch.setattr(TestArchive, "counts", counted)
    rounds(full=True)
    assert rounds.agrees()
    assert inventory.position(ORTHANC).extra_studies == 0


def test_an_archive_that_breaks_off_raises_nothing(rounds: Rounds) -> None:
    rounds.archive.study("1.1", 1)

    def away(method: str) -> None:
        if method == "instances":
            raise ArchiveUnavailable("It broke off.", archive="test")

    rounds.archive.faults.hook = away
    refresh(rounds)
