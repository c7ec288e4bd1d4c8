"""A synthetic inventory of two archives, straight into the store. ``scripts/bench inventory``.

Puts as many studies as asked for into the store, by the same methods as a round of synchronisation does; the
other side is a copy, in which one study in a hundred is planted in each class of difference. Then times the
comparison of everything, a round with ten changes on one side, and the pages that a person opens; and proves
that what was planted is found, in the right class, and nothing else. ``--postgresql`` keeps the store in
PostgreSQL (a server of its own, its memory not counted) instead of SQLite.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from orthanc_plugins.archives.base import (
    STUDY_ATTRIBUTES,
    ArchiveChanges,
    ArchiveCounts,
    ArchiveName,
    InstanceEntry,
    StudyEntry,
    StudyQuery,
)
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.store import (
    LEFT,
    RIGHT,
    Holding,
    InventoryDifference,
    InventoryRow,
    Store,
    StudyFilter,
    Writing,
    create_store_engine,
    migrate,
)
from orthanc_plugins.store.inventory_records import KEY_BYTES, split_keys
from orthanc_plugins.store.inventory_tables import InventoryContents, InventoryDate, InventoryStudy
from orthanc_plugins.sync.inventory import attributes_digest, contents_digest
from orthanc_plugins.sync.keeper import InventoryKeeper
from tests.postgresql import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Engine

    from orthanc_plugins.archives.base import DateRange
    from orthanc_plugins.store import Inventory, StudyPair

NOW = datetime(2026, 11, 21, tzinfo=UTC)
_EVERY = 100
"""One study in so many is planted in each class."""

_COPIED = (InventoryStudy, InventoryContents, InventoryDate)

_PLANTED = dict(enumerate(InventoryDifference))
"""The class of the studies whose number has this remainder."""

_CHANGES = 10
_FULL_WITHIN_S, _ROUND_WITHIN_S = 60.0, 1.0
_WRITING = Writing("bench", NOW, note=False)
_DAYS = 15 * 365


@dataclass
class Planted:
    """What both sides hold, without its being held in memory."""

    studies: int
    instances: int
    seed: int = 1
    found: dict[StudyUid, frozenset[InventoryDifference]] = field(default_factory=dict)

    def kind(self, number: int) -> InventoryDifference | None:
        """Return in which way a study differs, None when it does not."""
        return _PLANTED.get(number % _EVERY)

    def uid(self, number: int) -> StudyUid:
        """Return the UID of a study: as long as real ones, in no order."""
        return StudyUid(
            f"2.25.{(number * 2654435761 + self.seed) % 2**32:010d}9182736455463728190{number:07d}"
        )

    def left(self) -> Iterator[Holding]:
        """Yield what the left side holds."""
        for number in range(self.studies):
            if self.kind(number) is not InventoryDifference.ONLY_RIGHT:
                yield self.holding(LEFT, number)

    def altered(self) -> Iterator[Holding]:
        """Yield what the right side holds otherwise than the left."""
        for number in range(self.studies):
            kind = self.kind(number)
            if kind not in {None, InventoryDifference.ONLY_LEFT}:
                yield self.holding(RIGHT, number, kind)

    def absent(self) -> list[StudyUid]:
        """Return what the left side alone holds."""
        kinds = ((number, self.kind(number)) for number in range(self.studies))
        return [self.uid(number) for number, kind in kinds if kind is InventoryDifference.ONLY_LEFT]

    def holding(self, archive: str, number: int, kind: InventoryDifference | None = None) -> Holding:
        """Return a study; the right side differs in the way of ``kind``."""
        count = self.instances // 2 + number * 31 % self.instances
        drawn = hashlib.shake_128(f"{self.seed}/{number}".encode()).digest(KEY_BYTES * count)
        keys = sorted(split_keys(drawn))
        if kind is InventoryDifference.COUNT:
            keys = keys[1:]
        if kind is InventoryDifference.CONTENTS:
            keys[0] = bytes(KEY_BYTES)
        attributes = self.attributes(number)
        if kind is InventoryDifference.ATTRIBUTES:
            attributes["StudyDescription"] += " changed"
        content = b"".join(keys)
        row = InventoryRow(
            archive=archive,
            study_uid=self.uid(number),
            patient_id=attributes["PatientID"],
            patient_name=attributes["PatientName"],
            study_date=attributes["StudyDate"],
            modalities=("CT",),
            series_count=3,
            instance_count=len(keys),
            contents_digest=contents_digest(content),
            attributes_digest=attributes_digest(attributes),
            revision="20261121T000000#3.100",
            archive_key=f"{number:08x}-0a1b2c3d-4e5f6071-8293a4b5-c6d7e8f9",
            listed_at=NOW,
            changed_at=NOW,
            pass_number=1,
        )
        return Holding(row, content)

    def attributes(self, number: int) -> dict[str, str]:
        """Return the attributes of a study; three of them are of one patient."""
        day = NOW - timedelta(days=number * 7919 % _DAYS)
        given = {
            "PatientID": f"PAT{number // 3:08d}",
            "PatientName": f"Family{number // 3 % 5003}^Given{number // 3 % 997}",
            "StudyDate": day.strftime("%Y%m%d"),
            "StudyTime": "101112",
            "StudyDescription": f"Description {number % 211}",
        }
        return dict.fromkeys(STUDY_ATTRIBUTES, "") | given


class _TenChanges:
    """An archive that tells of ten changed studies and is otherwise as the inventory says."""

    name = ArchiveName.ORTHANC

    def __init__(self, inventory: Inventory, planted: Planted, turn: int) -> None:
        self._totals = inventory.totals(LEFT)
        self._turn = turn
        first = _EVERY * _CHANGES * (turn + 1) + len(_PLANTED)
        self.changed = [first + number for number in range(_CHANGES)]
        self._planted = planted
        self._before = sum(planted.holding(LEFT, number).row.instance_count for number in self.changed)

    def changes(self, cursor: str | None) -> ArchiveChanges:
        """Tell of ten, once."""
        new = cursor == f"{self._turn}"
        uids = frozenset(self._planted.uid(number) for number in self.changed) if new else frozenset()
        return ArchiveChanges(uids, f"{self._turn + 1}", "log")

    def counts(self, study_dates: DateRange | None = None) -> ArchiveCounts:
        """Count one instance more in each of them, and the series of all of them as one."""
        assert study_dates is None, "a round that finds everything counts no dates"
        instances = self._totals.instances - self._before + 4 * _CHANGES
        return ArchiveCounts(None, self._totals.studies, None, instances)

    def studies(self, query: StudyQuery = StudyQuery()) -> Iterator[StudyEntry]:  # noqa: B008 - frozen
        """List those that are asked for by their UIDs."""
        assert query.study_uids is not None, "a round with ten changes lists no archive"
        for number in self.changed:
            uid = self._planted.uid(number)
            if uid in query.study_uids:
                yield StudyEntry(uid, ("CT",), 1, 4, self._planted.attributes(number), "new")

    def instances_of(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, Sequence[InstanceEntry]]:
        """List four instances of each."""
        return {
            uid: [
                InstanceEntry(SopInstanceUid(f"{uid}.{one}"), SeriesUid(f"{uid}.9"), uid, "1.2", "CT")
                for one in range(4)
            ]
            for uid in study_uids
        }


@dataclass
class Figures:
    """What was measured, by name, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        began, busy = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = time.perf_counter() - began
        busy = time.process_time() - busy
        print(f"  {name:<42} {self.seconds[name]:9.3f} s, {busy:8.3f} s of processor time", flush=True)


