"""The connection to the suite's database."""

from __future__ import annotations

import functools
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from orthanc_plugins.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

_KINDS = frozenset({"sqlite", "postgresql"})
_PATIENCE_S, _PAUSE_S = 30.0, 0.02
"""How long a lock of SQLite's is waited for; the pause between attempts where SQLite itself does not wait."""


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
        engine = create_engine(url, connect_args={"timeout": _PATIENCE_S})
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise ConfigurationError(_not_usable(f"it is not an address ({type(error).__name__})")) from None

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        # For the inventory of a large archive: 32 MB of pages in memory, 32 MB between two checkpoints.
        connection.execute("PRAGMA cache_size=-32768")
        connection.execute("PRAGMA wal_autocheckpoint=8192")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn write-ahead logging on, which SQLite does not wait for while others open a new file."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turn SQLAlchemy's errors into the suite's, without the statement's parameters.

    ``what`` is the name of the method that failed.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(
            f"The suite's database did not do {what}: {type(error).__name__}. "
            "Check DatabaseUrl, free disk space and the database's log."
        ) from error


def as_store_error[**P, R](method: Callable[P, R]) -> Callable[P, R]:
    """Return a method that raises StoreError where it raised SQLAlchemy's errors."""

    @functools.wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with store_errors(method.__name__):
            return method(*args, **kwargs)

    return wrapped


def _not_usable(reason: str) -> str:
    return (
        f"DatabaseUrl cannot be used: {reason}. It is written postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
        "with percent signs for special characters in the password; leave it out to use SQLite files."
    )
