"""A server in Orthanc's place that answers what a test dictates, and a client of it; the end of SCPs."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives import OrthancRest
from orthanc_plugins.identifiers import OrthancId
from tests.unit.archives.scps import end_scps

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTANCE = OrthancId("6bf20a51-a2f5e4ad-15ee6ff0-d6e7f0a5-1a4d6a14")


def every_exception(root: type[Exception]) -> set[type[Exception]]:
    """Return an exception and all that are derived from it."""
    return {root}.union(*(every_exception(child) for child in root.__subclasses__()))


class Parrot:
    """A server that says what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b'{"Version": "1.12.7"}'
        self.headers: dict[str, str] = {}
        self.silent = False
        self.hangs_up = 0
        self._later: list[bytes] = []
        self._ends = threading.Event()
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        parrot = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16

            def do_GET(self) -> None:
                parrot.answer(self)

            def do_POST(self) -> None:
                parrot.answer(self)

            def do_PUT(self) -> None:
                parrot.answer(self)

            def do_DELETE(self) -> None:
                parrot.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        self.asked.append((request.command, request.path, dict(request.headers), body))
        if self.silent:
            self._ends.wait()
            request.close_connection = True
            return
        if self.hangs_up:
            self.hangs_up -= 1
            request.close_connection = True
            return
        request.send_response(self.status)
        for name, value in {"Content-Length": str(len(self.body)), **self.headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(self.body)
        if self._later:
            self.body = self._later.pop()

    def says(self, content: object) -> None:
        self.body = json.dumps(content).encode()

    def then_says(self, content: object) -> None:
        """Say something else from the second answer on."""
        self._later = [json.dumps(content).encode()]

    def close(self) -> None:
        self._ends.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def parrot() -> Iterator[Parrot]:
    parrot = Parrot()
    yield parrot
    parrot.close()


@pytest.fixture
def client(parrot: Parrot) -> OrthancRest:
    return OrthancRest(parrot.url, timeout_s=5)


@pytest.fixture(scope="module", autouse=True)
def _scps_end() -> Iterator[None]:
    yield
    end_scps()
