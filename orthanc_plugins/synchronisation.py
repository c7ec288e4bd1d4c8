"""A round of synchronisation: both inventories are brought up to date, and what is missing is asked for.

Asking costs as much as has changed: of the studies that changed since the last round, both sides are held
against each other in the store, and only where instances are missing a list of them is asked of the archive
that has them. What was taken out of an archive on purpose (a tombstone) is not sent there again.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.archives.base import ArchiveName, StudyQuery, Transport
from orthanc_plugins.errors import ArchiveError, ArchiveUnavailable, PacsSuiteError
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.rules import direction_of
from orthanc_plugins.store import InventoryDifference, SyncRun, TransferRequest, TransferState
from orthanc_plugins.sync.inventory import instance_key, split_keys
from orthanc_plugins.sync.keeper import InventoryKeeper
from orthanc_plugins.transfers import ask_for_transfer, held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
    from orthanc_plugins.rules import SyncDirection
    from orthanc_plugins.services import Services, Synchronisation
    from orthanc_plugins.store import Inventory, StudyPair, TransferRecord
    from orthanc_plugins.sync.keeper import InventoryChange

logger = logging.getLogger(__name__)

type Cause = Literal["schedule", "request", "nightly"]

LEASE = "synchronisation"
"""Name of the lease that one round holds: two would ask the archives the same."""

SETTLED_AFTER = timedelta(seconds=15)
"""A study that changed later may still be arriving: a scheduled round leaves it to the next."""

MOST_TRANSFERS = 500
"""Transfers asked for in one round; the next goes on with the rest."""

_EMPTIED = (
    "So much has disappeared from {} at once that nothing is copied there in this round: was it emptied? "
    "POST api/sync copies what is missing."
)
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
class RoundOutcome:
    """What a round found and asked for.

    Parameters
    ----------
    state
        ``succeeded``; ``partial``: an archive was away; ``failed``: both; ``skipped``: another round runs.
    differing
        Of the studies looked at, those that are not the same on both sides.
    transfers
        Identifiers of the transfers asked for.
    errors
        What went wrong, for a person.
    """

    run_id: str
    state: str
    differing: int = 0
    transfers: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


class Rounds:
    """Rounds of synchronisation, one after the other.

    The first one of a process holds all studies against each other, later ones those that changed: what a
    process that ended had still to ask for is not forgotten.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._inventory = services.store.inventory
        self._keeper = InventoryKeeper(services.store.inventory, _now)
        self._touched: set[StudyUid] = set()
        self._behind = True

    def run(self, run_id: str, cause: Cause, *, full: bool = False) -> RoundOutcome:
        """Do a round, unless one runs already on whichever machine.

        Parameters
        ----------
        run_id
            Tells it from others; a round that was cut off may be done again under the same.
        cause
            Why it is done.
        full
            List everything anew on both sides, not only what changed.

        Raises
        ------
        StoreError, JobError
            A database cannot be used.
        """
        with held(self._services.store.leases, LEASE, run_id, time.monotonic) as lease:
            if lease is None:
                return RoundOutcome(run_id, "skipped", errors=("Another round of synchronisation runs.",))
            run = SyncRun(run_id, cause, _now())
            self._inventory.begin_run(run)
            try:
                outcome = self._round(run_id, cause, full=full or cause == "nightly")
            except PacsSuiteError as error:
                self._end(run, RoundOutcome(run_id, "failed", errors=(str(error),)))
                raise
            self._end(run, outcome)
            return outcome

    def take_stock(self, run_id: str) -> None:
        """List both archives anew, and ask for nothing.

        Raises
        ------
        ArchiveUnavailable
            An archive does not answer, or another round runs.
        """
        with held(self._services.store.leases, LEASE, run_id, time.monotonic) as lease:
            if lease is None:
                raise ArchiveUnavailable("Another round of synchronisation runs.", archive="both")
            run = SyncRun(run_id, "request", _now())
            self._inventory.begin_run(run)
            _, errors = self._update_both(run_id, full=True)
            state = "partial" if errors else "succeeded"
            self._end(run, RoundOutcome(run_id, state, errors=tuple(errors)))
        if errors:
            raise ArchiveUnavailable(" ".join(errors), archive="both")

    def _end(self, run: SyncRun, outcome: RoundOutcome) -> None:
        ended = replace(
            run,
            ended_at=_now(),
            state=outcome.state,
            differing=outcome.differing,
            transfers_asked=len(outcome.transfers),
            error=" ".join(outcome.errors),
        )
        self._inventory.end_run(ended)

    def _round(self, run_id: str, cause: Cause, *, full: bool) -> RoundOutcome:
        changes, errors = self._update_both(run_id, full=full)
        for change in changes.values():
            self._touched |= change.study_uids
            self._behind |= change.whole
        if len(changes) < len(ArchiveName):
            return RoundOutcome(run_id, "partial" if changes else "failed", errors=tuple(errors))
        whole = full or self._behind
        pairs = self._inventory.differing() if whole else iter(self._inventory.differing_among(self._touched))
        emptied = frozenset(name for name, change in changes.items() if change.mass_loss)
        errors += [_EMPTIED.format(name) for name in emptied]
        asking = _Asking(self._services, run_id, cause, emptied)
        asking.look_at(pairs)
        self._touched = asking.arriving
        # What is left over is asked for by the next round, which then looks at everything.
        self._behind = asking.has_more
        errors += asking.errors
        state = "partial" if errors else "succeeded"
        return RoundOutcome(run_id, state, asking.differing, tuple(asking.transfers), tuple(errors))

    def _update_both(
        self, run_id: str, *, full: bool
    ) -> tuple[dict[ArchiveName, InventoryChange], list[str]]:
        """Bring both inventories up to date at the same time; that an archive is away is told."""
        changes: dict[ArchiveName, InventoryChange] = {}
        errors: list[str] = []
        with ThreadPoolExecutor(max_workers=len(ArchiveName)) as threads:
            asked = {
                name: threads.submit(self._keeper.update, archive, run_id=run_id, full=full)
                for name, archive in self._services.archives.items()
            }
            for name, update in asked.items():
                try:
                    changes[name] = update.result()
                except ArchiveError as error:
                    errors.append(str(error))
        return changes, errors


