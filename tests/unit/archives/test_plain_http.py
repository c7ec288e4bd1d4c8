"""Bodies are got whole over connections that are kept, or not at all."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.plain_http import FAILURES, PlainHttp
from tests.fakes.black_holes import never_accepting

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = bytes(range(256)) * 2000


class Server:
    """Answers as it is told; ``answers`` are sent one after the other, None closes the connection instead."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self.answers = answers
        self.connections = 0
        self.requests: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/root/"

    def _serve(self) -> None:
        while self.answers:
            connection, _ = self.socket.accept()
            self.connections += 1
            with connection:
                while self.answers and (request := connection.recv(65536)):
                    self.requests.append(request)
                    answer = self.answers.pop(0)
                    if answer is None:
                        break
                    connection.sendall(answer)
                    if b"Connection: close" in answer:
                        break


@contextmanager
def serving(*answers: bytes | None) -> Iterator[Server]:
    server = Server(list(answers))
    yield server
    server.thread.join(10)
    server.socket.close()


def ok(body: bytes = BODY, *, length: int | None = None, headers: bytes = b"") -> bytes:
    told = str(len(body) if length is None else length).encode()
    return b"HTTP/1.1 200 OK\r\n" + headers + b"Content-Length: " + told + b"\r\n\r\n" + body


def test_bodies_come_whole_over_one_connection_with_the_headers() -> None:
    with serving(ok(), ok(b""), ok()) as server:
        client = PlainHttp(server.url, 5.0, {"Authorization": "token"})
        assert [client.get(path) for path in ("/a", "/b", "/a")] == [BODY, b"", BODY]
    assert server.connections == 1
    assert server.requests[0].startswith(b"GET /root/a HTTP/1.1\r\n")
    assert all(b"Authorization: token\r\n" in request for request in server.requests)


def test_a_connection_that_was_closed_while_it_was_idle_is_made_again() -> None:
    with serving(ok(headers=b"X: Connection: close\r\n"), ok(b"second")) as server:
        client = PlainHttp(server.url, 5.0, {})
        assert client.get("/a") == BODY
        assert client.get("/b") == b"second"
    assert server.connections == 2


def test_a_server_that_closes_a_new_connection_is_asked_once() -> None:
    with serving(None) as server, pytest.raises(http.client.RemoteDisconnected):
        PlainHttp(server.url, 5.0, {}).get("/a")
    assert server.connections == 1


def test_a_body_that_ends_early_is_none() -> None:
    answer = ok(b"part", length=100, headers=b"X: Connection: close\r\n")
    with serving(answer) as server, pytest.raises(http.client.IncompleteRead):
        PlainHttp(server.url, 5.0, {}).get("/a")


def test_any_other_answer_is_no_body() -> None:
    with serving(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", ok()) as server:
        client = PlainHttp(server.url, 5.0, {})
        assert client.get("/a") is None
        assert client.get("/a") == BODY
    assert server.connections == 1


def test_nobody_there_and_no_answer_in_time_are_failures() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(FAILURES):
            PlainHttp(f"http://127.0.0.1:{port}", 0.05, {}).get("/a")
    with pytest.raises(FAILURES):
        PlainHttp(f"http://127.0.0.1:{port}", 5.0, {}).get("/a")


def test_a_connection_that_is_not_made_is_given_up_long_before_an_answer_that_does_not_come() -> None:
    began = time.monotonic()
    with never_accepting() as url, pytest.raises(TimeoutError):
        PlainHttp(url, 30.0, {}, connect_timeout_s=0.1).get("/a")
    assert time.monotonic() - began < 5


def test_an_answer_may_take_longer_than_a_connection() -> None:
    with serving(ok()) as server:
        client = PlainHttp(server.url, 5.0, {}, connect_timeout_s=0.5)
        assert client.get("/a") == BODY
        assert client._idle[0].sock.gettimeout() == 5.0


def test_what_is_no_http_is_a_failure() -> None:
    with serving(b"DICM\x02\x00") as server, pytest.raises(FAILURES):
        PlainHttp(server.url, 1.0, {}).get("/a")
