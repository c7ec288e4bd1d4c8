"""An archive whose trouble is dictated, and rounds that keep its inventory as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, override

import pytest

from orthanc_plugins.archives.base import ArchiveChanges, ArchiveName, DateRange, StudyQuery
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from orthanc_plugins.store import InventoryTotals
from orthanc_plugins.sync import search
from orthanc_plugins.sync.inventory import instance_key, joined_keys
from orthanc_plugins.sync.keeper import InventoryKeeper
from tests.fakes import MemoryArchive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives.base import ArchiveCounts, StudyEntry
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


def fill(archive: TestArchive, studies: int, instances: int = 2) -> None:
    for number in range(studies):
        day = (datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number)).strftime("%Y%m%d")
        archive.study(f"1.{number}", *range(instances), date=day)


@pytest.fixture(autouse=True)
def _few_studies_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SMALL", 10)


@pytest.fixture
def archive() -> TestArchive:
    return TestArchive()


@pytest.fixture
def inventory(store: Store) -> Inventory:
    return store.inventory


@pytest.fixture
def rounds(inventory: Inventory, archive: TestArchive) -> Rounds:
    return Rounds(inventory, archive)
