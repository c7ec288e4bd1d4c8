"""Nothing is taken for gone by mistake; what is gone is buried, or held for a person to decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import OrthancId, SopInstanceUid, StudyUid
from orthanc_plugins.store import Absence, EventKind, Hold
from orthanc_plugins.sync.inventory import instance_key
from tests.unit.sync.keeper.conftest import DCM4CHEE, EVERYTHING, NOW, ORTHANC, Rounds, TestArchive, fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orthanc_plugins.archives.base import StudyEntry, StudyQuery
    from orthanc_plugins.store import Inventory


def test_an_archive_that_goes_away_in_the_middle_deletes_nothing(
    rounds: Rounds, inventory: Inventory
) -> None:
    fill(rounds.archive, 30)
    rounds()
    for method in ("changes", "counts", "studies", "instances"):
        rounds.archive.study("2.1", 1, len(method))

        def broken(asked: str, method: str = method) -> None:
            if asked == method:
                raise ArchiveUnavailable("It broke off.", archive="test")

        rounds.archive.faults.hook = broken
        for full in (False, True):
            with pytest.raises(ArchiveUnavailable):
                rounds(full=full)
        rounds.archive.faults.hook = None
        assert inventory.position(ORTHANC).state == "unreachable"
        assert inventory.totals(ORTHANC).studies >= 30
    rounds()
    assert rounds.agrees()
    assert inventory.position(ORTHANC).state == "current"
    assert inventory.tombstones().total == 0


def test_a_listing_that_breaks_off_deletes_nothing(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 300)
    rounds()
    rounds.archive.breaks_after_studies = 10
    with pytest.raises(ArchiveUnavailable):
        rounds(full=True)
    assert inventory.totals(ORTHANC).studies == 300
    rounds.archive.breaks_after_studies = None
    assert rounds(full=True).disappeared == 0


def test_a_page_that_skipped_a_study_does_not_delete_it(
    rounds: Rounds, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(rounds.archive, 30)
    rounds()
    whole = TestArchive.studies

    def skipping(self: TestArchive, query: StudyQuery = EVERYTHING) -> Iterator[StudyEntry]:
        return (
            entry
            for entry in whole(self, query)
            if query.study_uids is not None or entry.study_uid not in {"1.3", "1.4"}
        )

    monkeypatch.setattr(TestArchive, "studies", skipping)
    assert rounds(full=True).disappeared == 0
    assert rounds.archive.by_uid == [(StudyUid("1.3"), StudyUid("1.4"))]
    assert inventory.totals(ORTHANC).studies == 30


def test_an_archive_that_lists_no_instances_changes_nothing(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 3)
    rounds()
    rounds.archive.faults.listed_late = 5
    for held in rounds.archive._held.values():
        held.unseen = 5
    rounds.archive.describe("1.1", StudyID="S")
    change = rounds()
    assert (change.changed, set(change.unlisted)) == (0, {"1.1"})
    for held in rounds.archive._held.values():
        held.unseen = 0
    rounds(full=True)
    assert rounds.agrees()
    assert inventory.tombstones().total == 0


def test_what_an_archive_counts_and_does_not_list_is_not_buried(rounds: Rounds, inventory: Inventory) -> None:
    rounds.archive.study("1.1", 1, 2, 3)
    rounds()
    rounds.archive._held[SopInstanceUid("1.1.1.2")].unseen = 2
    rounds.archive.describe("1.1", StudyID="S")
    change = rounds()
    assert (change.changed, change.instances_gone) == (1, 1)
    assert inventory.buried(ORTHANC, [StudyUid("1.1")]) == {}
    rounds.archive._held[SopInstanceUid("1.1.1.2")].unseen = 0
    rounds(full=True)
    assert rounds.agrees()


def test_what_an_emptied_archive_lost_is_held_until_a_person_decides(
    rounds: Rounds, inventory: Inventory, caplog: pytest.LogCaptureFixture
) -> None:
    fill(rounds.archive, 100)
    rounds()
    rounds.archive.silently(*list(rounds.archive._held))
    change = rounds()
    assert (change.disappeared, change.mass_loss) == (100, True)
    assert "lost 100 studies at once" in caplog.text
    assert inventory.holds() == {ORTHANC: Hold(ORTHANC, rounds.time, 100)}
    assert {one.told for one in inventory.tombstones().entries} == {Absence.HELD}
    assert rounds.agrees()


@pytest.mark.parametrize("bury", [False, True])
def test_a_hold_is_ended_by_a_person(rounds: Rounds, inventory: Inventory, bury: bool) -> None:
    fill(rounds.archive, 100)
    rounds()
    rounds.archive.silently(*list(rounds.archive._held))
    rounds()
    assert inventory.end_hold(ORTHANC, bury=bury, at=NOW, by="Jo") == 100
    assert inventory.end_hold(ORTHANC, bury=bury, at=NOW, by="Jo") == 0
    assert inventory.holds() == {}
    held = inventory.buried(ORTHANC, [StudyUid("1.1")])
    assert [one.told for one in held.values()] == ([Absence.DECIDED] if bury else [])


def test_a_hold_ends_when_all_is_there_again(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 100)
    rounds()
    held = dict(rounds.archive._held)
    rounds.archive.silently(*held)
    rounds()
    rounds.archive._held.update(held)
    rounds()
    assert inventory.holds() == {}


class TellingRejected(TestArchive):
    """One that tells what was rejected in it."""

    def __init__(self) -> None:
        super().__init__(DCM4CHEE)
        self.told: dict[str, set[str]] = {}

    def rejected(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, frozenset[SopInstanceUid]]:
        self._ask("rejected")
        return {uid: frozenset(map(SopInstanceUid, self.told.get(uid, ()))) for uid in study_uids}


def test_a_tombstone_tells_what_is_proven_of_each_instance(inventory: Inventory) -> None:
    archive = TellingRejected()
    rounds = Rounds(inventory, archive)
    fill(archive, 5, instances=4)
    rounds()
    held_at = rounds.time
    archive.told = {"1.1": {"1.1.1.0"}, "1.2": {f"1.2.1.{number}" for number in range(4)}}
    for uid in ("1.1.1.0", "1.1.1.1", *archive.told["1.2"], "1.3.1.0"):
        archive.lose(uid)
    rounds()
    told = {str(one.study_uid): one for one in inventory.tombstones().entries}
    assert {uid: one.told for uid, one in told.items()} == {
        "1.1": Absence.DISAPPEARED,
        "1.2": Absence.REJECTED,
        "1.3": Absence.DISAPPEARED,
    }
    assert told["1.1"].kind_of(instance_key("1.1.1.0")) is Absence.REJECTED
    assert told["1.1"].kind_of(instance_key("1.1.1.1")) is Absence.DISAPPEARED
    assert {one.held_at for one in told.values()} == {held_at}


def test_a_study_that_orthanc_said_it_deleted_is_buried_as_deleted(
    rounds: Rounds, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_key(self: TestArchive, uid: StudyUid) -> StudyEntry:
        return replace(listed(self, uid), archive_key=f"key of {uid}")

    listed = TestArchive._study
    monkeypatch.setattr(TestArchive, "_study", with_key)
    fill(rounds.archive, 5)
    rounds()
    of_a_former_copy = rounds.time - timedelta(hours=1)
    inventory.note_deletions([OrthancId("key of 1.1")], of_a_former_copy)
    inventory.note_deletions([OrthancId("key of 1.2")], rounds.time)
    rounds.archive.silently("1.1.1.0", "1.1.1.1", "1.2.1.0", "1.2.1.1")
    rounds()
    told = {str(one.study_uid): one.told for one in inventory.tombstones().entries}
    assert told == {"1.1": Absence.DISAPPEARED, "1.2": Absence.DELETED}
    assert inventory.forget_deletions(rounds.time - timedelta(minutes=30)) == 1


def test_what_disappeared_and_is_there_again_is_no_longer_buried(inventory: Inventory) -> None:
    rounds = Rounds(inventory, TestArchive(DCM4CHEE))
    fill(rounds.archive, 5)
    rounds()
    rounds.archive.lose("1.1.1.0")
    rounds()
    (tombstone,) = inventory.tombstones().entries
    assert (tombstone.told, tombstone.study_uid) == (Absence.DISAPPEARED, "1.1")
    rounds.archive.put("1.1.1.0", study="1.1", series="1.1.1")
    rounds()
    assert inventory.buried(DCM4CHEE, [StudyUid("1.1")]) == {}


def test_a_study_that_comes_back_is_told_as_restored(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 5)
    rounds()
    rounds.archive.lose("1.1.1.0")
    rounds.archive.lose("1.1.1.1")
    rounds()
    rounds.archive.study("1.1", 0, 1)
    assert rounds().appeared == 1
    assert inventory.events(limit=1).entries[0].kind is EventKind.RESTORED
