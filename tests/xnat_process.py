"""XNAT for tests: its stand-in as a process on free ports, all its state in a folder.

``with running_xnat(tmp_path) as xnat:`` gives one; options are those of ``python -m xnat_standin``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from scripts.lib.render import REPOSITORY
from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "site-admin"
_STOP_TIMEOUT_S = 30.0


@dataclass
class XnatProcess:
    """What plays XNAT."""

    folder: Path
    port: int
    dicom_port: int
    options: dict[str, str]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Root of the site."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "xnat.log"

    def start(self) -> None:
        """Start it and wait until it answers; ports and state are those of before."""
        secret = self.folder / "admin"
        secret.write_text(PASSWORD, encoding="utf-8")
        told = {
            "--port": str(self.port),
            "--dicom-port": str(self.dicom_port),
            "--data": str(self.folder / "data"),
            "--admin-password-file": str(secret),
            **self.options,
        }
        words = [word for pair in told.items() for word in pair if word]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "xnat_standin", *words],
                cwd=REPOSITORY / "xnat",
                env=os.environ.copy(),
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, f"{self.url} answers")

    def stop(self) -> None:
        """Stop it as an administrator does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def fault(self, kind: str, **more: Any) -> None:
        """Let something go wrong (`xnat_standin.faults`)."""
        answer = requests.post(f"{self.url}/standin/faults", json={"kind": kind, **more}, timeout=10)
        assert answer.status_code == 201, answer.text

    def no_faults(self) -> None:
        """Let nothing go wrong any more."""
        requests.delete(f"{self.url}/standin/faults", timeout=10)

    def expire_sessions(self) -> None:
        """End all logins."""
        requests.post(f"{self.url}/standin/sessions/expire", timeout=10)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        try:
            return requests.get(f"{self.url}/standin", timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def running_xnat(folder: Path, **options: Any) -> Iterator[XnatProcess]:
    """Run XNAT's stand-in; ``idle_s=1`` is ``--idle-s 1``, ``uninitialised=""`` an option without value."""
    folder.mkdir(parents=True, exist_ok=True)
    words = {f"--{name.replace('_', '-')}": str(value) for name, value in options.items()}
    with ExitStack() as sockets:
        bound = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        port, dicom_port = (one.getsockname()[1] for one in bound)
    xnat = XnatProcess(folder, port, dicom_port, words)
    try:
        xnat.start()
        yield xnat
    finally:
        xnat.stop()
