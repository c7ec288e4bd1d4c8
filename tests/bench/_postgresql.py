"""What Orthanc is told to keep its index in a PostgreSQL of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scripts.lib.render import PLUGIN_FOLDER, PLUGINS
from tests.postgresql import USER, Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


PLUGIN = str(PLUGIN_FOLDER / "libOrthancPostgreSQLIndex.so")


def index_settings(port: int, database: str) -> dict[str, Any]:
    """Return the section ``PostgreSQL`` of Orthanc's configuration for an index on this machine."""
    return {
        "EnableIndex": True,
        "Host": "127.0.0.1",
        "Port": port,
        "Database": database,
        "Username": USER,
    }


@contextmanager
def orthanc_index(folder: Path) -> Iterator[dict[str, Any]]:
    """Run a server whose data lie in a folder that others can reach, and yield Orthanc's keywords for it."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Postgres(folder, durable=True)
    try:
        yield {
            "Plugins": [*PLUGINS, PLUGIN],
            "PostgreSQL": index_settings(server.port, "postgres"),
        }
    finally:
        server.close()
