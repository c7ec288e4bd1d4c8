"""What the stand-in knows, in one SQLite file; a restart keeps it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS preferences (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY, salt BLOB NOT NULL, digest BLOB NOT NULL, admin INTEGER NOT NULL DEFAULT 0,
    enabled INTEGER NOT NULL DEFAULT 1, first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '', email TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS tokens (
    alias TEXT PRIMARY KEY, secret TEXT NOT NULL, user TEXT NOT NULL, expires REAL NOT NULL);
CREATE TABLE IF NOT EXISTS projects (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, secondary_id TEXT NOT NULL, description TEXT NOT NULL DEFAULT '',
    accessibility TEXT NOT NULL DEFAULT 'private', prearchive_code INTEGER NOT NULL,
    quarantine_code INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS members (
    project TEXT NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (project, user));
CREATE TABLE IF NOT EXISTS subjects (
    pk INTEGER PRIMARY KEY, id TEXT UNIQUE, project TEXT NOT NULL, label TEXT NOT NULL,
    fields TEXT NOT NULL DEFAULT '{}', UNIQUE (project, label));
CREATE TABLE IF NOT EXISTS experiments (
    pk INTEGER PRIMARY KEY, id TEXT UNIQUE, project TEXT NOT NULL, subject TEXT NOT NULL, label TEXT NOT NULL,
    xsi_type TEXT NOT NULL, uid TEXT NOT NULL DEFAULT '', fields TEXT NOT NULL DEFAULT '{}',
    UNIQUE (project, label));
CREATE TABLE IF NOT EXISTS scans (
    pk INTEGER PRIMARY KEY, experiment TEXT NOT NULL, id TEXT NOT NULL, xsi_type TEXT NOT NULL,
    uid TEXT NOT NULL DEFAULT '', fields TEXT NOT NULL DEFAULT '{}', UNIQUE (experiment, id));
CREATE TABLE IF NOT EXISTS resources (
    pk INTEGER PRIMARY KEY, owner TEXT NOT NULL, label TEXT NOT NULL, folder TEXT NOT NULL,
    format TEXT NOT NULL DEFAULT '', content TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '',
    UNIQUE (owner, label));
CREATE TABLE IF NOT EXISTS prearchive (
    pk INTEGER PRIMARY KEY, project TEXT, timestamp TEXT NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL,
    subject TEXT NOT NULL, tag TEXT NOT NULL, status TEXT NOT NULL, lastmod REAL NOT NULL,
    uploaded REAL NOT NULL, autoarchive TEXT NOT NULL DEFAULT '', prevent_anon INTEGER NOT NULL DEFAULT 0,
    prevent_auto_commit INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL DEFAULT '',
    visit TEXT NOT NULL DEFAULT '', timezone TEXT NOT NULL DEFAULT '', document TEXT NOT NULL DEFAULT '',
    log TEXT NOT NULL DEFAULT '',
    UNIQUE (project, timestamp, folder));
CREATE TABLE IF NOT EXISTS scripts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL, body TEXT NOT NULL, user TEXT NOT NULL,
    created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS script_status (scope TEXT PRIMARY KEY, enabled INTEGER NOT NULL);
"""


class Database:
    """One connection that all threads share, a statement or a transaction at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.RLock()
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query, None when there is none."""
        return next(iter(self.rows(statement, *values)), None)

    def run(self, statement: str, *values: Any) -> int:
        """Carry out a statement; the number of the row it has inserted last."""
        with self._lock:
            return self._connection.execute(statement, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is done inside one change, or none when it fails."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