def load(inventory: Inventory, planted: Planted, figures: Figures) -> None:
    """Put the left side in, as a first inventory does."""
    with figures.timed("first load of one side"):
        inventory.begin_pass(LEFT)
        for part in batched(planted.left(), 5000, strict=False):
            inventory.put(LEFT, part, _WRITING)
        inventory.arrive(LEFT, "0", NOW, full_pass=True)


def copy(engine: Engine, inventory: Inventory, planted: Planted, figures: Figures) -> None:
    """Make the right side of the left, and plant the differences."""
    with figures.timed("copy of the other side, differences planted"):
        inventory.begin_pass(RIGHT)
        for table in _COPIED:
            columns = ", ".join(column.name for column in table.__table__.columns if column.name != "archive")
            select = f"SELECT '{RIGHT}', {columns} FROM {table.__tablename__} WHERE archive = '{LEFT}'"
            with engine.begin() as connection:
                connection.execute(text(f"INSERT INTO {table.__tablename__} (archive, {columns}) {select}"))
        inventory.remove(RIGHT, planted.absent(), _WRITING)
        for part in batched(planted.altered(), 5000, strict=False):
            inventory.put(RIGHT, part, _WRITING)
        inventory.arrive(RIGHT, "0", NOW, full_pass=True)
    with figures.timed("statistics of the database"):
        inventory.refresh_statistics()


def compare(inventory: Inventory, planted: Planted, figures: Figures) -> None:
    """Compare everything, and hold what is found against what was planted."""
    found: Counter[InventoryDifference] = Counter()
    with figures.timed("full comparison, every difference read"):
        for pair in inventory.differing():
            (kind,) = pair.differences
            found[kind] += 1
            number = int(pair.study_uid[-7:])
            if planted.kind(number) is not kind:
                figures.wrong.append(f"study {number} is told as {kind}, it is {planted.kind(number)}")
    expected = Counter(filter(None, map(planted.kind, range(planted.studies))))
    if found != expected:
        figures.wrong.append(f"found {dict(found)}, planted {dict(expected)}")
    with figures.timed("summary: studies in each class"):
        summary = inventory.summary()
    if summary.all_differing != sum(expected.values()):
        figures.wrong.append(f"the summary counts {summary.all_differing}, planted {sum(expected.values())}")


