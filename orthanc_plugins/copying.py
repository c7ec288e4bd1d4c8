"""What a round of synchronisation asks to be copied."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.archives.base import ArchiveName, StudyQuery, Transport
from orthanc_plugins.errors import ArchiveError
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.rules import direction_of
from orthanc_plugins.store import InventoryDifference, TransferRequest, TransferState
from orthanc_plugins.sync.inventory import instance_key, split_keys
from orthanc_plugins.transfers import ask_for_transfer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
    from orthanc_plugins.rules import SyncDirection
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import StudyPair, TransferRecord

type Cause = Literal["schedule", "request", "nightly"]

SETTLED_AFTER = timedelta(seconds=15)
"""A study that changed later may still be arriving: a scheduled round leaves it to the next."""

MOST_TRANSFERS = 500
"""Transfers asked for in one round; the next goes on with the rest."""

_REST = timedelta(hours=1)
"""A transfer that failed for good is tried again so much later, when the difference is still there."""

_DIRECTIONS: Mapping[SyncDirection, frozenset[ArchiveName]] = {
    "none": frozenset(),
    "orthanc_to_dcm4chee": frozenset({ArchiveName.DCM4CHEE}),
    "dcm4chee_to_orthanc": frozenset({ArchiveName.ORTHANC}),
    "both": frozenset(ArchiveName),
}
"""The archives that something may be copied to."""


class Asking:
    """Asks for what is missing on either side, as the settings say."""

    def __init__(
        self, services: Services, run_id: str, cause: Cause, emptied: frozenset[ArchiveName]
    ) -> None:
        self._services = services
        self._emptied = emptied
        self._run_id = run_id
        self._cause = cause
        self.differing = 0
        self.transfers: list[str] = []
        self.errors: list[str] = []
        self.has_more = False
        self.arriving: set[StudyUid] = set()

    def look_at(self, pairs: Iterable[StudyPair]) -> None:
        """Count studies that differ, and ask for what they miss, up to `MOST_TRANSFERS`."""
        settled = _now() - SETTLED_AFTER
        for pair in pairs:
            self.differing += 1
            rows = [row for row in (pair.left, pair.right) if row is not None]
            if self._cause == "schedule" and any(row.changed_at > settled for row in rows):
                self.arriving.add(pair.study_uid)
                continue
            for destination in self._destinations(pair):
                if len(self.transfers) >= MOST_TRANSFERS:
                    self.has_more = True
                    break
                self._complete(pair.study_uid, destination)

    def _destinations(self, pair: StudyPair) -> Iterator[ArchiveName]:
        """Yield the archives that miss instances of a study and may be sent them."""
        if not pair.differences - {InventoryDifference.ATTRIBUTES}:
            return
        allowed = _DIRECTIONS[self._direction(pair)] - self._emptied
        for archive, row, other in (
            (ArchiveName.ORTHANC, pair.left, pair.right),
            (ArchiveName.DCM4CHEE, pair.right, pair.left),
        ):
            differs = row is None or other is None or row.contents_digest != other.contents_digest
            if archive in allowed and other is not None and differs:
                yield archive

    def _direction(self, pair: StudyPair) -> SyncDirection:
        chosen = self._services.synchronisation
        shown = pair.left or pair.right
        if not chosen.rules or shown is None:
            return chosen.direction
        attributes: Mapping[str, str] = {}
        if any(rule.tags or rule.study_description is not None for rule in chosen.rules):
            archive = self._services.archives[ArchiveName(shown.archive)]
            listed = next(iter(archive.studies(StudyQuery(study_uids=(pair.study_uid,)))), None)
            attributes = {} if listed is None else listed.attributes
        return direction_of(
            chosen.rules, modalities=shown.modalities, attributes=attributes, otherwise=chosen.direction
        )[0]

    def _complete(self, study_uid: StudyUid, destination: ArchiveName) -> None:
        """Ask for the transfer of what an archive misses of a study."""
        missing = self._missing(study_uid, destination)
        if not missing:
            return
        source = destination.other
        try:
            listed = self._services.archives[source].instances(study_uid)
        except ArchiveError as error:
            self.errors.append(str(error))
            self.has_more = True
            return
        wanted = tuple(
            entry.sop_instance_uid for entry in listed if instance_key(entry.sop_instance_uid) in missing
        )
        if wanted:
            self._ask(study_uid, source, destination, wanted)

    def _missing(self, study_uid: StudyUid, destination: ArchiveName) -> frozenset[bytes]:
        """Return the keys of the instances that an archive misses and may be sent."""
        inventory = self._services.store.inventory
        held, there = (
            split_keys(inventory.keys(archive, study_uid) or b"")
            for archive in (destination.other, destination)
        )
        buried = inventory.buried(destination, [study_uid]).get(study_uid)
        return frozenset(key for key in held - there if buried is None or not buried.covers(key))

    def _ask(
        self,
        study_uid: StudyUid,
        source: ArchiveName,
        destination: ArchiveName,
        wanted: tuple[SopInstanceUid, ...],
    ) -> None:
        transfers = self._services.store.transfers
        content = hashlib.sha256("|".join(sorted(wanted)).encode()).hexdigest()[:16]
        transfer_id = f"sync.{study_uid}.{destination}.{content}"
        known = transfers.transfer(transfer_id)
        if known is not None and known.state is TransferState.VERIFIED:
            transfer_id = f"{transfer_id}.{self._run_id[:12]}"  # it was there, and is missing again
        elif known is not None and known.state.ended:
            if not self._is_tried_again(known):
                return
            transfers.ask_again(transfer_id)
        request = TransferRequest(
            transfer_id,
            transfer_job_id(transfer_id),
            study_uid,
            source,
            destination,
            cause="sync",
            transport=Transport.STOW,
            wanted=wanted,
        )
        ask_for_transfer(transfers, self._services.queue, request)
        self.transfers.append(transfer_id)

    def _is_tried_again(self, known: TransferRecord) -> bool:
        """Return whether a transfer that did not end well is: when a person asks, else after a while."""
        if self._cause == "request":
            return True
        rested = known.ended_at is not None and _now() - known.ended_at > _REST
        return rested and known.state is not TransferState.CANCELLED


def _now() -> datetime:
    return datetime.now(UTC)
