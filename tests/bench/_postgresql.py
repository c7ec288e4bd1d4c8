"""What Orthanc is told to keep its index in a PostgreSQL of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scripts.lib.render import PLUGINS
from tests.postgresql import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def orthanc_index(folder: Path) -> Iterator[dict[str, Any]]:
    """Run a server whose data lie in a folder that others can reach, and yield Orthanc's keywords for it."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Postgres(folder, durable=True)
    try:
        told = server.orthanc_index("postgres")
        yield {**told, "Plugins": [*PLUGINS, *told["Plugins"]]}
    finally:
        server.close()
