"""What is removed once it is old: history, the files a repair is undone with, repairs, comparisons, reports.

Most of it are patients' data, kept beside the archives only for as long as somebody may want it.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.errors import StoreError
from orthanc_plugins.store.inventory_records import LEFT, RIGHT
from orthanc_plugins.store.repair_files import RepairFiles
from orthanc_plugins.store.rule_trials import RuleTrialFiles
from orthanc_plugins.store.shown_files import ShownFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orthanc_plugins.store.repositories import Store

logger = logging.getLogger(__name__)

LEASE = "retention"
_EVERY = timedelta(days=1)


@dataclass(frozen=True)
class Retention:
    """How long what is kept.

    Parameters
    ----------
    history
        Rounds of synchronisation and the changes they found.
    undo
        Files from before a repair's changes, once it has ended.
    repairs
        Repairs with their plans and what they compared, once they have ended or were planned.
    reports
        Comparisons of studies that neither archive holds any more, and reports of everything.
    previews, held_pictures
        What a person is shown of originals before a release, and of objects that wait for a decision.
    """

    history: timedelta = timedelta(days=90)
    undo: timedelta = timedelta(days=30)
    repairs: timedelta = timedelta(days=365)
    reports: timedelta = timedelta(days=30)
    previews: timedelta = timedelta(hours=24)
    held_pictures: timedelta = timedelta(days=30)


@dataclass(frozen=True)
class Removed:
    """How much was removed."""

    changes: int
    undo_records: int
    repairs: int
    comparisons: int
    reports: int
    rule_trials: int


class Tidying:
    """Removes what is old, once a day among all workers.

    Parameters
    ----------
    store
        The suite's tables.
    data
        Its data directory.
    kept
        How long what is kept.
    now
        The time, aware.
    """

    def __init__(
        self,
        store: Store,
        data: Path,
        kept: Retention,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._data = data
        self._kept = kept
        self._now = now
        self._files = RepairFiles(data)

    def forget_shown(self) -> None:
        """Remove what persons were shown of originals and is older than it may be; done often, by any worker.

        Raises
        ------
        StoreError
            The disk does not let it go.
        """
        previews = ShownFiles(self._data, "previews").forget_older(self._kept.previews)
        held = ShownFiles(self._data, "held").forget_older(self._kept.held_pictures)
        if previews or held:
            logger.info("What persons were shown is removed: previews %d, held objects %d.", previews, held)

    def tidy(self) -> None:
        """Remove what is old unless a worker has done so within a day.

        Who does it has the lease for that day; when it fails, the lease goes back and it is tried again.

        Raises
        ------
        StoreError
            The database or the disk cannot be used.
        """
        holder = uuid.uuid4().hex
        if not self._store.leases.acquire(LEASE, holder, _EVERY):
            return
        try:
            removed = self.remove()
        except StoreError:
            self._store.leases.release(LEASE, holder)
            raise
        if not any(asdict(removed).values()):
            return
        told = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in asdict(removed).items())
        logger.info("What was older than Retention allows is removed: %s.", told)

    def remove(self) -> Removed:
        """Remove what is old now, and return how much."""
        now = self._now()
        changes = self._store.inventory.forget_history(now - self._kept.history)
        return Removed(
            changes=changes,
            undo_records=self._forget_undo(now - self._kept.undo),
            repairs=self._forget_repairs(now - max(self._kept.repairs, self._kept.undo)),
            comparisons=self._forget_comparisons(now - self._kept.reports),
            reports=self._forget_reports(now - self._kept.reports),
            rule_trials=RuleTrialFiles(self._data).forget_old(),
        )

    def _forget_undo(self, before: datetime) -> int:
        return self._files.forget_undo(self._store.repairs.active_since(before), before)

    def _forget_repairs(self, before: datetime) -> int:
        self._files.forget(self._store.repairs.active_since(before), before)
        return self._store.repairs.forget(before)

    def _forget_comparisons(self, before: datetime) -> int:
        """Remove comparisons of studies that are gone; not before both archives were once listed whole."""
        inventory = self._store.inventory
        if any(inventory.position(archive).full_pass_at is None for archive in (LEFT, RIGHT)):
            return 0
        gone = inventory.checks_of_absent(before)
        for study_uid in gone:
            _remove(self._data / "comparisons" / study_uid)
        inventory.forget_checks(gone)
        return len(gone)

    def _forget_reports(self, before: datetime) -> int:
        folder = self._data / "comparisons" / "archives"
        removed = 0
        for report in folder.iterdir() if folder.is_dir() else ():
            if report.stat().st_mtime < before.timestamp():
                _remove(report)
                removed += 1
        return removed


def _remove(folder: Path) -> None:
    """Remove a folder with all that is in it; one that is gone already is none to remove.

    Raises
    ------
    StoreError
        The disk does not let it go.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"What is older than Retention allows could not be removed ({type(error).__name__}, "
            f"{error.strerror}): see that the data directory is the suite's own."
        ) from error
