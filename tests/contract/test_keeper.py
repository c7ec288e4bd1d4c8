"""The inventory is kept of a real Orthanc, which logs no deletion."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives import OrthancArchive, OrthancRest
from orthanc_plugins.archives.base import ArchiveName, DicomFile, StoreState, Transport
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import LEFT, EventFilter, EventKind, Store, create_store_engine, migrate
from orthanc_plugins.sync import search
from orthanc_plugins.sync.inventory import instance_key
from orthanc_plugins.sync.keeper import InventoryKeeper
from tests.contract.orthanc_archive.files import file
from tests.standin import running_plain_orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orthanc_plugins.store import Inventory
    from orthanc_plugins.sync.keeper import InventoryChange


class Kept:
    """An Orthanc with its inventory."""

    def __init__(self, archive: OrthancArchive, inventory: Inventory) -> None:
        self.archive = archive
        self.inventory = inventory
        self._keeper = InventoryKeeper(inventory, lambda: datetime.now(UTC))

    def send(self, *files: DicomFile) -> None:
        outcomes = list(self.archive.store(files, Transport.STOW))
        assert {outcome.state for outcome in outcomes} == {StoreState.STORED}

    def update(self, *, full: bool = False) -> InventoryChange:
        change = self._keeper.update(self.archive, run_id="run", full=full)
        entries = {entry.study_uid: entry for entry in self.archive.studies()}
        rows = self.inventory.rows(LEFT, {*entries, *change.study_uids})
        assert {uid: row.instance_count for uid, row in rows.items()} == {
            uid: entry.instance_count for uid, entry in entries.items()
        }
        counts, totals = self.archive.counts(), self.inventory.totals(LEFT)
        assert (totals.studies, totals.series, totals.instances) == (
            counts.studies,
            counts.series,
            counts.instances,
        )
        return change

    def delete(self, uid: str, level: str = "Study") -> None:
        """Delete as a person does in Orthanc Explorer."""
        (resource,) = self.archive.rest.lookup(uid, level)
        self.archive.rest.delete_resource(level, resource)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    monkeypatch.setattr(search, "SMALL", 5)
    engine = create_store_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    migrate(engine)
    store = Store(engine)
    with running_plain_orthanc(tmp_path / "orthanc", LimitFindResults=9, LimitFindInstances=9) as orthanc:
        archive = OrthancArchive(OrthancRest(orthanc.url))
        yield Kept(archive, store.inventory)
        archive.close()
    store.close()


def day(number: int) -> str:
    return f"2026{1 + number // 28:02d}{1 + number % 28:02d}"


def test_whatever_becomes_of_an_orthanc_its_inventory_follows(kept: Kept) -> None:
    kept.send(
        *(
            file(f"1.{number}", instance=str(one), StudyDate=day(number))
            for number in range(40)
            for one in (1, 2)
        )
    )
    kept.send(file("1.99", StudyDate=""))
    first = kept.update()
    assert (first.how, first.appeared, first.instances_come) == ("first", 41, 81)

    kept.send(file("1.100"), file("1.5", instance="3", StudyDate=day(5)))
    kept.send(file("1.6", StudyDescription="Corrected", StudyDate=day(6)))
    change = kept.update()
    assert change.how == "log"
    assert change.study_uids == {"1.100", "1.5"}

    kept.delete("1.7")
    kept.delete("1.8.1.1", "Instance")
    kept.delete("1.99")
    change = kept.update()
    assert change.how == "log+search"
    assert change.study_uids == {"1.7", "1.8", "1.99"}
    assert change.looked_at < 25
    buried = kept.inventory.buried(LEFT, [StudyUid("1.7"), StudyUid("1.8")])
    assert buried[StudyUid("1.7")].whole
    assert buried[StudyUid("1.8")].covers(instance_key("1.8.1.1"))
    assert not buried[StudyUid("1.8")].covers(instance_key("1.8.1.2"))

    kept.send(file("1.7", StudyDate=day(7)))
    kept.update()
    events = kept.inventory.events(EventFilter(study_uid=StudyUid("1.7"), archive=LEFT)).entries
    assert [event.kind for event in events] == [EventKind.RESTORED, EventKind.DISAPPEARED]
    buried = kept.inventory.buried(LEFT, [StudyUid("1.7")])
    assert buried[StudyUid("1.7")].keys == {instance_key("1.7.1.2")}

    assert kept.update().study_uids == frozenset()
    full = kept.update(full=True)
    assert (full.how, full.study_uids, full.looked_at) == ("full", frozenset(), 41)
    assert kept.inventory.position(ArchiveName.ORTHANC).state == "current"


def test_an_orthanc_that_was_emptied_is_told_as_that(kept: Kept) -> None:
    kept.send(*(file(f"1.{number}", StudyDate=day(number)) for number in range(60)))
    kept.update()
    for number in range(60):
        kept.delete(f"1.{number}")
    change = kept.update()
    assert (change.disappeared, change.mass_loss) == (60, True)
    assert kept.inventory.holds()[LEFT].studies == 60
