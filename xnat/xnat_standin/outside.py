"""What goes round the application: its name in every answer, equal prefixes, and connections that are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Message, Receive, Scope, Send

NAME = "XNAT stand-in"
_EQUAL = (("/REST/", "/data/"), ("/data/archive/projects", "/data/projects"))
_EQUAL_OBJECTS = ("experiments", "subjects")


class Outside:
    """The outermost layer; it must be what uvicorn calls, or it cannot cut a connection."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = same_path(scope["path"])
        fault = self._app.state.xnat.faults.take("cut", f"{scope['method']} {path}")
        hear = _Cut(receive, send, fault.size).receive if fault else receive
        await self._app({**scope, "path": path, "raw_path": path.encode()}, hear, _named(send))


def same_path(path: str) -> str:
    """Return the path under which what is asked for is known here.

    >>> same_path("/REST/projects"), same_path("/data/archive/projects/P")
    ('/data/projects', '/data/projects/P')
    """
    for prefix, known in _EQUAL:
        if path.startswith(prefix):
            path = known + path[len(prefix) :]
    for name in _EQUAL_OBJECTS:
        if path.startswith(f"/data/archive/{name}"):
            path = "/data/" + path.removeprefix("/data/archive/")
    return path


def _named(send: Send) -> Send:
    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message["headers"] if pair[0].lower() != b"server"]
            message = {**message, "headers": [*headers, (b"server", NAME.encode())]}
        await send(message)

    return named


class _Cut:
    """Ends the connection after some bytes of a body, as a failing network does."""

    def __init__(self, receive: Receive, send: Send, size: int) -> None:
        self._receive = receive
        self._send = send
        self._left = size

    async def receive(self) -> Message:
        """Return what comes in until it is cut."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left <= 0:
            # uvicorn's `send` is a method of the request's cycle; ASGI itself has no way to abort.
            self._send.__self__.transport.abort()  # type: ignore[attr-defined]
            return {"type": "http.disconnect"}
        return message
