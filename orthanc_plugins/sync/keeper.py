"""Keeps the inventory of an archive as the archive is, at a cost that follows what changed.

A first look lists the whole archive. Later ones ask for its changes, and only for the studies these name;
then the archive's totals are held against the inventory's. Where they do not meet, something changed that no
log told (Orthanc logs no deletion, DCM4CHEE no instance added to an old series): it is searched for by
counting ranges of dates. Every night a pass over everything makes sure.

When its address is another it is listed as a whole, too: perhaps it is another archive, and whatever it lacks
of what was known is held.

Nothing is taken for gone because a page lacks it: a study is gone when the archive, asked for it by its UID,
does not know it. What an archive failed to answer changes nothing.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import StudyQuery
from orthanc_plugins.errors import ArchiveError, ArchiveRefused
from orthanc_plugins.store.inventory_notes import Absence, ArchiveRun, Writing
from orthanc_plugins.sync.addresses import address_of
from orthanc_plugins.sync.looking import MOST_TOLD, Look
from orthanc_plugins.sync.search import FIRST, Scales, Sums, ranges_that_differ

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from orthanc_plugins.archives.base import Archive, ArchiveCounts, ArchiveName, DateRange
    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.store import Inventory
    from orthanc_plugins.store.inventory_records import ArchivePosition, InventoryTotals

logger = logging.getLogger(__name__)

_DELETIONS_KEPT = timedelta(days=90)
"""So long it is remembered that Orthanc said it deleted something."""

_LOOKS = 3
"""How often in one round changes are followed that come while it looks."""


@dataclass(frozen=True)
class InventoryChange:
    """What bringing an inventory up to date changed in it.

    Parameters
    ----------
    how
        ``first``, ``full``, ``moved`` (its address is another) or ``listing``: all studies were listed;
        ``log`` or ``receive_time``: the archive told what changed. With ``+search`` or ``+listing`` where
        totals did not meet.
    looked_at
        Studies that were asked for.
    study_uids
        Those that appeared, changed or disappeared; empty when ``whole``.
    whole
        So many changed that they are not told one by one: everything is to be compared.
    unlisted
        Studies of which the archive lists no instance although it counts some.
    mass_loss
        So much disappeared at once that it is held until a person decides: was the archive emptied? At
        another address anything that is missing there is.
    requests
        Questions to the archive.
    """

    archive: ArchiveName
    how: str
    looked_at: int
    appeared: int
    changed: int
    disappeared: int
    instances_come: int
    instances_gone: int
    requests: int
    seconds: float
    study_uids: frozenset[StudyUid] = field(default=frozenset(), repr=False)
    whole: bool = False
    unlisted: frozenset[StudyUid] = frozenset()
    mass_loss: bool = False


class InventoryKeeper:
    """Keeps the inventory of archives up to date.

    Parameters
    ----------
    inventory
        Where it is kept.
    clock
        The time, UTC; archives' own clocks stay within their cursors.
    seconds
        Seconds that only grow.
    """

    def __init__(
        self,
        inventory: Inventory,
        clock: Callable[[], datetime],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inventory = inventory
        self._clock = clock
        self._seconds = seconds

    def update(self, archive: Archive, *, run_id: str, full: bool = False) -> InventoryChange:
        """Bring an archive's inventory up to date, and return what that changed.

        Parameters
        ----------
        run_id
            The round it belongs to; what was done is noted there.
        full
            List all of it; an archive that was never listed to its end is in any case.

        Raises
        ------
        ArchiveError
            The archive did not answer: what was found until then is kept, nothing else is changed.
        """
        began = self._seconds()
        position = self._placed(archive)
        first, moved = position.full_pass_at is None, position.cursor is None
        bury = None if first else Absence.HELD if moved else Absence.DISAPPEARED
        writing = Writing(run_id, self._clock(), note=not first, bury=bury)
        look = Look(archive, self._inventory, self._clock, writing, position.pass_number)
        how = "first" if first else "moved" if moved else "full" if full else ""
        try:
            if how:
                begun = look.changes(position.cursor)
                self._pass(look, how, begun.cursor, begun.study_uids)
                look.tally.mass_loss |= how == "moved" and look.name in self._inventory.holds()
            else:
                how = self._follow(look, position)
        except ArchiveError as error:
            self._inventory.fail(archive.name, str(error))
            self._note(look, run_id, how or "log", began, str(error))
            raise
        return self._note(look, run_id, how, began, "")

    def _placed(self, archive: Archive) -> ArchivePosition:
        """Return how far an archive is known where it is asked now, and remember where that is."""
        position, address = self._inventory.position(archive.name), address_of(archive)
        if address is None or position.address == address:
            return position
        if position.address is not None and position.full_pass_at is not None:
            logger.warning(
                "The address of %s changed from %s to %s: all of it is listed anew.",
                archive.name,
                position.address,
                address,
            )
        self._inventory.ask_at(archive.name, address)
        return self._inventory.position(archive.name)

    # All of it

    def _pass(self, look: Look, how: str, cursor: str, changed: frozenset[StudyUid]) -> None:
        """List the whole archive; what it did not list is asked for before it is taken for gone.

        ``cursor`` is where the changes go on that come meanwhile, ``changed`` those of before.
        """
        look.pass_number = self._inventory.begin_pass(look.name)
        look.examine(look.find(StudyQuery()), anew=changed, thorough=how in {"full", "moved"})
        after: StudyUid | None = None
        while unseen := self._inventory.unseen(look.name, look.pass_number, after=after):
            look.ask_for(unseen, anew=False)
            after = unseen[-1]
        look.take_out()
        # An archive that is listed in every round is looked at thoroughly at night all the same.
        self._inventory.arrive(look.name, cursor, self._clock(), full_pass=how != "listing")
        if how != "listing":
            self._inventory.refresh_statistics()
            self._inventory.forget_deletions(self._clock() - _DELETIONS_KEPT)
        self._settle(look, cursor)

    def _settle(self, look: Look, cursor: str) -> None:
        """Look at what changed during a pass; once it is quiet, totals that do not meet are accepted."""
        for _ in range(_LOOKS):
            moved = look.tally.moved
            changes = look.changes(cursor)
            look.ask_for(changes.study_uids, anew=True)
            look.take_out()
            cursor = changes.cursor
            counted, held = self._totals(look)
            if look.tally.moved == moved:
                self._accept(look, counted - held)
                break
        self._inventory.arrive(look.name, cursor, self._clock())

    # What changed

    def _follow(self, look: Look, position: ArchivePosition) -> str:
        """Look at what the archive tells, and for what it does not tell; return how."""
        cursor = position.cursor
        extra = Sums(position.extra_studies, position.extra_instances)
        for turn in range(_LOOKS):
            changes = look.changes(cursor)
            if changes.how == "listing":
                self._pass(look, "listing", changes.cursor, changes.study_uids)
                return "listing"
            moved = look.tally.moved
            known = self._inventory.studies_of_keys(look.name, changes.archive_keys)
            look.ask_for({*changes.study_uids, *known.values()}, anew=True)
            look.take_out()
            cursor = changes.cursor
            counted, held = self._totals(look)
            if counted - held == extra:
                break
            if turn and look.tally.moved == moved:
                # Nothing moves any more, and still they do not meet.
                return self._search(look, changes.how, cursor, extra.studies)
        self._inventory.arrive(look.name, cursor, self._clock())
        return changes.how

    def _search(self, look: Look, how: str, cursor: str, extra_studies: int) -> str:
        """Look for what was not told by counting dates, or list all where that cannot be; return how.

        ``extra_studies`` is how many the archive is known to count that it does not list.
        """
        counted, held = self._totals(look)
        scales = Scales(
            archive=lambda dates: _sums(look.counts(dates)),
            inventory=lambda first, last: _sums(self._inventory.totals(look.name, first, last)),
            middle=lambda first, last: self._inventory.middle_date(look.name, first, last),
        )
        undated = False
        try:
            for dates in ranges_that_differ(scales, counted, held):
                undated |= dates is None
                self._look_at_range(look, dates)
        except ArchiveRefused as error:
            logger.info("%s does not count by dates, all of it is listed: %s", look.name, error)
            self._pass(look, "listing", cursor, frozenset())
            return f"{how}+listing"
        look.take_out()
        counted, held = self._totals(look)
        if undated and (counted - held).studies not in {0, extra_studies}:
            # Studies without a date that are new cannot be asked for by themselves.
            self._pass(look, "listing", cursor, frozenset())
            return f"{how}+listing"
        self._accept(look, counted - held)
        self._inventory.arrive(look.name, cursor, self._clock())
        return f"{how}+search"

    def _look_at_range(self, look: Look, dates: DateRange | None) -> None:
        """Hold what an archive lists of a range against what is known; None are studies without a date."""
        if dates is None:
            look.ask_for(self._inventory.rows_of_dates(look.name, "", FIRST[:-1]), anew=True)
            return
        known = self._inventory.rows_of_dates(look.name, dates.first or "", dates.last or "~")
        entries = list(look.find(StudyQuery(study_dates=dates)))
        look.examine(entries, thorough=True)
        look.ask_for(known.keys() - {entry.study_uid for entry in entries}, anew=True)

    # Sums

    def _totals(self, look: Look) -> tuple[Sums, Sums]:
        """Return what the archive counts and what the inventory holds, into which others may write too."""
        for _ in range(_LOOKS):
            held = _sums(self._inventory.totals(look.name))
            counted = _sums(look.counts())
            if _sums(self._inventory.totals(look.name)) == held:
                break
        return counted, held

    def _accept(self, look: Look, extra: Sums) -> None:
        """Remember by how much an archive counts more than it lists: it was looked into."""
        if extra != Sums(0, 0):
            logger.warning(
                "%s counts %d studies and %d instances more than it lists.",
                look.name,
                extra.studies,
                extra.instances,
            )
        self._inventory.accept_extra(look.name, extra.studies, extra.instances)

    def _note(self, look: Look, run_id: str, how: str, began: float, error: str) -> InventoryChange:
        found = look.tally
        seconds = self._seconds() - began
        if found.mass_loss and how != "moved":
            logger.warning(
                "%s lost %d studies at once: a person decides whether they are copied back.",
                look.name,
                found.disappeared,
            )
        self._inventory.note_archive_run(
            run_id,
            ArchiveRun(
                look.name,
                how,
                found.looked_at,
                found.appeared,
                found.changed,
                found.disappeared,
                found.requests,
                seconds,
                error,
            ),
        )
        whole = found.moved > MOST_TOLD
        return InventoryChange(
            archive=look.name,
            how=how,
            looked_at=found.looked_at,
            appeared=found.appeared,
            changed=found.changed,
            disappeared=found.disappeared,
            instances_come=found.instances_come,
            instances_gone=found.instances_gone,
            requests=found.requests,
            seconds=seconds,
            study_uids=frozenset() if whole else frozenset(found.study_uids),
            whole=whole,
            unlisted=frozenset(found.unlisted),
            mass_loss=found.mass_loss,
        )


def _sums(counted: ArchiveCounts | InventoryTotals) -> Sums:
    return Sums(counted.studies, counted.instances)
