"""What archives hold, as it is put into an inventory: one study, or two archives that differ in every way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import LEFT, RIGHT, Holding, InventoryDifference, InventoryRow, Writing

if TYPE_CHECKING:
    from orthanc_plugins.store import Inventory

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
FIRST = Writing("run 1", NOW)
SECOND = Writing("run 2", LATER, bury="deleted", by="somebody")
STUDY = StudyUid("1.2.3")


def key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def holding(
    uid: str = STUDY,
    *numbers: int,
    archive: str = LEFT,
    attributes: str = "same",
    patient: str = "P1",
    name: str = "Müller^Änne",
    date: str = "20260102",
    series: int = 1,
    at: datetime = NOW,
    pass_number: int = 1,
    archive_key: str = "",
    revision: str = "",
) -> Holding:
    keys = b"".join(key(number) for number in sorted(numbers))
    row = InventoryRow(
        archive=archive,
        study_uid=StudyUid(uid),
        patient_id=patient,
        patient_name=name,
        study_date=date,
        modalities=("CT", "RTSTRUCT"),
        series_count=series,
        instance_count=len(numbers),
        contents_digest=f"digest of {keys.hex()}",
        attributes_digest=attributes,
        revision=revision,
        archive_key=archive_key,
        listed_at=at,
        changed_at=at,
        pass_number=pass_number,
    )
    return Holding(row, keys)


def plant(inventory: Inventory) -> None:
    left = [
        holding("1", 1, 2, date="20260101"),
        holding("2", 1, 2, 3, date="20260102", patient="P2", name="Doe^John"),
        holding("3", 1, 2, date="20260103"),
        holding("4", 1, 2, date="20260104", patient="P2", name="Doe^John"),
        holding("5", 1, 2, date="20260105", patient="P_%", name="100 %"),
    ]
    right = [
        holding("1", 1, 2, archive=RIGHT, date="20260101"),
        holding("2", 1, 2, archive=RIGHT, date="20260102", patient="P2", name="DOE^JON"),
        holding("3", 1, 9, archive=RIGHT, date="20260103"),
        holding("4", 1, 2, archive=RIGHT, attributes="other", date="20260104", patient="P3"),
        holding("6", 1, 2, archive=RIGHT, date="20260106", patient="P6", name="Ünal^Öz"),
    ]
    inventory.put(LEFT, left, FIRST)
    inventory.put(RIGHT, right, FIRST)


D = InventoryDifference
FOUND = {
    "2": frozenset({D.COUNT}),
    "3": frozenset({D.CONTENTS}),
    "4": frozenset({D.ATTRIBUTES}),
    "5": frozenset({D.ONLY_LEFT}),
    "6": frozenset({D.ONLY_RIGHT}),
}
