"""What Orthanc said that it deleted: proof that something gone from it was not lost."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.inventory_part import CHUNK, InventoryPart
from orthanc_plugins.store.inventory_tables import OrthancDeletionRow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from orthanc_plugins.identifiers import OrthancId


class Deletions(InventoryPart):
    """Deletions in Orthanc, by its identifiers of studies and instances; each may have come back since."""

    @as_store_error
    def note_deletions(self, orthanc_ids: Iterable[OrthancId], at: datetime) -> None:
        """Remember that Orthanc deleted studies or instances; of one that is known the newer time counts."""
        for some in batched(dict.fromkeys(orthanc_ids), CHUNK, strict=False):
            statement = self._insert(OrthancDeletionRow)
            newer = {"deleted_at": statement.excluded.deleted_at}
            with self._sessions.begin() as session:
                session.execute(
                    statement.on_conflict_do_update(index_elements=["orthanc_id"], set_=newer),
                    [{"orthanc_id": one, "deleted_at": at} for one in some],
                )

    @as_store_error
    def deletions(self, orthanc_ids: Iterable[str]) -> dict[str, datetime]:
        """Return when each of these was last deleted, as far as Orthanc said that it was."""
        found: dict[str, datetime] = {}
        with self._sessions() as session:
            for some in batched(dict.fromkeys(orthanc_ids), CHUNK, strict=False):
                query = select(OrthancDeletionRow).where(OrthancDeletionRow.orthanc_id.in_(some))
                found |= {row.orthanc_id: row.deleted_at for row in session.scalars(query)}
        return found

    @as_store_error
    def forget_deletions(self, before: datetime) -> int:
        """Strike out deletions from before a time, and return how many those were."""
        with self._sessions.begin() as session:
            gone: Any = session.execute(
                delete(OrthancDeletionRow).where(OrthancDeletionRow.deleted_at < before)
            )
            return int(gone.rowcount)