class _Asking:
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


class Timetable:
    """When rounds are due, over all workers; each asks here in turn.

    Parameters
    ----------
    rounds
        Does them.
    inventory
        Where the rounds of all workers are noted.
    chosen
        How often, and when each night everything is listed anew.
    clock
        The time; aware, in the zone that ``nightly_at`` is told in.
    """

    def __init__(
        self,
        rounds: Rounds,
        inventory: Inventory,
        chosen: Synchronisation,
        clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._rounds = rounds
        self._inventory = inventory
        self._chosen = chosen
        self._clock = clock

    def keep(self) -> float | None:
        """Do the round that is due, and return after how many seconds to ask again; None: the interval."""
        now = self._clock()
        cause: Cause = "nightly" if self._is_night_due(now) else "schedule"
        if cause == "schedule" and (left_s := self._left_s(now)) > 0:
            return left_s
        outcome = self._rounds.run(f"{cause}.{uuid.uuid4().hex}", cause)
        for error in outcome.errors:
            logger.warning("A round of synchronisation was not whole: %s", error)
        return None

    def _left_s(self, now: datetime) -> float:
        """Return how many seconds are left until the next scheduled round; 0 when it is due."""
        runs = [
            run
            for cause in ("schedule", "nightly")
            for run in self._inventory.runs(cause=cause, limit=1).entries
        ]
        newest = max((run.started_at for run in runs), default=None)
        if newest is None or newest > now:  # a clock was set back: whoever waits for that time waits long
            return 0.0
        return max(0.0, self._chosen.interval_s - (now - newest).total_seconds())

    def _is_night_due(self, now: datetime) -> bool:
        hour, minute = map(int, self._chosen.nightly_at.split(":"))
        due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if due > now:
            due -= timedelta(days=1)
        runs = self._inventory.runs(cause="nightly", limit=1).entries
        if runs:
            return runs[0].started_at < due
        first = self._inventory.position(ArchiveName.ORTHANC).full_pass_at
        return first is not None and first < due


def _now() -> datetime:
    return datetime.now(UTC)
