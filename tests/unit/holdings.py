"""Studies in the inventory and in archives of memory, for tests of what stands on both."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import Holding, InventoryRow, Writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.store import Store

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LEFT, RIGHT = ArchiveName.ORTHANC, ArchiveName.DCM4CHEE


def hold(
    store: Store,
    archive: ArchiveName,
    study: str,
    instances: Sequence[str] = ("1.9",),
    *,
    patient: str = "P1",
    name: str = "DOE^JANE",
    date: str = "20260101",
    attributes: str = "a",
) -> None:
    """Put a study into the inventory of an archive."""
    keys = b"".join(sorted(hashlib.blake2b(uid.encode(), digest_size=8).digest() for uid in instances))
    row = InventoryRow(
        archive=archive,
        study_uid=StudyUid(study),
        patient_id=patient,
        patient_name=name,
        study_date=date,
        modalities=("CT",),
        series_count=1,
        instance_count=len(instances),
        contents_digest=hashlib.blake2b(keys, digest_size=16).hexdigest(),
        attributes_digest=attributes,
        revision="1",
        archive_key="",
        listed_at=NOW,
        changed_at=NOW,
        pass_number=1,
    )
    store.inventory.put(archive, [Holding(row, keys)], Writing(run_id="run", at=NOW))


def known(store: Store, *archives: ArchiveName) -> None:
    """Have whole passes over archives come to their end."""
    for archive in archives:
        store.inventory.arrive(archive, "1", NOW, full_pass=True)
