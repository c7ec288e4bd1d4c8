"""A PostgreSQL server of its own, and what Orthanc is told to keep its index there."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.render import PLUGIN_FOLDER, PLUGINS
from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = "postgres"
"""The server refuses to run as root."""
_PROGRAMS = Path("/usr/lib/postgresql")
_STOP_TIMEOUT_S = 40.0


@contextmanager
def orthanc_index(folder: Path) -> Iterator[dict[str, Any]]:
    """Run a server on loopback whose data lie in a folder, and yield Orthanc's keywords for its index.

    The folder must be one that other users can reach.
    """
    programs = max(_PROGRAMS.glob("*/bin"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        shutil.chown(folder, _USER, _USER)
        made = (programs / "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-D", folder)
        subprocess.run(made, check=True, user=_USER, group=_USER, cwd="/", stdout=subprocess.DEVNULL)
    with folder.with_suffix(".log").open("ab") as log:
        server = subprocess.Popen(
            (programs / "postgres", "-D", folder, "-h", "127.0.0.1", "-p", str(port), "-k", ""),
            user=_USER,
            group=_USER,
            cwd="/",
            stdout=log,
            stderr=log,
        )
    try:
        ready = (programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port))
        eventually(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL answers")
        yield {
            "Plugins": [*PLUGINS, str(PLUGIN_FOLDER / "libOrthancPostgreSQLIndex.so")],
            "PostgreSQL": {
                "EnableIndex": True,
                "Host": "127.0.0.1",
                "Port": port,
                "Database": "postgres",
                "Username": _USER,
            },
        }
    finally:
        server.terminate()
        server.wait(_STOP_TIMEOUT_S)
