"""What goes wrong between the suite and an archive, on demand; in threads, on free ports of the loopback.

``scripted_archive("qido_204")`` plays recorded answers (`scripted_archive`); ``faulty_proxy(url)`` stands
before a real archive and does to chosen requests what a `Fault` says; ``faulty_wire(port)`` passes bytes on
to a DICOM port and cuts or stops them::

    with faulty_proxy(standin.url) as proxy:
        proxy.faults.append(Fault(method="POST", path=r"/studies$", lose_answer=True, times=1))
        archive = Dcm4cheeArchive(proxy.url, …)

Faults: ``status`` (503, 507, …), ``drop_answer_after``/``drop_request_after`` so many bytes, ``delay_s``,
``lose_answer`` (done, but the answer never comes), ``pretend_stored`` (200 to STOW, nothing passed on),
``refuse_stored`` (every instance fails with this FailureReason, such as 0xA700), ``count`` (what ``/count``
says), ``edit`` (any change of the body of an answer). For an archive that does not listen it says 502.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydicom import dcmread

from tests.fakes.scripted_archive import (
    Asked,
    Exchange,
    ScriptedArchive,
    dicom_file,
    scripted_archive,
    shut,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "Asked",
    "Exchange",
    "Fault",
    "FaultyProxy",
    "FaultyWire",
    "ScriptedArchive",
    "dicom_file",
    "faulty_proxy",
    "faulty_wire",
    "scripted_archive",
]

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host", "accept-encoding"}
_STEP = 1 << 16


@dataclass
class Fault:
    """What happens to requests of a method whose path (without the query) matches.

    The first ``after`` of them go well, the next ``times`` go wrong; None is for ever. What can go wrong
    stands at the top of the module.
    """

    method: str | None = None
    path: str = ""
    after: int = 0
    times: int | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    drop_request_after: int | None = None
    drop_answer_after: int | None = None
    lose_answer: bool = False
    pretend_stored: bool = False
    refuse_stored: int | None = None
    count: int | None = None
    edit: Callable[[bytes], bytes] | None = None
    happened: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Return whether this request goes wrong, and count it."""
        if self.method not in {None, method} or re.search(self.path, path.partition("?")[0]) is None:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None and self.happened >= self.times:
            return False
        self.happened += 1
        return True


@contextmanager
def faulty_proxy(url: str, *faults: Fault) -> Iterator[FaultyProxy]:
    """Stand before an archive of which any address is given; without faults everything passes."""
    proxy = FaultyProxy(url, list(faults))
    try:
        yield proxy
    finally:
        proxy.close()


