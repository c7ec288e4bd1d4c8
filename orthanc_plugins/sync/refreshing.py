"""Takes one study into the inventory at once, when the suite itself has changed it in an archive.

Without this, what is deleted or rejected before the next round would never have been seen there: it would
have no tombstone, and would be copied back. The round's cursors and sums stay as they are.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ArchiveError, StoreError
from orthanc_plugins.store.inventory_notes import Absence, Writing
from orthanc_plugins.sync.addresses import address_of
from orthanc_plugins.sync.looking import TRIES, Look

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from orthanc_plugins.archives.base import Archive
    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.store import Inventory

logger = logging.getLogger(__name__)


class Refreshing:
    """Brings what is known of single studies up to date, between the rounds.

    Parameters
    ----------
    inventory
        Where it goes.
    clock
        The time, UTC.
    """

    def __init__(self, inventory: Inventory, clock: Callable[[], datetime]) -> None:
        self._inventory = inventory
        self._clock = clock

    def take_in(
        self, archives: Collection[Archive], study_uid: StudyUid, *, by: str, gone: bool = False
    ) -> None:
        """Take in what some archives list of a study.

        Raises nothing when an archive or the database does not answer: the next round looks all the same.

        Parameters
        ----------
        by
            What changed the study; it stands in the history in the place of a round.
        gone
            Take it out at once where an archive no longer lists it. Otherwise that is left to the next
            round, which sees whether much went with it.
        """
        with ThreadPoolExecutor(len(archives)) as threads:
            asked = {
                archive.name: threads.submit(self._take_in, archive, study_uid, by, gone=gone)
                for archive in archives
            }
            for name, answer in asked.items():
                try:
                    answer.result()
                except (ArchiveError, StoreError) as error:
                    logger.info("What %s lists of %s is left to the next round: %s", name, study_uid, error)

    def _take_in(self, archive: Archive, study_uid: StudyUid, by: str, *, gone: bool) -> None:
        position = self._inventory.position(archive.name)
        if not position.is_of(address_of(archive)):
            return  # its first listing, or that at its new address, takes in all of it, and says what is gone
        writing = Writing(by, self._clock(), bury=Absence.DISAPPEARED)
        look = Look(archive, self._inventory, self._clock, writing, position.pass_number)
        for _ in range(TRIES):
            look.overtaken.clear()
            look.ask_for([study_uid], anew=True)
            if not look.overtaken:
                break
        if gone:
            look.take_out()
