"""One look at an archive: what it lists goes into the inventory, and what became of it is counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import batched
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orthanc_plugins.archives.base import StudyQuery
from orthanc_plugins.store.inventory_notes import Absence
from orthanc_plugins.store.inventory_records import EventKind
from orthanc_plugins.sync.inventory import attributes_digest, holding_of, instance_key, told_revision

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from orthanc_plugins.archives.base import (
        Archive,
        ArchiveChanges,
        ArchiveCounts,
        ArchiveName,
        DateRange,
        InstanceEntry,
        StudyEntry,
    )
    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
    from orthanc_plugins.store import Inventory
    from orthanc_plugins.store.inventory_notes import Writing
    from orthanc_plugins.store.inventory_records import Holding, InventoryRow, StudyChange

_AT_ONCE = 200
"""Studies asked for, and written, at a time."""

_INSTANCES_AT_ONCE = 500
"""Instances asked for at a time: Orthanc may take some milliseconds for each."""

_THREADS = 4

TRIES = 3
"""How often a study is asked for of which another look wrote meanwhile."""

MOST_TOLD = 10_000
"""So many studies that changed are told one by one."""

MASS_LOSS_STUDIES, MASS_LOSS_SHARE = 50, 0.2
"""More studies than that, and more than that share of all, gone at once: a person decides about them."""

CLOCKS_AGREE_WITHIN = timedelta(minutes=1)
"""A deletion that Orthanc told of earlier than that before a study was last listed was of a former copy."""


@runtime_checkable
class ListsSeveral(Protocol):
    """An archive that lists the instances of several studies in one request."""

    def instances_of(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, Sequence[InstanceEntry]]:
        """Return the instances of studies; those that are not there are left out."""


@runtime_checkable
class TellsRejected(Protocol):
    """An archive that tells what was rejected in it."""

    def rejected(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, Collection[SopInstanceUid]]:
        """Return the instances of studies that it lists as rejected; none where it does not tell."""


@runtime_checkable
class KeepsOut(Protocol):
    """An archive that does not take again what was rejected in it."""

    def kept_out(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, Collection[SopInstanceUid]]:
        """Return the instances of studies that it would not take now; none where it does not tell."""


@dataclass
class Tally:
    """What a look found.

    Parameters
    ----------
    looked_at
        Studies that were listed.
    instances_come, instances_gone
        Of studies that changed.
    study_uids
        Those that appeared, changed or disappeared, not many more than `MOST_TOLD` of them.
    unlisted
        Studies that the archive says hold instances, and lists none of; what was known of them stays.
    requests
        Questions to the archive; one may take it several requests.
    mass_loss
        So much disappeared at once that a person decides whether it is copied back.
    """

    looked_at: int = 0
    appeared: int = 0
    changed: int = 0
    disappeared: int = 0
    instances_come: int = 0
    instances_gone: int = 0
    study_uids: set[StudyUid] = field(default_factory=set)
    unlisted: set[StudyUid] = field(default_factory=set)
    requests: int = 0
    mass_loss: bool = False

    @property
    def moved(self) -> int:
        """How many changes were found so far."""
        return self.appeared + self.changed + self.disappeared

    def count(self, changes: Iterable[StudyChange]) -> None:
        """Count changes."""
        for change in changes:
            if len(self.study_uids) <= MOST_TOLD:
                self.study_uids.add(change.study_uid)
            if change.kind is EventKind.DISAPPEARED:
                self.disappeared += 1
                self.instances_gone += change.instances_before
            elif change.kind is EventKind.CHANGED:
                self.changed += 1
                self.instances_come += len(change.come)
                self.instances_gone += len(change.gone)
            else:
                self.appeared += 1
                self.instances_come += change.instances_after


class Look:
    """One look at an archive.

    Parameters
    ----------
    archive
        Whom is asked.
    inventory
        Where it goes.
    clock
        The time, UTC.
    writing
        How it is kept in mind; ``bury`` says whether what is gone gets a tombstone, and of which kind.
    pass_number
        The pass it belongs to.
    """

    def __init__(
        self,
        archive: Archive,
        inventory: Inventory,
        clock: Callable[[], datetime],
        writing: Writing,
        pass_number: int,
    ) -> None:
        self._archive = archive
        self._inventory = inventory
        self._clock = clock
        self._writing = writing
        self.pass_number = pass_number
        self.tally = Tally()
        self._gone: dict[StudyUid, InventoryRow] = {}
        self.overtaken: set[StudyUid] = set()
        """Studies of which another look, of whichever worker, wrote while this one asked."""

    @property
    def name(self) -> ArchiveName:
        """Which archive it is."""
        return self._archive.name

    # Questions

    def changes(self, cursor: str | None) -> ArchiveChanges:
        """Ask which studies changed."""
        self.tally.requests += 1
        return self._archive.changes(cursor)

    def counts(self, study_dates: DateRange | None = None) -> ArchiveCounts:
        """Ask how much there is."""
        self.tally.requests += 1
        return self._archive.counts(study_dates)

    def find(self, query: StudyQuery) -> Iterator[StudyEntry]:
        """Ask for studies."""
        self.tally.requests += 1
        return self._archive.studies(query)

    def ask_for(self, study_uids: Iterable[StudyUid], *, anew: bool) -> None:
        """Ask for studies by their UIDs; those that the archive does not know are gone, see `take_out`.

        ``anew``: their instances are listed even where nothing tells that they changed.
        """
        for part in batched(sorted(study_uids), _AT_ONCE, strict=False):
            known = self._inventory.rows(self.name, part)
            entries = list(self.find(StudyQuery(study_uids=part)))
            self.examine(entries, anew=part if anew else ())
            listed = {entry.study_uid for entry in entries}
            self._gone |= {uid: row for uid, row in known.items() if uid not in listed}

    # Answers

    def examine(
        self, entries: Iterable[StudyEntry], *, anew: Collection[StudyUid] = (), thorough: bool = False
    ) -> None:
        """Put studies in as they are listed; the instances of those that changed are asked for.

        Parameters
        ----------
        anew
            Studies whose instances are asked for in any case.
        thorough
            So are those of studies of which the archive gives no revision: counts alone may hide a change.
        """
        for part in batched(entries, _AT_ONCE, strict=False):
            latest = {entry.study_uid: entry for entry in part}
            for uid in latest:
                self._gone.pop(uid, None)
            known = self._inventory.rows(self.name, latest)
            changed = [
                entry
                for uid, entry in latest.items()
                if uid in anew or (thorough and not entry.revision) or _differs(entry, known.get(uid))
            ]
            self.tally.looked_at += len(latest)
            unchanged = latest.keys() - {entry.study_uid for entry in changed}
            self._inventory.seen(self.name, unchanged, self.pass_number, self._clock())
            self._put(changed, known)

    def take_out(self) -> None:
        """Take those studies out of the inventory that the archive was asked for and did not know.

        What another look wrote of while this one asked is asked for again before.
        """
        for _ in range(TRIES):
            again, self.overtaken = self.overtaken, set()
            self.ask_for(again, anew=True)
            self._take_gone_out()
            if not self.overtaken:
                break

    def _take_gone_out(self) -> None:
        known = [dict(part) for part in batched(sorted(self._gone.items()), _AT_ONCE, strict=False)]
        self._gone.clear()
        lost = self.tally.disappeared + sum(map(len, known))
        held = self._inventory.totals(self.name).studies + self.tally.disappeared
        if lost > MASS_LOSS_STUDIES and lost > MASS_LOSS_SHARE * held:
            self.tally.mass_loss = True
        writing = self._now(bury=True)
        if self.tally.mass_loss and writing.bury is not None:
            writing = replace(writing, bury=Absence.HELD)
        for part in known:
            changes, overtaken = self._inventory.remove_over(self.name, part, part, writing)
            self.tally.count(changes)
            self.overtaken |= overtaken
            if writing.bury == Absence.DISAPPEARED:
                removed = {uid: row for uid, row in part.items() if uid not in overtaken}
                self._prove_deleted(removed)
                self._prove_rejected(removed)

    def _put(self, entries: Sequence[StudyEntry], known: Mapping[StudyUid, InventoryRow]) -> None:
        contents = self._contents(entries)
        whole: list[Holding] = []
        short: list[Holding] = []
        unlisted: list[StudyUid] = []
        at = self._clock()
        for entry in entries:
            listed = contents.get(entry.study_uid, ())
            if not listed and entry.instance_count:
                unlisted.append(entry.study_uid)
                continue
            if not listed:  # an empty shell, as a rejection leaves it
                if row := known.get(entry.study_uid):
                    self._gone[entry.study_uid] = row
                continue
            holding = holding_of(self.name, entry, listed, at=at, pass_number=self.pass_number)
            if holding.row.instance_count >= entry.instance_count:
                whole.append(holding)
            else:  # without a revision it is listed again when it is next seen
                short.append(replace(holding, row=replace(holding.row, revision="")))
        self.tally.unlisted.update(unlisted)
        self._inventory.seen(self.name, unlisted, self.pass_number, at)
        changes = self._write(whole, known, bury=True)
        if self._writing.bury == Absence.DISAPPEARED:
            self._prove_rejected({change.study_uid for change in changes if change.gone})
        # An archive that lists fewer than it counts has perhaps not deleted them.
        self._write(short, known, bury=False)

    def _write(
        self, holdings: Sequence[Holding], known: Mapping[StudyUid, InventoryRow], *, bury: bool
    ) -> list[StudyChange]:
        """Put studies in, and count what that changed; those that another look overtook wait."""
        changes, overtaken = self._inventory.put_over(self.name, holdings, known, self._now(bury=bury))
        self.tally.count(changes)
        self.overtaken |= overtaken
        return changes

    # Why it is gone

    def _prove_deleted(self, rows: Mapping[StudyUid, InventoryRow]) -> None:
        """Remember which studies Orthanc said that it deleted; of parts of them a repair's plan finds out."""
        told = self._inventory.deletions(row.archive_key for row in rows.values() if row.archive_key)
        deleted = {
            uid: None
            for uid, row in rows.items()
            if row.archive_key in told and told[row.archive_key] > row.listed_at - CLOCKS_AGREE_WITHIN
        }
        self._inventory.prove(self.name, deleted, Absence.DELETED)

    def _prove_rejected(self, study_uids: Collection[StudyUid]) -> None:
        """Remember which instances the archive lists as rejected."""
        if study_uids and isinstance(self._archive, TellsRejected):
            self.tally.requests += 1
            found = self._archive.rejected(sorted(study_uids))
            keys = {uid: frozenset(map(instance_key, uids)) for uid, uids in found.items()}
            self._inventory.prove(self.name, keys, Absence.REJECTED)

    def _now(self, *, bury: bool) -> Writing:
        return replace(self._writing, at=self._clock(), bury=self._writing.bury if bury else None)

    def _contents(self, entries: Sequence[StudyEntry]) -> Mapping[StudyUid, Sequence[InstanceEntry]]:
        """Return the instances of studies as the archive lists them."""
        if isinstance(self._archive, ListsSeveral):
            found: dict[StudyUid, Sequence[InstanceEntry]] = {}
            for part in _parts(entries):
                self.tally.requests += 1
                found |= self._archive.instances_of(part)
            return found
        self.tally.requests += len(entries)
        uids = [entry.study_uid for entry in entries]
        with ThreadPoolExecutor(_THREADS) as threads:
            return dict(zip(uids, threads.map(self._archive.instances, uids), strict=True))


def _differs(entry: StudyEntry, known: InventoryRow | None) -> bool:
    """Return whether a listing tells of a change."""
    return (
        known is None
        or known.revision != told_revision(entry)
        or known.archive_key != entry.archive_key
        or known.attributes_digest != attributes_digest(entry.attributes)
    )


def _parts(entries: Iterable[StudyEntry]) -> Iterator[list[StudyUid]]:
    """Yield studies in parts that do not hold too many instances together."""
    part: list[StudyUid] = []
    instances = 0
    for entry in entries:
        if part and instances + entry.instance_count > _INSTANCES_AT_ONCE:
            yield part
            part, instances = [], 0
        part.append(entry.study_uid)
        instances += entry.instance_count
    if part:
        yield part
