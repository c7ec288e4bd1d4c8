"""A PostgreSQL server of the tests' own."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from scripts.lib.render import PLUGIN_FOLDER
from tests.contract.waiting import eventually, free_port

USER = "pacs"
_INDEX_PLUGIN = str(PLUGIN_FOLDER / "libOrthancPostgreSQLIndex.so")


class Postgres:
    """A PostgreSQL server on loopback with its data in a folder that its user can reach.

    Unless it is ``durable``, it does not care whether they outlive the machine's end.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        # PostgreSQL refuses to run as root.
        self._user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self._user:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self.port = free_port()
        self._stop = signal.SIGINT if durable else signal.SIGQUIT
        self._log = (folder / "log").open("ab")
        if not (folder / "data").exists():
            how = ("-U", USER, "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
            self._run("initdb", "-D", str(folder / "data"), *how)
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "fsync": "on" if durable else "off",
            "max_connections": "60",
            "shared_buffers": "16MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._server = subprocess.Popen(
            [str(self._programs / "postgres"), "-D", str(folder / "data"), "-p", str(self.port), *options],
            stdout=self._log,
            stderr=self._log,
            **self._user,
        )
        self._admin = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        eventually(self._answers, "PostgreSQL answers")

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str = "") -> str:
        """Make an empty database, of a name of its own when none is given, and return its address."""
        name = name or f"test_{uuid.uuid4().hex}"
        with self._admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return self.url(name)

    def database(self, name: str) -> str:
        """Return the address of a database; it is made when it is not there."""
        with self._admin.connect() as connection:
            there = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
        return self.url(name) if there else self.new_database(name)

    def orthanc_index(self, database: str, **options: Any) -> dict[str, Any]:
        """Return what Orthanc is told to keep its index in a database, which is made when it is not there.

        ``options`` go into the plugin's section of Orthanc's configuration.
        """
        self.database(database)
        section = {
            "EnableIndex": True,
            "Host": "127.0.0.1",
            "Port": self.port,
            "Database": database,
            "Username": USER,
        }
        return {"Plugins": [_INDEX_PLUGIN], "PostgreSQL": section | options}

    def close(self) -> None:
        self._admin.dispose()
        self._server.send_signal(self._stop)
        self._server.wait(20)
        self._log.close()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, stdout=self._log, stderr=self._log, cwd="/", **self._user)

    def _answers(self) -> bool:
        assert self._server.poll() is None, (self._folder / "log").read_text(encoding="utf-8")
        try:
            self._admin.connect().close()
        except OperationalError:
            return False
        return True
