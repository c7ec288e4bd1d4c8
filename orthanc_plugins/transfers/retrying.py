"""What rules asked to be sent and what failed is asked for again by itself, seldom and not for ever."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from orthanc_plugins.store import Store

logger = logging.getLogger(__name__)

RESTS_FOR = timedelta(days=1)
"""After a transfer has failed, so long it is let be."""

MOST_RETRIES = 7

_LOOKED_AT = timedelta(days=14)
"""What ended longer ago is a person's to ask for: no worker ran then, or the rule was switched off."""


class Retrying:
    """Has transfers done again that rules asked for and that ended not well.

    Several workers may do so at the same time.

    Parameters
    ----------
    rules
        Names of the rules that are switched on; what others asked for is let be.
    """

    def __init__(self, store: Store, rules: Collection[str], now: Callable[[], datetime]) -> None:
        self._transfers = store.transfers
        self._inventory = store.inventory
        self._causes = [f"rule:{name}" for name in rules]
        self._now = now

    def retry(self) -> None:
        """Ask again for what has rested; raises StoreError when the database cannot be used.

        Not where something of the study was taken out of the destination: whether that is to come back is a
        person's to say.
        """
        now = self._now()
        failed = self._transfers.failed(self._causes, now - _LOOKED_AT, now - RESTS_FOR, MOST_RETRIES)
        for destination in {one.destination for one in failed}:
            there = [one for one in failed if one.destination == destination]
            buried = self._inventory.buried(destination, {one.study_uid for one in there})
            for one in there:
                if one.study_uid not in buried and self._transfers.ask_again(one.transfer_id, by_itself=True):
                    logger.info("Transfer %s had failed and is done again.", one.transfer_id)
