"""What a round of synchronisation asks to be copied."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import batched
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.archives.base import ArchiveName, StudyQuery, Transport
from orthanc_plugins.archives.rejections import REVOKE_FIRST
from orthanc_plugins.errors import ArchiveError, ArchiveRefused
from orthanc_plugins.jobs import JobKind, JobState, study_of_forwarding, transfer_job_id
from orthanc_plugins.rules import direction_of
from orthanc_plugins.store import InventoryDifference, TransferRequest, TransferState, WaitsFor
from orthanc_plugins.sync.inventory import instance_key, split_keys
from orthanc_plugins.sync.looking import KeepsOut
from orthanc_plugins.sync.plan_text import counted
from orthanc_plugins.sync.strategies import archive_title
from orthanc_plugins.transfers import RULES_CHANGED, ask_for_transfer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orthanc_plugins.archives.base import Archive
    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
    from orthanc_plugins.rules import SyncDirection, SyncRule
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import InventoryRow, StudyPair, TransferRecord

logger = logging.getLogger(__name__)

type Cause = Literal["schedule", "request", "nightly"]

SETTLED_AFTER = timedelta(seconds=15)
"""A study that changed later may still be arriving: a scheduled round leaves it to the next.

It is longer than Orthanc's StableAge (10 s), so that the rules of forwarding decide before.
"""

MOST_TRANSFERS = 500
"""Transfers asked for that are under way at a time, but for those that wait for their hours; later rounds go
on with the rest."""

MOST_FAILURES = 20
"""After so many studies that an archive did not tell of, a round leaves the others to the next."""

_AT_ONCE = 500
_ASKED_AT_ONCE = 50
"""Studies of which an archive is asked at a time what it would not take: one query of DCM4CHEE."""
_MOST_UNDECIDED = 10_000
_SYNC = "sync"
"""The cause of what is asked for here."""


_REST = timedelta(hours=1)
"""A transfer that failed for good is tried again so much later, when the difference is still there."""

_DIRECTIONS: Mapping[SyncDirection, frozenset[ArchiveName]] = {
    "none": frozenset(),
    "orthanc_to_dcm4chee": frozenset({ArchiveName.DCM4CHEE}),
    "dcm4chee_to_orthanc": frozenset({ArchiveName.ORTHANC}),
    "both": frozenset(ArchiveName),
}
"""The archives that something may be copied to."""


@dataclass(frozen=True)
class _Copy:
    """What an archive misses of a study that the other holds, as keys of instances."""

    source: InventoryRow
    destination: ArchiveName
    missing: frozenset[bytes] = field(repr=False)
    rule: SyncRule | None


type _KeptOut = Mapping[tuple[ArchiveName, StudyUid], frozenset[bytes]]
"""What an archive would not take of a study, as keys of instances."""


class Asking:
    """Asks for what is missing on either side, as the settings say.

    What a study needs is first looked for in the store alone; only what is then asked for costs questions to
    the archives. Studies that could not be dealt with are marked in the inventory, for the next round of
    whichever worker.
    """

    def __init__(self, services: Services, run_id: str, cause: Cause) -> None:
        self._services = services
        self._inventory = services.store.inventory
        self._run_id = run_id
        self._cause = cause
        self._possible = _possible(services)
        self._undecided = _undecided(services)
        self._room = MOST_TRANSFERS - services.store.transfers.unfinished(_SYNC)
        self._failed: list[StudyUid] = []
        self.differing = 0
        self.transfers: list[str] = []
        self.errors: list[str] = []
        self._left_out: dict[ArchiveName, dict[StudyUid, int]] = defaultdict(dict)

    @property
    def notes(self) -> list[str]:
        """What was not asked for because the archive would not take it: a sentence for each archive."""
        return [_not_sent(archive, found) for archive, found in self._left_out.items()]

    def look_at_all(self) -> None:
        """Count all studies that differ, and ask for what they miss, as far as there is room."""
        for pairs in batched(self._inventory.differing(), _AT_ONCE, strict=False):
            self._look_at(pairs, self._inventory.marks_of(pair.study_uid for pair in pairs))
        self._inventory.unsettle(self._failed, _now())

    def look_at_unsettled(self) -> None:
        """Do so with the studies that are marked, the oldest first, until there is no room."""
        after = None
        while not self._is_full and (marks := self._inventory.unsettled(after=after, limit=_AT_ONCE)):
            pairs = self._inventory.pairs(marks)
            self._look_at([pairs[uid] for uid in marks if uid in pairs and pairs[uid].differences], marks)
            last, since = next(reversed(marks.items()))
            after = since, last
        self._inventory.unsettle(self._failed, _now())  # now they come last

    @property
    def _is_full(self) -> bool:
        return self._room <= 0 or len(self._failed) >= MOST_FAILURES

    def _look_at(self, pairs: Sequence[StudyPair], marks: Mapping[StudyUid, datetime]) -> None:
        """Ask for what some studies miss; whatever else is marked beside them is settled."""
        self.differing += len(pairs)
        left: set[StudyUid] = set()
        for some in batched(pairs, _ASKED_AT_ONCE, strict=False):
            left |= self._settle(some)
        self._inventory.settle({uid: since for uid, since in marks.items() if uid not in left})
        self._inventory.unsettle(left - marks.keys(), _now())

    def _settle(self, pairs: Sequence[StudyPair]) -> set[StudyUid]:
        """Ask for what studies miss, and return those that were not dealt with; an error is noted."""
        left: set[StudyUid] = set()
        copies: list[_Copy] = []
        for pair in pairs:
            with self._noting(pair.study_uid, left):
                if not self._plan(pair, copies):
                    left.add(pair.study_uid)
        kept_out = self._kept_out(copies)
        for copy in copies:
            study_uid = copy.source.study_uid
            with self._noting(study_uid, left):
                if not self._complete(copy, kept_out.get((copy.destination, study_uid), frozenset())):
                    left.add(study_uid)
        return left

    @contextmanager
    def _noting(self, study_uid: StudyUid, left: set[StudyUid]) -> Iterator[None]:
        """Note that an archive did not tell of a study, which is then left."""
        try:
            yield
        except ArchiveError as error:
            left.add(study_uid)
            self._failed.append(study_uid)
            if str(error) not in self.errors:
                self.errors.append(str(error))

    def _plan(self, pair: StudyPair, copies: list[_Copy]) -> bool:
        """Add what is to be copied of a study; False when some of it has to wait.

        Raises
        ------
        ArchiveError
            The source does not tell what the rules ask of the study.
        """
        if not pair.differences - {InventoryDifference.ATTRIBUTES}:
            return True
        rows = [row for row in (pair.left, pair.right) if row is not None]
        if self._cause == "schedule" and any(row.changed_at > _now() - SETTLED_AFTER for row in rows):
            return False
        for source, destination in self._ways(pair):
            waits = destination is ArchiveName.DCM4CHEE and source.archive_key in self._undecided
            if waits or self._is_full or len(copies) >= self._room:
                return False
            if (copy := self._copy(source, destination)) is not None:
                copies.append(copy)
        return True

    def _ways(self, pair: StudyPair) -> Iterator[tuple[InventoryRow, ArchiveName]]:
        """Yield what is held of a study with the archive that may lack some of it."""
        for destination, row, source in (
            (ArchiveName.ORTHANC, pair.left, pair.right),
            (ArchiveName.DCM4CHEE, pair.right, pair.left),
        ):
            if source is None or destination not in self._possible:
                continue
            if row is None or row.contents_digest != source.contents_digest:
                yield source, destination

    def _copy(self, source: InventoryRow, destination: ArchiveName) -> _Copy | None:
        """Return what an archive misses of a study and the settings let be copied, None for nothing."""
        missing = self._missing(source.study_uid, destination)
        if not missing:
            return None
        direction, rule = self._direction(source, self._services.archives[destination.other])
        return _Copy(source, destination, missing, rule) if destination in _DIRECTIONS[direction] else None

    def _kept_out(self, copies: Sequence[_Copy]) -> _KeptOut:
        """Return what the archives would not take, as far as they tell."""
        found: dict[tuple[ArchiveName, StudyUid], frozenset[bytes]] = {}
        for name, archive in self._services.archives.items():
            studies = [one.source.study_uid for one in copies if one.destination is name]
            if not studies or not isinstance(archive, KeepsOut):
                continue
            try:
                told = archive.kept_out(studies)
            except ArchiveError as error:
                logger.info("%s does not tell what it would not take: %s", name, error)
                continue
            found |= {(name, uid): frozenset(map(instance_key, uids)) for uid, uids in told.items()}
        return found

    def _complete(self, copy: _Copy, kept_out: frozenset[bytes]) -> bool:
        """Ask for the transfer of what an archive misses and would take; False when that has to wait.

        Raises
        ------
        ArchiveError
            The source does not tell what it holds of the study.
        """
        if self._is_full:
            return False
        study_uid, destination = copy.source.study_uid, copy.destination
        if left_out := copy.missing & kept_out:
            self._left_out[destination][study_uid] = len(left_out)
        if not (meant := copy.missing - kept_out):
            return True
        wanted = tuple(
            entry.sop_instance_uid
            for entry in self._services.archives[destination.other].instances(study_uid)
            if instance_key(entry.sop_instance_uid) in meant
        )
        if wanted:
            self._ask(study_uid, destination, wanted, copy.rule)
        return True

    def _direction(self, source: InventoryRow, archive: Archive) -> tuple[SyncDirection, SyncRule | None]:
        """Return which way a study is copied and the rule that says so, by what the source lists of it."""
        chosen = self._services.synchronisation

        @cache
        def attributes() -> Mapping[str, str]:
            listed = next(iter(archive.studies(StudyQuery(study_uids=(source.study_uid,)))), None)
            if listed is None:
                raise ArchiveRefused(
                    f"{archive.name} no longer lists {source.study_uid}: the next round looks again.",
                    archive=archive.name,
                )
            return listed.attributes

        return direction_of(
            chosen.rules, modalities=source.modalities, attributes=attributes, otherwise=chosen.direction
        )

    def _missing(self, study_uid: StudyUid, destination: ArchiveName) -> frozenset[bytes]:
        """Return the keys of the instances that an archive misses, may be sent, and is not being sent.

        A transfer that waits for its hours, or for anything else, will bring them, whoever asked for it.
        """
        held, there = (
            split_keys(self._inventory.keys(archive, study_uid) or b"")
            for archive in (destination.other, destination)
        )
        missing = held - there
        buried = self._inventory.buried(destination, [study_uid]).get(study_uid)
        if buried is not None:
            missing = frozenset(key for key in missing if not buried.covers(key))
        for transfer, instances in self._services.store.transfers.under_way(study_uid, destination):
            brought = missing & set(map(instance_key, instances)) if instances else missing
            missing -= brought
            if brought and transfer.cause == _SYNC and transfer.waits_for is not WaitsFor.WINDOW:
                self.transfers.append(transfer.transfer_id)
        return missing

    def _ask(
        self,
        study_uid: StudyUid,
        destination: ArchiveName,
        wanted: tuple[SopInstanceUid, ...],
        rule: SyncRule | None,
    ) -> None:
        transfers = self._services.store.transfers
        transport, window = Transport.STOW, None if rule is None else rule.window
        if rule is not None and destination is ArchiveName.DCM4CHEE:
            transport = Transport(rule.transport)
        content = hashlib.sha256("|".join([transport, window or "", *sorted(wanted)]).encode())
        transfer_id = f"sync.{study_uid}.{destination}.{content.hexdigest()[:16]}"
        known = transfers.transfer(transfer_id)
        if known is not None and known.state is TransferState.VERIFIED:
            round_of_it = hashlib.sha256(self._run_id.encode()).hexdigest()[:12]
            transfer_id = f"{transfer_id}.{round_of_it}"  # it was there, and is missing again
        elif known is not None and known.state.ended:
            if not self._is_tried_again(known):
                return
            transfers.ask_again(transfer_id)
        request = TransferRequest(
            transfer_id,
            transfer_job_id(transfer_id),
            study_uid,
            destination.other,
            destination,
            cause=_SYNC,
            transport=transport,
            wanted=wanted,
            priority=0 if rule is None else rule.priority,
            window=window,
        )
        ask_for_transfer(transfers, self._services.queue, request)
        self.transfers.append(transfer_id)
        self._room -= 1

    def _is_tried_again(self, known: TransferRecord) -> bool:
        """Return whether a transfer that did not end well is: when a person asks, else after a while.

        One that the rules had given up, and ask for once more, is at once.
        """
        if self._cause == "request" or known.error_name == RULES_CHANGED:
            return True
        rested = known.ended_at is not None and _now() - known.ended_at > _REST
        return rested and known.state is not TransferState.CANCELLED


def _not_sent(archive: ArchiveName, instances: Mapping[StudyUid, int]) -> str:
    number, studies = (
        counted(sum(instances.values()), "instance"),
        counted(len(instances), "study", "studies"),
    )
    return f"Not sent: {number} of {studies}. {REVOKE_FIRST.format(archive=archive_title(archive))}"


def _possible(services: Services) -> frozenset[ArchiveName]:
    """Return the archives that something may be copied to, by the direction or by a rule."""
    chosen = services.synchronisation
    directions = [chosen.direction, *(rule.direction for rule in chosen.rules if rule.enabled)]
    return frozenset().union(*(_DIRECTIONS[direction] for direction in directions))


def _undecided(services: Services) -> frozenset[str]:
    """Return Orthanc's identifiers of the studies of which the rules of forwarding have yet to decide."""
    if not services.forwarding.rules:
        return frozenset()
    jobs = services.queue.jobs(
        kind=JobKind.FORWARD_STUDY, states=(JobState.QUEUED, JobState.RUNNING), limit=_MOST_UNDECIDED
    )
    return frozenset(study_of_forwarding(job.job_id) for job in jobs)


def _now() -> datetime:
    return datetime.now(UTC)
