"""The inventory of both archives, as one object."""

from __future__ import annotations

from orthanc_plugins.store.inventory_checks import Checks
from orthanc_plugins.store.inventory_deletions import Deletions
from orthanc_plugins.store.inventory_history import History
from orthanc_plugins.store.inventory_holdings import Holdings
from orthanc_plugins.store.inventory_lists import Lists
from orthanc_plugins.store.inventory_tombstones import Tombstones
from orthanc_plugins.store.inventory_unsettled import Unsettled


class Inventory(Holdings, Lists, History, Tombstones, Deletions, Checks, Unsettled):
    """What both archives hold, how they differ, and how that came about.

    Archives are named `LEFT` (Orthanc) and `RIGHT` (DCM4CHEE). Every method raises StoreError when the
    database cannot be used. Each is one transaction, but `put`, `remove`, `seen`, `lift`, `prove`,
    `note_deletions`, `settle` and `unsettle`: they are one for every few hundred studies, and may be cut off
    and done again.
    """
