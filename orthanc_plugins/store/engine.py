"""The connection to the suite's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from orthanc_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine

_KINDS = frozenset({"sqlite", "postgresql"})


def create_store_engine(url: str) -> Engine:
    """Return an engine for the store's address; SQLite gets write-ahead logging and waits for locks.

    Raises
    ------
    ConfigurationError
        The address is not one of a database the suite runs on. The text never quotes it: it may hold
        a password.
    """
    try:
        kind = make_url(url).get_backend_name()
        if kind not in _KINDS:
            raise ConfigurationError(_not_usable(f"it names {kind}"))
        if kind == "postgresql":
            return create_engine(url, pool_pre_ping=True)
        engine = create_engine(url, connect_args={"timeout": 30})
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise ConfigurationError(_not_usable(f"it is not an address ({type(error).__name__})")) from None

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _not_usable(reason: str) -> str:
    return (
        f"DatabaseUrl cannot be used: {reason}. It is written postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
        "with percent signs for special characters in the password; leave it out to use SQLite files."
    )
