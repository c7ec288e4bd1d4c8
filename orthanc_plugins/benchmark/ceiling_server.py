"""A server that does nothing but answer: what the client reaches against it is the client's own ceiling.

``python -m orthanc_plugins.benchmark.ceiling_server`` reads one line of JSON from standard input, writes one
line of JSON with its ports, and serves on loopback until its standard input closes. The line holds

``answers``
    Prefixes of paths, each with the ``bytes`` of its answer, or with the ``parts`` of a multipart one and the
    ``bytes`` of each. The longest prefix counts; what has none is answered ``[]``.
``dicom``
    Whether it takes C-STORE as well.

It is a process of its own, so that it does not share the client's interpreter.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BOUNDARY = "ceiling-5f0c2d1b"

_HEAD_END = b"\r\n\r\n"
_BUFFER_BYTES = 1 << 20
_LOOPBACK = "127.0.0.1"
_WAITING = 128
_CT_IMAGES, _EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class _Canned:
    """An answer that is made once: its head, and pieces that are sent one after the other."""

    head: bytes
    piece: bytes
    times: int
    end: bytes

    def send(self, connection: socket.socket) -> None:
        connection.sendall(self.head)
        for _ in range(self.times):
            connection.sendall(self.piece)
        connection.sendall(self.end)


def canned(size: int, parts: int | None) -> _Canned:
    """Return an answer of so many bytes, or of so many parts of so many bytes each."""
    if parts is None:
        return _Canned(_head("application/dicom+json", size), bytes(size), 1, b"")
    piece = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + bytes(size) + b"\r\n"
    end = f"--{BOUNDARY}--\r\n".encode()
    media_type = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    return _Canned(_head(media_type, parts * len(piece) + len(end)), piece, parts, end)


def _head(media_type: str, size: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {size}\r\n\r\n".encode()


_NOTHING = _Canned(_head("application/dicom+json", 2), b"[]", 1, b"")


class CeilingServer:
    """Answers requests on loopback, each connection on a thread of its own.

    Parameters
    ----------
    answers
        By prefix of the path.
    """

    def __init__(self, answers: Mapping[str, _Canned]) -> None:
        self._answers = sorted(answers.items(), key=lambda answer: -len(answer[0]))
        self._socket = socket.create_server((_LOOPBACK, 0), backlog=_WAITING)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def serve(self) -> None:
        """Take connections until the process ends."""
        while True:
            connection, _ = self._socket.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        buffer = bytearray(_BUFFER_BYTES)
        with connection:
            try:
                while (path := _read_request(connection, buffer)) is not None:
                    self._answer(path).send(connection)
            except OSError:
                return  # the client has gone

    def _answer(self, path: str) -> _Canned:
        return next((answer for prefix, answer in self._answers if path.startswith(prefix)), _NOTHING)


def _read_request(connection: socket.socket, buffer: bytearray) -> str | None:
    """Read a request to the end of its body, and return its path; None when the connection was closed."""
    received = b""
    while _HEAD_END not in received:
        length = connection.recv_into(buffer)
        if not length:
            return None
        received += buffer[:length]
    head, _, begun = received.partition(_HEAD_END)
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    left = int(headers.get("content-length", "0")) - len(begun)
    while left > 0:
        length = connection.recv_into(buffer, min(left, len(buffer)))
        if not length:
            return None
        left -= length
    return lines[0].split(" ")[1]


def take_c_store() -> int:
    """Take C-STORE on a free port, let go what comes, and return the port."""
    from pynetdicom import AE, evt  # noqa: PLC0415 - where it is asked for alone
    from pynetdicom.presentation import build_context  # noqa: PLC0415 - likewise

    entity = AE("CEILING")
    server = entity.start_server(
        (_LOOPBACK, 0),
        block=False,
        contexts=[build_context(_CT_IMAGES, _EXPLICIT_LITTLE_ENDIAN)],
        evt_handlers=[(evt.EVT_C_STORE, lambda _: 0)],
    )
    assert server is not None
    return int(server.server_address[1])


def main() -> int:
    """Serve until standard input closes."""
    asked = json.loads(sys.stdin.readline())
    answers = {prefix: canned(one["bytes"], one.get("parts")) for prefix, one in asked["answers"].items()}
    server = CeilingServer(answers)
    threading.Thread(target=server.serve, daemon=True).start()
    ports = {"http": server.port, "dicom": take_c_store() if asked["dicom"] else None}
    sys.stdout.write(f"{json.dumps(ports)}\n")
    sys.stdout.flush()
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
