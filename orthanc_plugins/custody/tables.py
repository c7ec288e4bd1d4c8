"""Tables of the custodian's in files of SQLite: private, on disk once changed, safe for several processes."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from orthanc_plugins.custody.keys import is_project
from orthanc_plugins.errors import CustodyError
from orthanc_plugins.private_files import check_private, destroy, private_folder, write_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WAIT_S = 30.0
_ORIGIN = "CREATE TABLE IF NOT EXISTS origin (project TEXT NOT NULL, key_id TEXT NOT NULL) STRICT"


def table_path(folder: Path, project: str, kind: str) -> Path:
    """Return the file of a project's table.

    Raises
    ------
    CustodyError
        The name is none of a project.
    """
    if not is_project(project):
        raise CustodyError("A project's name has letters, digits, - and _, at most 64; this one has not.")
    return folder / f"{project}.{kind}.sqlite"


def create_table(path: Path, project: str, key_id: str, schema: str) -> None:
    """Make a project's table, bound to the key its content comes from; one that is there stays as it is.

    Raises
    ------
    CustodyError
        It cannot be made, or the one that is there is of another project or key.
    """
    with _faults_of(path):
        private_folder(path.parent)
        write_once(path, b"")
    with changing(path) as table:
        table.execute(_ORIGIN)
        table.execute(schema)
        if table.execute("SELECT count(*) FROM origin").fetchone() == (0,):
            table.execute("INSERT INTO origin VALUES (?, ?)", (project, key_id))
    check_origin(path, project, key_id)


def check_origin(path: Path, project: str, key_id: str) -> None:
    """See that a table is there and of this project and key.

    Raises
    ------
    CustodyError
        It is not; a new one in its place would forget whom it knew.
    """
    with reading(path) as table:
        origin = table.execute("SELECT project, key_id FROM origin").fetchall()
    if origin != [(project, key_id)]:
        raise CustodyError(f"{path} was made for another project or key; restore the right one.")


def destroy_table(path: Path) -> None:
    """Destroy a table for good; none is no error.

    Raises
    ------
    CustodyError
        It is still there.
    """
    try:
        for file in (path, path.with_name(f"{path.name}-journal")):
            destroy(file)
    except OSError as error:
        raise CustodyError(f"{path} is still there; remove it: {error}") from error


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a table that is there."""
    with _faults_of(path):
        check_private(path)
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None)) as table:
            table.execute("PRAGMA synchronous = FULL")
            table.execute("PRAGMA secure_delete = ON")
            yield table


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection while nobody else changes the table; changes are kept whole or not at all."""
    with reading(path) as table:
        table.execute("BEGIN IMMEDIATE")
        try:
            yield table
        except BaseException:
            table.execute("ROLLBACK")
            raise
        table.execute("COMMIT")


@contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise CustodyError(f"{path} is missing; restore it, or create it for a new project.") from error
    except (OSError, sqlite3.Error) as error:
        raise CustodyError(f"{path} cannot be used: {error}") from error