def settle(inventory: Inventory, planted: Planted, figures: Figures) -> None:
    """Look at all that is marked as changed, as the first scheduled round after a first inventory does."""
    with figures.timed("marks of a first inventory, looked at"):
        marked = sum(len(marks) for marks, _ in _unsettled(inventory))
    if marked != planted.studies:
        figures.wrong.append(f"{marked} studies are marked")


def _unsettled(inventory: Inventory) -> Iterator[tuple[Mapping[StudyUid, datetime], list[StudyPair]]]:
    """Yield what is marked, with what of it differs; the marks are taken away."""
    while marks := inventory.unsettled():
        yield marks, [pair for pair in inventory.pairs(marks).values() if pair.differences]
        inventory.settle(marks)


def change_ten(inventory: Inventory, planted: Planted, figures: Figures) -> None:
    """Do rounds with ten changes each, through the keeper and the comparison of what it found."""
    keeper = InventoryKeeper(inventory, lambda: NOW)
    for turn in range(3):
        archive = _TenChanges(inventory, planted, turn)
        with figures.timed(f"round {turn + 1} with {_CHANGES} changes, compared"):
            change = keeper.update(archive, run_id=f"round {turn}")  # type: ignore[arg-type]
            differing = [pair for _, pairs in _unsettled(inventory) for pair in pairs]
        if (change.changed, change.how, len(differing)) != (_CHANGES, "log", _CHANGES):
            figures.wrong.append(f"round {turn}: {change}, {len(differing)} differ")


def look(inventory: Inventory, planted: Planted, figures: Figures) -> None:
    """Open the pages that a person opens."""
    middle = planted.studies // 6
    with figures.timed("first page of patients"):
        page = inventory.patients(limit=50)
    if page.total != -(-planted.studies // 3):
        figures.wrong.append(f"{page.total} patients are told")
    with figures.timed("page of patients in the middle"):
        inventory.patients(limit=50, offset=middle)
    with figures.timed("patients by a part of their name"):
        inventory.patients(search="family77 given", limit=50)
    with figures.timed("studies of one patient"):
        found = inventory.studies(StudyFilter(patient_id=f"PAT{middle:08d}"))
    if found.total != 3:
        figures.wrong.append(f"{found.total} studies of a patient who has 3")
    with figures.timed("newest studies of both"):
        inventory.studies(limit=50)
    with figures.timed("totals of one year"):
        inventory.totals(LEFT, "20240101", "20241231")


def measure(address: str, planted: Planted) -> Figures:
    """Do all of it in an empty database."""
    engine = create_store_engine(address)
    migrate(engine)
    store = Store(engine)
    figures = Figures()
    try:
        load(store.inventory, planted, figures)
        copy(engine, store.inventory, planted, figures)
        compare(store.inventory, planted, figures)
        settle(store.inventory, planted, figures)
        change_ten(store.inventory, planted, figures)
        look(store.inventory, planted, figures)
    finally:
        store.close()
    return figures


def main() -> int:
    """Run, print; the exit status tells whether all was found in time."""
    parser = argparse.ArgumentParser(prog="scripts/bench inventory", description=__doc__)
    parser.add_argument("--studies", type=int, default=1_000_000, help="on either side")
    parser.add_argument("--instances", type=int, default=20, help="of a study, on average")
    parser.add_argument("--postgresql", action="store_true", help="the store in PostgreSQL")
    parser.add_argument("--folder", type=Path, help="where the database is made; it is removed")
    options = parser.parse_args()
    planted = Planted(options.studies, options.instances)
    kind = "PostgreSQL" if options.postgresql else "SQLite"
    print(
        f"{options.studies} studies a side, about {options.instances} instances each, {kind}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}"
    )
    with ExitStack() as made:
        folder = Path(tempfile.mkdtemp(prefix="inventory-", dir=options.folder))
        made.callback(shutil.rmtree, folder)
        if options.postgresql:
            folder.chmod(0o755)
            (folder / "postgresql").mkdir()
            server = Postgres(folder / "postgresql", durable=True)
            made.callback(server.close)
            address = server.new_database()
        else:
            address = f"sqlite:///{folder / 'store.sqlite'}"
        figures = measure(address, planted)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"  peak memory of the process {peak_mb:.0f} MB, database {size / 1e6:.0f} MB on disk")
    print("\n".join(figures.wrong) or "  every planted difference was found in its class, and no other")
    in_time = figures.seconds["full comparison, every difference read"] < _FULL_WITHIN_S and all(
        seconds < _ROUND_WITHIN_S for name, seconds in figures.seconds.items() if name.startswith("round")
    )
    return 0 if in_time and not figures.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
