"""Two archives in memory that rounds keep in step, and what the rounds have asked for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives.base import StudyQuery
from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.services import Synchronisation
from tests.fakes.archive import MemoryArchive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives.base import StudyEntry
    from orthanc_plugins.rules import SyncRule
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRecord

_EVERY = StudyQuery()


class Listing(MemoryArchive):
    """An archive with keys of its own, which can fail when it is asked for one study, and counts that."""

    broken: str | None = None
    asked = 0

    def studies(self, query: StudyQuery = _EVERY) -> Iterator[StudyEntry]:
        if query.study_uids is not None and len(query.study_uids) == 1:
            self.asked += 1
            if query.study_uids == (self.broken,):
                raise ArchiveUnavailable("orthanc does not answer.", archive="orthanc")
        for entry in super().studies(query):
            yield dataclasses.replace(entry, archive_key=orthanc_id(entry.study_uid))


def orthanc_id(study_uid: str) -> OrthancId:
    return OrthancId(study_uid.replace(".", "-"))


def with_rules(services: Services, *rules: SyncRule, direction: Any = "both") -> Services:
    return dataclasses.replace(services, synchronisation=Synchronisation(direction=direction, rules=rules))


def fill(archive: MemoryArchive, study: str, *instances: int, **options: Any) -> None:
    for number in instances:
        archive.put(f"{study}.{number}", study=study, series=f"{study}.0", **options)


def asked(services: Services) -> dict[tuple[str, str], TransferRecord]:
    """Return the transfers asked for, each by its study and destination."""
    found, _ = services.store.transfers.transfers(limit=1000)
    return {(str(one.study_uid), one.destination): one for one in found}


def unsettled(services: Services) -> list[str]:
    return list(services.store.inventory.unsettled())
