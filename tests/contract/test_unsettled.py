"""What is still to be settled, and what is under way: the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
from orthanc_plugins.store import LEFT, RIGHT, Store, TransferRequest, TransferState, WaitsFor, Writing
from tests.contract.holdings import FIRST, LATER, NOW, SECOND, STUDY, holding

OTHER = StudyUid("1.2.4")


def test_whoever_writes_a_change_marks_the_study(store: Store) -> None:
    inventory = store.inventory
    inventory.put(LEFT, [holding(STUDY, 1)], Writing("first", NOW, note=False))
    assert inventory.unsettled() == {STUDY: NOW}
    inventory.settle({STUDY: NOW})
    inventory.put(LEFT, [holding(STUDY, 1, at=LATER)], SECOND)
    assert inventory.unsettled() == {}
    inventory.put(RIGHT, [holding(STUDY, 1, 2, archive=RIGHT)], SECOND)
    assert inventory.unsettled() == {STUDY: LATER}
    inventory.settle({STUDY: LATER})
    inventory.remove(RIGHT, [STUDY, OTHER], FIRST)
    assert inventory.unsettled() == {STUDY: NOW}


def test_a_mark_that_was_set_anew_meanwhile_stays(store: Store) -> None:
    inventory = store.inventory
    inventory.unsettle([STUDY, OTHER], NOW)
    read = inventory.marks_of([STUDY, OTHER, StudyUid("9")])
    inventory.unsettle([STUDY], LATER)
    inventory.settle(read)
    assert inventory.unsettled() == {STUDY: LATER}


def test_marks_are_told_page_by_page_the_oldest_first(store: Store) -> None:
    inventory = store.inventory
    uids = [StudyUid(f"1.{number}") for number in range(1200)]
    for turn, start in enumerate((800, 400, 0)):
        inventory.unsettle(uids[start : start + 400], NOW + timedelta(microseconds=turn))
    told: list[StudyUid] = []
    after = None
    while page := inventory.unsettled(after=after, limit=500):
        told += page
        after = page[told[-1]], told[-1]
    assert told == sorted(uids[800:]) + sorted(uids[400:800]) + sorted(uids[:400])
    inventory.settle(inventory.marks_of(uids))
    assert inventory.unsettled() == {}


def test_what_is_under_way_is_told_with_its_instances(store: Store) -> None:
    transfers = store.transfers

    def ask(name: str, *uids: str, destination: str = RIGHT, cause: str = "sync") -> None:
        wanted = tuple(map(SopInstanceUid, uids)) or None
        transfers.request(TransferRequest(name, JobId(name), STUDY, LEFT, destination, cause, "stow", wanted))

    ask("some", "1", "2")
    ask("all", cause="request")
    ask("elsewhere", "3", destination=LEFT)
    ask("ended", "4")
    ask("night", "5")
    transfers.begin("some")
    transfers.end("ended", TransferState.FAILED)
    transfers.wait("night", WaitsFor.WINDOW, LATER, "It waits for its hours.")
    found = {one.transfer_id: uids for one, uids in transfers.under_way(STUDY, RIGHT)}
    assert found == {"some": {"1", "2"}, "all": set(), "night": {"5"}}
    assert transfers.under_way(OTHER, RIGHT) == []
    assert transfers.unfinished("sync") == 2
