"""Mounts an ASGI application in Orthanc's REST tree.

What Orthanc's Python plugin passes on decides what a route can be: GET, POST, PUT and DELETE; a query
string on GET only and a body on POST and PUT only; no address of the client. Some builds of Orthanc
decode a query before they part it, others not at all: a value may hold anything but an ampersand.

An answer with another status than 200 always goes out as ``text/plain``, whatever the application says;
its true media type is in the header ``X-Media-Type``, from which a reverse proxy can restore it. Status
405 goes out without a body. HEAD and OPTIONS never come here: Orthanc answers them 404 itself.

A reverse proxy that shows Orthanc's tree below a path of its own says so in ``X-Forwarded-Prefix``; the
application then makes its addresses with that path in front.
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import re
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from orthanc_plugins.logs import describe_exception

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping

    type Message = MutableMapping[str, Any]
    type AsgiApplication = Callable[
        [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
    ]

logger = logging.getLogger(__name__)

BUFFERED_BYTES = 4 * 1024 * 1024
"""A longer body is streamed."""

_STREAM_AHEAD = 16
_PAUSE_S = 0.005
_LOOK_UP_S = 0.2
_GRACE_S = 2.0
_OK = 200
_METHOD_NOT_ALLOWED = 405
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
_FORWARDED_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+){1,8}")
"""A path as a proxy may put it in front: nothing that means something in HTML, and no other host."""
_NOT_PASSED_ON = frozenset(
    {b"accept-ranges", b"content-type", b"content-length", b"date", b"server", b"connection"}
)


class AsgiBridge:
    """Answers Orthanc's REST calls from an ASGI application.

    The application runs on an event loop in a thread of its own; Orthanc's threads hand a request over
    and wait for the answer.

    Parameters
    ----------
    application
        The ASGI application.
    mount
        Where it stands in Orthanc's tree, without a slash at the end.
    """

    def __init__(self, application: AsgiApplication, mount: str) -> None:
        self._application = application
        self._mount = mount
        self._closed = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pacs-asgi", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the event loop; Orthanc's threads that still wait for an answer, and later ones, give 503.

        A thread that went on waiting would keep Orthanc from ending.
        """
        if self._closed.is_set():
            return
        self._closed.set()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(timeout=2 * _GRACE_S)
        if not self._thread.is_alive():
            self._loop.close()

    def answer(self, output: Any, uri: str, **request: Any) -> None:
        """Answer one call of Orthanc's REST API; the signature is that of Orthanc's REST callbacks."""
        exchange = _Exchange(request.get("body") or b"", self._closed)
        if not self._closed.is_set():
            asyncio.run_coroutine_threadsafe(self._run(self._scope(uri, request), exchange), self._loop)
        exchange.write_to(output)

    async def _run(self, scope: Message, exchange: _Exchange) -> None:
        try:
            await self._application(scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the edge: whatever escapes the application becomes an answer
            logger.error("The route %s failed: %s", scope["path"], describe_exception(error))  # noqa: TRY400
        finally:
            await exchange.finish()

    async def _end(self) -> None:
        requests = asyncio.all_tasks() - {asyncio.current_task()}
        for request in requests:
            request.cancel()
        if requests:
            await asyncio.wait(requests, timeout=_GRACE_S)
        self._loop.stop()

    def _scope(self, uri: str, request: Mapping[str, Any]) -> Message:
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in request.get("headers", {}).items()
            if name.lower() != "range"
        ]
        prefix = _forwarded_prefix(headers)
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request["method"],
            "scheme": "http",
            "path": prefix + uri,
            "raw_path": quote(prefix + uri).encode("ascii"),
            "root_path": prefix + self._mount,
            "query_string": _query_string(request.get("get", {})),
            "headers": headers,
            "client": None,
            "server": None,
        }