class FaultyProxy:
    """A reverse proxy; ``faults`` may be changed at any time, ``requests`` are all lines that came."""

    def __init__(self, url: str, faults: list[Fault]) -> None:
        self.faults = faults
        self.requests: list[str] = []
        self.ends = threading.Event()
        self._target = urlsplit(url)
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        """The address given, by way of the proxy."""
        return f"http://127.0.0.1:{self._server.server_port}{self._target.path}"

    def close(self) -> None:
        self.ends.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=60)

    def fault(self, method: str, path: str) -> Fault:
        """Return what goes wrong with a request; nothing, when no fault strikes."""
        with self._lock:
            self.requests.append(f"{method} {path}")
            return next((one for one in self.faults if one.strikes(method, path)), Fault())


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let clients go: whatever else a handler fails of is printed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = _STEP
    disable_nagle_algorithm = True
    proxy: FaultyProxy

    def handle_any(self) -> None:
        fault = self.proxy.fault(self.command, self.path)
        if fault.drop_request_after is not None:
            self.rfile.read(fault.drop_request_after)
            self._hang_up()
            return
        body = self._body()
        if fault.delay_s:
            self.proxy.ends.wait(fault.delay_s)
        if fault.status is not None:
            self._say(fault.status, fault.headers, fault.body)
        elif fault.pretend_stored or fault.refuse_stored is not None:
            self._answer_stow(body, fault)
        else:
            self._pass_on(body, fault)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the library's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _pass_on(self, body: bytes, fault: Fault) -> None:
        connection = self.proxy.connect()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            connection.request(self.command, self.path, body=body, headers=headers)
        except ConnectionError:
            self._say(502, {}, b"")
            return
        with connection.getresponse() as answer:
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            if fault.lose_answer:
                answer.read()
                self._hang_up()
            elif fault.edit is not None or fault.count is not None:
                content = (
                    answer.read() if fault.count is None else json.dumps({"count": fault.count}).encode()
                )
                self._say(answer.status, kept, fault.edit(content) if fault.edit else content)
            else:
                self._relay(answer, kept, fault.drop_answer_after)
        connection.close()

    def _relay(
        self, answer: http.client.HTTPResponse, headers: Mapping[str, str], drop_after: int | None
    ) -> None:
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        if answer.status == 204:
            self.end_headers()
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        passed = 0
        while piece := answer.read(_STEP):
            if drop_after is not None and passed + len(piece) > drop_after:
                piece = piece[: drop_after - passed]
                self.wfile.write(f"{len(piece) + 1:x}\r\n".encode() + piece)
                self._hang_up()
                return
            passed += len(piece)
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _answer_stow(self, body: bytes, fault: Fault) -> None:
        """Answer as if the instances had been stored, or refused, without the archive seeing them."""
        items = [_reference(part) for part in _stow_parts(body)]
        if fault.refuse_stored is None:
            self._say(200, _JSON, json.dumps({"00081199": {"vr": "SQ", "Value": items}}).encode())
            return
        for item in items:
            item["00081197"] = {"vr": "US", "Value": [fault.refuse_stored]}
        self._say(409, _JSON, json.dumps({"00081198": {"vr": "SQ", "Value": items}}).encode())

    def _say(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        shut(self.connection)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


_JSON = {"Content-Type": "application/dicom+json"}


def _stow_parts(body: bytes) -> Iterator[bytes]:
    boundary = body[: body.index(b"\r\n")]
    for part in body.split(boundary)[1:-1]:
        yield part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")


def _reference(file: bytes) -> dict[str, Any]:
    meta = dcmread(io.BytesIO(file), stop_before_pixels=True).file_meta
    return {
        "00081150": {"vr": "UI", "Value": [str(meta.MediaStorageSOPClassUID)]},
        "00081155": {"vr": "UI", "Value": [str(meta.MediaStorageSOPInstanceUID)]},
    }


@contextmanager
def faulty_wire(port: int, tls: ssl.SSLContext | None = None) -> Iterator[FaultyWire]:
    """Pass bytes on to a port of the loopback; with a context, TLS is spoken as far as the wire."""
    wire = FaultyWire(port, tls)
    try:
        yield wire
    finally:
        wire.close()


class FaultyWire:
    """A plain wire to a port, for C-STORE.

    ``cut_after`` closes a connection when so many bytes went towards the port, and is then None again;
    ``stalled`` passes nothing on while it is set. ``connections`` counts them.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.cut_after: int | None = None
        self._tls = tls
        self.stalled = False
        self.connections = 0
        self._target = port
        self._ends = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._open: list[socket.socket] = []
        self._threads[0].start()

    @property
    def port(self) -> int:
        port: int = self._server.getsockname()[1]
        return port

    def close(self) -> None:
        self._ends.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for one in self._open:
            shut(one)
        for thread in self._threads[1:]:
            thread.join()
        for one in self._open:
            one.close()
        self._server.close()

    def _accept(self) -> None:
        while not self._ends.is_set():
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            if self._tls is not None:
                try:
                    near = self._tls.wrap_socket(near, server_side=True)
                except OSError:
                    near.close()
                    continue  # the client did not trust it
            far = socket.create_connection(("127.0.0.1", self._target))
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open += [near, far]
            for ends in ((near, far, True), (far, near, False)):
                thread = threading.Thread(target=self._carry, args=ends)
                self._threads.append(thread)
                thread.start()

    def _carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        passed = 0
        try:
            while piece := source.recv(_STEP):
                passed += len(piece)
                if counted and self.cut_after is not None and passed >= self.cut_after:
                    self.cut_after = None
                    break
                if self.stalled:
                    self._ends.wait()
                    break
                sink.sendall(piece)
        except OSError:
            pass  # one end has gone
        shut(source)
        shut(sink)
