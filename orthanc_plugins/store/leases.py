"""Leases: one holder at a time, among all processes and machines that share the database.

A holder renews its lease while it lives; one that died loses it after its time. The database's clock decides,
never a machine's own: those of two machines may be minutes apart.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import sessionmaker

from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.transfers_tables import LeaseRow

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session


class Leases:
    """Who alone may act on what.

    Every method is one transaction. Raises StoreError when the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._shared = engine.dialect.name == "postgresql"
        self._sessions = sessionmaker(engine)

    @as_store_error
    def acquire(self, name: str, holder: str, lasting: timedelta) -> bool:
        """Take or renew a lease for so long from now; False when another holds it."""
        insert = (postgresql if self._shared else sqlite).insert
        with self._sessions.begin() as session:
            now = self._now(session)
            statement = insert(LeaseRow).values(name=name, holder=holder, expires_at=now + lasting)
            taken = statement.on_conflict_do_update(
                index_elements=[LeaseRow.name],
                set_={"holder": statement.excluded.holder, "expires_at": statement.excluded.expires_at},
                where=(LeaseRow.holder == holder) | (LeaseRow.expires_at <= now),
            ).returning(LeaseRow.holder)
            return session.execute(taken).first() is not None

    @as_store_error
    def release(self, name: str, holder: str) -> None:
        """Give a lease back; one that another holds by now is left alone."""
        with self._sessions.begin() as session:
            session.execute(delete(LeaseRow).where(LeaseRow.name == name, LeaseRow.holder == holder))

    @as_store_error
    def holder(self, name: str) -> str | None:
        """Return who holds a lease now, None when nobody does."""
        with self._sessions() as session:
            found = session.get(LeaseRow, name)
            return None if found is None or found.expires_at <= self._now(session) else found.holder

    def _now(self, session: Session) -> datetime:
        """Return the database's time; SQLite's is that of this machine, which is the only one."""
        if not self._shared:
            return datetime.now(UTC)
        now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return now