def _forwarded_prefix(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the path that a proxy says it put in front of Orthanc's tree; nothing when it is not a path."""
    said = dict(headers).get(b"x-forwarded-prefix", b"").decode("latin-1").rstrip("/")
    return said if _FORWARDED_PREFIX.fullmatch(said) else ""


def _query_string(arguments: Mapping[str, str]) -> bytes:
    """Return a query string whose values are encoded once.

    Some builds of Orthanc hand values on decoded, others as they came.
    """
    return "&".join(
        f"{quote(unquote(name))}={quote(unquote(value))}" for name, value in arguments.items()
    ).encode()


@dataclass
class _Exchange:
    """One request and its answer, between the event loop and Orthanc's thread."""

    body: bytes
    closed: threading.Event
    _messages: queue.Queue[Message] = field(default_factory=lambda: queue.Queue(_STREAM_AHEAD))
    _received: bool = False
    _abandoned: bool = False

    async def receive(self) -> Message:
        """Give the application the body, then nothing more until it has answered."""
        if self._received:
            await asyncio.Event().wait()
        self._received = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Take a message of the application."""
        await self._put(message)

    async def finish(self) -> None:
        """Note that the application gives no more messages, whether its answer was whole or not."""
        await self._put({"type": "finished"})

    async def _put(self, message: Message) -> None:
        """Hand a message to Orthanc's thread, waiting while it is behind."""
        while not self._abandoned:
            try:
                self._messages.put_nowait(message)
            except queue.Full:
                await asyncio.sleep(_PAUSE_S)
            else:
                return

    def write_to(self, output: Any) -> None:
        """Write the answer to Orthanc's output as the application gives it."""
        try:
            self._write(output)
        finally:
            self._abandoned = True

    def _write(self, output: Any) -> None:
        start = self._next()
        if start["type"] != "http.response.start":
            self._give_up(output)
            return
        collected = bytearray()
        while True:
            message = self._next()
            if message["type"] != "http.response.body":
                self._give_up(output)
                return
            collected += message.get("body", b"")
            if not message.get("more_body", False):
                _answer(output, start, bytes(collected))
                return
            if len(collected) > BUFFERED_BYTES and start["status"] == _OK:
                self._stream(output, start, bytes(collected))
                return

    def _stream(self, output: Any, start: Message, first: bytes) -> None:
        _set_headers(output, start)
        if length := _header(start, b"content-length"):
            output.SetHttpHeader("Content-Length", length)
        output.StartStreamAnswer(_header(start, b"content-type") or "application/octet-stream")
        output.SendStreamChunk(first)
        more = True
        while more:
            message = self._next()
            if message["type"] != "http.response.body":
                raise RuntimeError("The application ended in the middle of its answer.")
            if body := message.get("body", b""):
                output.SendStreamChunk(body)
            more = message.get("more_body", False)

    def _next(self) -> Message:
        """Return the application's next message; that it gives no more when the bridge was closed."""
        while True:
            try:
                return self._messages.get(timeout=_LOOK_UP_S)
            except queue.Empty:
                if self.closed.is_set():
                    return {"type": "finished"}

    def _give_up(self, output: Any) -> None:
        """Answer for an application that gave no whole answer, of which nothing has been sent."""
        if self.closed.is_set():
            _problem(output, _UNAVAILABLE, "Orthanc is stopping: ask again when it has started.")
        else:
            _problem(output, _SERVER_ERROR, "The suite failed to answer; Orthanc's log tells where.")


def _problem(output: Any, status: int, detail: str) -> None:
    title = HTTPStatus(status).phrase
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    output.SetHttpHeader("X-Media-Type", "application/problem+json")
    output.SendHttpStatus(status, json.dumps(problem).encode())


def _answer(output: Any, start: Message, body: bytes) -> None:
    status = start["status"]
    media_type = _header(start, b"content-type") or "application/octet-stream"
    if status in _REDIRECTIONS:
        output.Redirect(_header(start, b"location") or "/")
        return
    if status == _METHOD_NOT_ALLOWED:
        output.SendMethodNotAllowed(_header(start, b"allow") or "GET")
        return
    _set_headers(output, start)
    if status == _OK:
        output.AnswerBuffer(body, media_type)
        return
    if body:
        output.SetHttpHeader("X-Media-Type", media_type)
    output.SendHttpStatus(status, body)


def _set_headers(output: Any, start: Message) -> None:
    for name, value in start["headers"]:
        if name.lower() not in _NOT_PASSED_ON:
            output.SetHttpHeader(name.decode("latin-1").title(), value.decode("latin-1"))


def _header(start: Message, wanted: bytes) -> str | None:
    for name, value in start["headers"]:
        if name.lower() == wanted:
            return str(value.decode("latin-1"))
    return None
