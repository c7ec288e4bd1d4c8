"""The inventory is kept as the archive is, whatever the archive tells or fails to tell."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, override

import pytest

from orthanc_plugins.archives.base import ArchiveChanges, ArchiveName, DateRange, StudyQuery
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable
from orthanc_plugins.identifiers import OrthancId, SopInstanceUid, StudyUid
from orthanc_plugins.store import Absence, EventFilter, EventKind, Hold, InventoryTotals, SyncRun
from orthanc_plugins.sync import search
from orthanc_plugins.sync.inventory import instance_key, joined_keys
from orthanc_plugins.sync.keeper import InventoryKeeper
from tests.fakes import MemoryArchive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orthanc_plugins.archives.base import ArchiveCounts, InstanceEntry, StudyEntry
    from orthanc_plugins.store import Inventory, Store
    from orthanc_plugins.sync.keeper import InventoryChange

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EVERYTHING = StudyQuery()
ORTHANC, DCM4CHEE = ArchiveName.ORTHANC, ArchiveName.DCM4CHEE


class TestArchive(MemoryArchive):
    """An archive whose trouble is dictated.

    ``silent`` changes are not logged; ``refuses_dates`` refuses to count by dates; ``only_listing`` keeps no
    log; ``revisions`` are told unless off; ``twice`` lists each study twice.
    """

    __test__ = False

    def __init__(self, name: ArchiveName = ORTHANC) -> None:
        super().__init__(name, overwrites=True)
        self.refuses_dates = False
        self.only_listing = False
        self.revisions = True
        self.twice = False
        self.breaks_after_studies: int | None = None
        self.by_uid: list[tuple[StudyUid, ...]] = []

    def study(self, uid: str, *numbers: int, date: str = "20260102") -> None:
        for number in numbers:
            self.put(f"{uid}.1.{number}", study=uid, series=f"{uid}.1")
        self.describe(uid, StudyDate=date, PatientName=f"Name of {uid}")

    def silently(self, *uids: str) -> None:
        """Lose instances without a word."""
        for uid in uids:
            del self._held[SopInstanceUid(uid)]

    @override
    def changes(self, cursor: str | None) -> ArchiveChanges:
        told = super().changes(cursor)
        return ArchiveChanges(frozenset(), told.cursor, "listing") if self.only_listing and cursor else told

    @override
    def counts(self, study_dates: DateRange | None = None) -> ArchiveCounts:
        if study_dates is not None and self.refuses_dates:
            raise ArchiveRefused("It does not count by dates.", archive="test", status=400)
        return super().counts(study_dates)

    @override
    def studies(self, query: StudyQuery = EVERYTHING) -> Iterator[StudyEntry]:
        if query.study_uids is not None:
            self.by_uid.append(query.study_uids)
        for number, entry in enumerate(super().studies(query)):
            if number == self.breaks_after_studies:
                raise ArchiveUnavailable("It broke off.", archive="test")
            yield entry
            if self.twice:
                yield entry

    @override
    def _study(self, uid: StudyUid) -> StudyEntry:
        entry = super()._study(uid)
        return entry if self.revisions else type(entry)(**{**vars(entry), "revision": ""})


class SeveralAtOnce(TestArchive):
    """One that lists the instances of several studies in one request."""

    def instances_of(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, Sequence[InstanceEntry]]:
        self._ask("instances_of")
        return {uid: found for uid in study_uids if (found := self._of_study(uid))}


@pytest.fixture(autouse=True)
def _few_studies_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SMALL", 10)


@pytest.fixture
def archive() -> TestArchive:
    return TestArchive()


@pytest.fixture
def inventory(store: Store) -> Inventory:
    return store.inventory


class Rounds:
    """Rounds over one archive, a minute apart."""

    def __init__(self, inventory: Inventory, archive: TestArchive) -> None:
        self.inventory = inventory
        self.archive = archive
        self.time = NOW
        self.keeper = InventoryKeeper(inventory, lambda: self.time)

    def __call__(self, *, full: bool = False) -> InventoryChange:
        self.time += timedelta(minutes=1)
        self.archive.requests.clear()
        self.archive.by_uid.clear()
        run_id = f"run at {self.time:%H:%M}"
        return self.keeper.update(self.archive, run_id=run_id, full=full)

    def holds(self) -> dict[str, set[str]]:
        """Return what the inventory holds, checked to the last key and sum."""
        uids = {entry.study_uid for entry in self.archive.studies()} | {StudyUid("gone")}
        rows = self.inventory.rows(self.archive.name, {*uids, *self.known})
        held: dict[str, set[str]] = {}
        for uid, row in rows.items():
            keys = self.inventory.keys(self.archive.name, uid)
            held[uid] = {str(one.sop_instance_uid) for one in self.archive._of_study(uid)}
            assert keys == joined_keys(instance_key(one) for one in held[uid]), uid
            assert row.instance_count == len(held[uid])
        totals = self.inventory.totals(self.archive.name)
        assert totals == InventoryTotals(
            len(rows), sum(row.series_count for row in rows.values()), sum(map(len, held.values()))
        )
        return held

    @property
    def known(self) -> set[StudyUid]:
        return {event.study_uid for event in self.inventory.events(limit=10_000).entries}

    def agrees(self) -> bool:
        """Return whether the inventory holds what the archive holds."""
        held: dict[str, set[str]] = {}
        for one in self.archive._held.values():
            held.setdefault(one.entry.study_uid, set()).add(str(one.entry.sop_instance_uid))
        return self.holds() == held


@pytest.fixture
def rounds(inventory: Inventory, archive: TestArchive) -> Rounds:
    return Rounds(inventory, archive)


def fill(archive: TestArchive, studies: int, instances: int = 2) -> None:
    for number in range(studies):
        day = (datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number)).strftime("%Y%m%d")
        archive.study(f"1.{number}", *range(instances), date=day)


# The first look


def test_a_first_look_lists_everything_and_is_no_news(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 5)
    change = rounds()
    assert (change.how, change.looked_at, change.appeared, change.instances_come) == ("first", 5, 5, 10)
    assert rounds.agrees()
    assert inventory.events().total == 0
    position = inventory.position(ORTHANC)
    assert (position.state, position.full_pass_at) == ("current", rounds.time)


def test_a_first_look_that_was_cut_off_goes_on(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 300)
    rounds.archive.breaks_after_studies = 250
    with pytest.raises(ArchiveUnavailable):
        rounds()
    assert inventory.position(ORTHANC).state == "unreachable"
    assert inventory.totals(ORTHANC).studies == 200
    rounds.archive.breaks_after_studies = None
    change = rounds()
    assert (change.how, change.appeared) == ("first", 100)
    assert Counter(rounds.archive.requests)["instances"] == 100
    assert rounds.agrees()


def test_an_empty_archive_has_an_empty_inventory(rounds: Rounds) -> None:
    assert rounds().appeared == 0
    assert rounds.agrees()
    rounds.archive.study("1.1", 1)
    assert rounds().appeared == 1


def test_several_studies_are_listed_at_once_where_the_archive_can(inventory: Inventory) -> None:
    rounds = Rounds(inventory, SeveralAtOnce())
    fill(rounds.archive, 150, instances=40)
    rounds()
    assert rounds.agrees()
    assert Counter(rounds.archive.requests)["instances"] == 0
    assert Counter(rounds.archive.requests)["instances_of"] == 13  # 12 studies, 480 instances each time


# What changed


def test_a_round_asks_only_for_what_changed(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 50)
    rounds()
    rounds.archive.study("2.1", 1, 2, 3)
    rounds.archive.put("1.7.1.9", study="1.7", series="1.7.1")
    rounds.archive.lose("1.8.1.0")
    rounds.archive.lose("1.9.1.0")
    rounds.archive.lose("1.9.1.1")
    change = rounds()
    assert (change.how, change.appeared, change.changed, change.disappeared) == ("log", 1, 2, 1)
    assert change.study_uids == {"2.1", "1.7", "1.8", "1.9"}
    assert (change.instances_come, change.instances_gone) == (4, 3)
    assert change.looked_at == 3
    assert Counter(rounds.archive.requests) == Counter(changes=1, studies=1, instances=3, counts=1)
    assert rounds.agrees()
    kinds = {event.study_uid: event.kind for event in inventory.events().entries}
    assert kinds == {
        "2.1": EventKind.APPEARED,
        "1.7": EventKind.CHANGED,
        "1.8": EventKind.CHANGED,
        "1.9": EventKind.DISAPPEARED,
    }


def test_what_a_round_costs_does_not_grow_with_the_archive(store: Store) -> None:
    asked = []
    for studies in (20, 200):
        archive = TestArchive(ORTHANC if studies == 20 else DCM4CHEE)
        rounds = Rounds(store.inventory, archive)
        fill(archive, studies)
        rounds()
        for number in range(10):
            archive.study(f"2.{number}", 1)
        change = rounds()
        assert (change.appeared, change.looked_at) == (10, 10)
        asked.append(Counter(archive.requests))
    assert asked[0] == asked[1]


def test_nothing_changed_is_two_questions(rounds: Rounds) -> None:
    fill(rounds.archive, 10)
    rounds()
    change = rounds()
    assert (change.looked_at, change.requests) == (0, 2)
    assert rounds.archive.requests == ["changes", "counts"]


def test_a_changed_attribute_is_a_change(rounds: Rounds, inventory: Inventory) -> None:
    rounds.archive.study("1.1", 1)
    rounds()
    rounds.archive.describe("1.1", PatientID="P2")
    assert rounds().changed == 1
    assert inventory.rows(ORTHANC, [StudyUid("1.1")])[StudyUid("1.1")].patient_id == "P2"
    rounds.archive.describe("1.1", PatientID=" P2 ")
    assert rounds().changed == 0


def test_a_half_arrived_study_is_followed_until_it_is_whole(rounds: Rounds, inventory: Inventory) -> None:
    archive = rounds.archive
    archive.study("0.1", 1)
    rounds()
    archive.study("1.1", 1, 2)
    arriving = iter(range(3, 30))

    def one_more(method: str) -> None:
        if method == "instances":
            archive.put(f"1.1.1.{next(arriving)}", study="1.1", series="1.1.1")

    archive.faults.hook = one_more
    for _ in range(3):
        assert rounds().study_uids == {"1.1"}
    archive.faults.hook = None
    rounds()
    assert rounds.agrees()
    kinds = [event.kind for event in inventory.events(EventFilter(study_uid=StudyUid("1.1"))).entries]
    assert kinds[-1] is EventKind.APPEARED
    assert set(kinds[:-1]) == {EventKind.CHANGED}
    assert inventory.tombstones().total == 0


def test_a_study_listed_twice_is_one(rounds: Rounds) -> None:
    rounds.archive.twice = True
    fill(rounds.archive, 5)
    rounds()
    assert rounds.agrees()
    rounds.archive.study("2.1", 1)
    rounds()
    assert rounds.agrees()


# What nobody tells


@pytest.mark.parametrize("studies", [3, 100])
def test_what_was_deleted_without_a_word_is_found_by_counting(
    rounds: Rounds, inventory: Inventory, studies: int
) -> None:
    fill(rounds.archive, studies)
    rounds()
    rounds.archive.silently("1.1.1.0", "1.2.1.0", "1.2.1.1")
    change = rounds()
    assert change.how == "log+search"
    assert (change.changed, change.disappeared) == (1, 1)
    assert change.looked_at < 30
    assert rounds.agrees()
    assert (rounds().how, rounds.archive.requests) == ("log", ["changes", "counts"])
    buried = inventory.buried(ORTHANC, [StudyUid("1.1"), StudyUid("1.2")])
    assert (buried[StudyUid("1.1")].whole, buried[StudyUid("1.2")].whole) == (False, True)
    assert buried[StudyUid("1.1")].covers(instance_key("1.1.1.0"))
    assert not buried[StudyUid("1.1")].covers(instance_key("1.1.1.1"))


def test_what_came_without_a_word_is_found_by_counting(rounds: Rounds) -> None:
    fill(rounds.archive, 40)
    rounds()
    archive = rounds.archive
    log = len(archive._log)
    archive.study("2.1", 1, 2, date="20211111")
    archive.put("1.3.1.8", study="1.3", series="1.3.1")
    del archive._log[log:]
    archive._log[:0] = [StudyUid("2.1"), StudyUid("1.3")]  # told before the cursor
    rounds()
    assert rounds.agrees()


def test_studies_without_a_date_are_looked_after(rounds: Rounds) -> None:
    fill(rounds.archive, 40)
    rounds.archive.study("3.1", 1, 2, date="")
    rounds.archive.study("3.2", 1, date="")
    rounds()
    rounds.archive.silently("3.1.1.1", "3.2.1.1")
    change = rounds()
    assert (change.how, change.changed, change.disappeared) == ("log+search", 1, 1)
    assert rounds.agrees()


def test_an_archive_that_does_not_count_by_dates_is_listed(rounds: Rounds) -> None:
    fill(rounds.archive, 40)
    rounds()
    rounds.archive.refuses_dates = True
    rounds.archive.silently("1.1.1.0", "1.2.1.0", "1.2.1.1")
    change = rounds()
    assert (change.how, change.changed, change.disappeared) == ("log+listing", 1, 1)
    assert Counter(rounds.archive.requests)["instances"] == 1
    assert rounds.agrees()


def test_an_archive_that_keeps_no_log_is_listed_each_time(rounds: Rounds) -> None:
    fill(rounds.archive, 30)
    rounds()
    rounds.archive.only_listing = True
    rounds.archive.study("2.1", 1)
    rounds.archive.lose("1.1.1.0")
    rounds.archive.silently("1.2.1.0", "1.2.1.1")
    change = rounds()
    assert (change.how, change.appeared, change.changed, change.disappeared) == ("listing", 1, 1, 1)
    assert Counter(rounds.archive.requests)["instances"] == 2
    assert rounds.agrees()


def test_a_nightly_pass_finds_what_no_count_shows(rounds: Rounds) -> None:
    rounds.archive.revisions = False
    fill(rounds.archive, 30)
    rounds()
    rounds.archive.silently("1.1.1.0")
    log = list(rounds.archive._log)
    rounds.archive.put("1.1.1.9", study="1.1", series="1.1.1")
    rounds.archive._log = log
    assert rounds().changed == 0
    change = rounds(full=True)
    assert (change.how, change.changed, change.disappeared) == ("full", 1, 0)
    assert rounds.agrees()


def test_a_nightly_pass_lists_no_instances_of_what_is_known_to_be_unchanged(rounds: Rounds) -> None:
    fill(rounds.archive, 30)
    rounds()
    rounds.archive.silently("1.2.1.0", "1.2.1.1")
    change = rounds(full=True)
    assert (change.looked_at, change.disappeared) == (30 - 1, 1)
    assert Counter(rounds.archive.requests)["instances"] == 0
    assert rounds.archive.by_uid == [(StudyUid("1.2"),)]
    assert rounds.agrees()


def test_more_counted_than_listed_is_looked_into_once(
    rounds: Rounds, inventory: Inventory, caplog: pytest.LogCaptureFixture
) -> None:
    fill(rounds.archive, 40)
    rounds()
    rounds.archive.faults.miscounts = 1
    with caplog.at_level(logging.WARNING):
        rounds(full=True)
    assert "40 instances more than it lists" in caplog.text
    assert inventory.position(ORTHANC).extra_instances == 40
    assert (rounds().how, rounds.archive.requests) == ("log", ["changes", "counts"])
    rounds.archive.silently("1.2.1.0", "1.2.1.1")
    change = rounds()
    assert (change.how, change.disappeared) == ("log+search", 1)
    assert rounds().how == "log"


def test_what_is_counted_and_never_listed_has_nothing_listed_anew_when_something_else_goes(
    rounds: Rounds,
) -> None:
    fill(rounds.archive, 40)
    rounds.archive.study("9.1", 1, 2, date="")
    rounds.archive.faults.miscounts = 1
    rounds()
    rounds.archive.silently("1.2.1.0", "1.2.1.1")
    change = rounds()
    assert (change.how, change.disappeared) == ("log+search", 1)
    assert rounds.agrees()


# Nothing is taken for gone by mistake


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


def test_the_archives_clock_does_not_matter(rounds: Rounds) -> None:
    fill(rounds.archive, 5)
    rounds()
    rounds.time -= timedelta(hours=5)
    rounds.archive.study("2.1", 1)
    assert rounds().appeared == 1
    assert rounds.agrees()


# What is noted


def test_each_look_is_noted_with_its_round(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 3)
    inventory.begin_run(SyncRun("run at 12:01", "schedule", NOW))
    rounds()
    (noted,) = inventory.runs().entries[0].archives
    assert (noted.archive, noted.how, noted.looked_at, noted.appeared) == ("orthanc", "first", 3, 3)
    assert noted.requests > 0
    inventory.begin_run(SyncRun("run at 12:02", "schedule", NOW))
    rounds.archive.faults.down = True
    with pytest.raises(ArchiveUnavailable):
        rounds()
    (failed,) = inventory.run("run at 12:02").archives  # type: ignore[union-attr]
    assert failed.error


def test_nothing_of_a_patient_is_logged_or_told(rounds: Rounds, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        fill(rounds.archive, 100)
        rounds()
        rounds.archive.silently(*list(rounds.archive._held))
        change = rounds()
    assert "Name of" not in caplog.text + repr(change)
