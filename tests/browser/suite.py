"""The suite as it is really served: Orthanc, nginx and OHIF on free ports of loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.lib.render import Deployment, Ports, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

STORESCU = "/usr/bin/storescu"
"""DCMTK's; the test environment has another program of this name in front."""

_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Suite:
    """A running suite and the addresses it answers at."""

    ports: Ports

    @property
    def front(self) -> str:
        """The origin of the API and its documentation."""
        return f"http://localhost:{self.ports.front}"

    @property
    def ohif(self) -> str:
        """The origin of OHIF."""
        return f"http://localhost:{self.ports.ohif}"

    def answer(self, path: str) -> Any:
        """Return what a route of the API answers, as soon as it answers with success."""
        return json.loads(_successful(f"{self.front}{path}"))

    def receive(self, *paths: Path) -> None:
        """Send files and folders over DICOM, as a modality does."""
        target = ["127.0.0.1", str(self.ports.dicom)]
        subprocess.run([STORESCU, "+sd", "+r", *target, *map(str, paths)], check=True, timeout=60)


@contextmanager
def running_suite(data: Path, orthanc: Mapping[str, Any] | None = None) -> Iterator[Suite]:
    """Run the suite with all its state in a folder; ``orthanc`` is merged over its configuration."""
    ports = free_ports()
    deployment = Deployment(data=data, ports=ports, orthanc=orthanc or {})
    render(deployment)
    orthanc_command = ["/usr/sbin/Orthanc", str(deployment.orthanc_json)]
    nginx_command = ["/usr/sbin/nginx", "-e", "stderr", "-c", str(deployment.run / "nginx.conf")]
    with (
        _running(nginx_command, deployment.logs / "nginx.log") as nginx,
        _running(orthanc_command, deployment.logs / "orthanc.log") as server,
    ):
        suite = Suite(ports)
        try:
            _successful(
                f"{suite.front}/pacs/api/health", lives=lambda: server.poll() is None and nginx.poll() is None
            )
        except TimeoutError as error:
            for log in deployment.logs.glob("*.log"):
                error.add_note(f"{log}:\n{log.read_text(encoding='utf-8')[-2000:]}")
            raise
        yield suite


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(_STOP_TIMEOUT_S)


def _successful(url: str, lives: Callable[[], bool] = lambda: True) -> bytes:
    """Return what an address answers, asking again until it answers with success."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                body: bytes = answer.read()
                return body
        except OSError as error:
            if not lives() or time.monotonic() > deadline:
                raise TimeoutError(f"{url} gives no result: {error}") from error
        time.sleep(0.1)


def free_ports() -> Ports:
    """Return ports that nothing listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        front, orthanc, dicom, ohif = (one.getsockname()[1] for one in sockets)
    return Ports(front=front, orthanc=orthanc, dicom=dicom, ohif=ohif)
