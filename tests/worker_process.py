"""The suite's worker as a process of its own, which can be killed and started again."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class WorkerProcess:
    """A worker of a configuration; what it says in all its lives is in one log.

    Parameters
    ----------
    configuration
        File with the section ``PacsSuite``; the log stands beside it.
    """

    def __init__(self, configuration: Path) -> None:
        self._environment = os.environ | {"PACS_SUITE_CONFIGURATION": str(configuration)}
        self._log = configuration.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "orthanc_plugins.worker"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")
