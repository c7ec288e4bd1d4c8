"""A round of synchronisation: both inventories are brought up to date, and what is missing is asked for.

Asking costs as much as has changed: of the studies that are marked as changed, whoever found it, both sides
are held against each other in the store, and only where instances are missing a list of them is asked of the
archive that has them. What is gone from an archive (a tombstone) is not sent there again by itself.
"""

from __future__ import annotations

import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.copying import Asking
from orthanc_plugins.errors import ArchiveError, ArchiveUnavailable, PacsSuiteError
from orthanc_plugins.store import SyncRun
from orthanc_plugins.sync.keeper import InventoryKeeper
from orthanc_plugins.transfers import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orthanc_plugins.copying import Cause
    from orthanc_plugins.services import Services, Synchronisation
    from orthanc_plugins.store import ArchivePosition, Inventory
    from orthanc_plugins.sync.keeper import InventoryChange

logger = logging.getLogger(__name__)

LEASE = "synchronisation"
"""Name of the lease that one round holds: two would ask the archives the same."""

NIGHT_AGAIN = timedelta(hours=1)
"""A nightly round that did not come to its end on both sides is done again so much after it began."""

_UNLISTED = (
    "{} says that {} studies hold instances, and lists none of them (such as {}): see its log. What was "
    "known of them is kept."
)


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
        Identifiers of the transfers asked for now, and of those asked for before that are under way.
    errors
        What went wrong, for a person.
    notes
        What else a person has to know: what was not asked for, since it would be sent in vain.
    """

    run_id: str
    state: str
    differing: int = 0
    transfers: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Rounds:
    """Rounds of synchronisation, one after the other.

    The first one of a process holds all studies against each other, since the settings may have changed, and
    so does one that a person asks for or that lists everything; others look at the studies that are marked as
    changed in the inventory.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._inventory = services.store.inventory
        self._keeper = InventoryKeeper(services.store.inventory, _now)
        self._is_first = True

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
            run = self._begin(run_id, cause)
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
            run = self._begin(run_id, "request")
            _, errors = self._update_both(run_id, full=True)
            state = "partial" if errors else "succeeded"
            self._end(run, RoundOutcome(run_id, state, errors=tuple(errors)))
        if errors:
            raise ArchiveUnavailable(" ".join(errors), archive="both")

    def _begin(self, run_id: str, cause: Cause) -> SyncRun:
        """Note that a round begins; as only one runs at a time, those that seem to were cut off."""
        run = SyncRun(run_id, cause, _now())
        self._inventory.end_cut_off(run.started_at)
        self._inventory.begin_run(run)
        return run

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
        errors += self._noticed(changes, cause)
        if len(changes) < len(ArchiveName):
            return RoundOutcome(run_id, "partial" if changes else "failed", errors=tuple(errors))
        asking = Asking(self._services, run_id, cause)
        if full or self._is_first or cause == "request":
            asking.look_at_all()
        else:
            asking.look_at_unsettled()
        self._is_first = False
        errors += asking.errors
        state = "partial" if errors else "succeeded"
        return RoundOutcome(
            run_id, state, asking.differing, tuple(asking.transfers), tuple(errors), tuple(asking.notes)
        )

    def _noticed(self, changes: Mapping[ArchiveName, InventoryChange], cause: Cause) -> Iterator[str]:
        """Yield what a person has to know of what was found, and of what waits for a decision."""
        for name, change in changes.items():
            if change.unlisted:
                yield _UNLISTED.format(name, len(change.unlisted), min(change.unlisted))
        lost_now = {name.value for name, change in changes.items() if change.mass_loss}
        for archive, hold in self._inventory.holds().items():
            if cause == "request" or archive in lost_now:
                yield hold.text

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
        newest = self._inventory.newest_run(("schedule", "nightly"))
        if newest is None or newest.started_at > now:
            return 0.0  # a clock was set back: whoever waits for that time waits long
        return max(0.0, self._chosen.interval_s - (now - newest.started_at).total_seconds())

    def _is_night_due(self, now: datetime) -> bool:
        """Return whether an archive was not listed whole since last night's time, whatever kept it so."""
        hour, minute = map(int, self._chosen.nightly_at.split(":"))
        due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if due > now:
            due -= timedelta(days=1)
        positions = [self._inventory.position(name) for name in ArchiveName]
        if not any(_is_behind(position, due) for position in positions):
            return False
        runs = self._inventory.runs(cause="nightly", limit=1).entries
        return not runs or not now - NIGHT_AGAIN < runs[0].started_at <= now


def _is_behind(position: ArchivePosition, due: datetime) -> bool:
    """Return whether an archive that can be asked was not listed whole since a time.

    One that was never listed whole is by the next round of any kind.
    """
    listed_at = position.full_pass_at
    return listed_at is not None and listed_at < due and position.state != "unreachable"


def _now() -> datetime:
    return datetime.now(UTC)
