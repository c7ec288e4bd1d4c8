"""What the archives received day by day, and of which modalities what they hold is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_records import EventKind
from orthanc_plugins.store.inventory_tables import InventoryEventRow, InventoryStudy

if TYPE_CHECKING:
    from sqlalchemy import Engine

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class DayOfArchive:
    """What an archive received on a day, as its inventory noted it; ``day`` is YYYY-MM-DD, UTC."""

    archive: str
    day: str
    studies: int
    instances: int


@dataclass(frozen=True)
class ModalitiesHeld:
    """How much an archive holds of studies of the same modalities, several as DICOM writes them."""

    archive: str
    modalities: str
    studies: int
    series: int
    instances: int


class Growth:
    """Counts over the inventory.

    Every method is one transaction. Raises StoreError when the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @as_store_error
    def by_day(self, since: datetime) -> list[DayOfArchive]:
        """Return what was received since a time in UTC, by archive and day; days without are left out."""
        noted = InventoryEventRow
        more = noted.instances_after - noted.instances_before
        new = noted.kind.in_([EventKind.APPEARED, EventKind.RESTORED])
        query = select(
            noted.archive, func.sum(case((new, 1), else_=0)), func.sum(case((more > 0, more), else_=0))
        ).group_by(noted.archive)
        found: list[DayOfArchive] = []
        with self._engine.connect() as connection:
            last = connection.scalar(select(func.max(noted.at)))
            # Each day by itself, along the index: to group by days is to sort all of them.
            while last is not None and since <= last:
                midnight = since.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
                of_day = query.where(noted.at >= since, noted.at < midnight)
                found += [
                    DayOfArchive(archive, since.date().isoformat(), int(studies), int(instances))
                    for archive, studies, instances in connection.execute(of_day)
                    if studies or instances
                ]
                since = midnight
        return found

    @as_store_error
    def by_modalities(self) -> list[ModalitiesHeld]:
        """Return what is held, by archive and the modalities of the study, the most studies first."""
        held = InventoryStudy
        studies = func.count()
        query = (
            select(
                held.archive,
                held.modalities,
                studies,
                func.sum(held.series_count),
                func.sum(held.instance_count),
            )
            .group_by(held.archive, held.modalities)
            .order_by(held.archive, studies.desc(), held.modalities)
        )
        with self._engine.connect() as connection:
            return [
                ModalitiesHeld(archive, modalities, *map(int, counts))
                for archive, modalities, *counts in connection.execute(query)
            ]
