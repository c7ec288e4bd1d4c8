"""The application the bridge's contract tests mount, in the fake and in the real Orthanc: plain ASGI."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

LARGE = 12 * 1024 * 1024
"""Bytes of an answer that is streamed."""

CHUNK = bytes(range(256)) * 1024


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Do what the last part of the path says."""
    route = scope["path"].removeprefix(scope["root_path"]).strip("/").partition("/")[0]
    await ROUTES.get(route, not_found)(scope, receive, send)


async def answer(
    send: Any, status: int, body: bytes = b"", media_type: str = "application/json", **headers: str
) -> None:
    named = {"content-type": media_type, "content-length": str(len(body)), **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def read(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = await read(receive)
    told = {
        "method": scope["method"],
        "path": scope["path"],
        "root_path": scope["root_path"],
        "query": dict(parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True)),
        "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        "body": list(body) if len(body) < 1000 else len(body),
    }
    await answer(send, 200, json.dumps(told).encode(), x_told="yes", accept_ranges="bytes")


async def large(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"application/x-large"), (b"x-told", b"yes")]
    if not scope["path"].endswith("unknown"):
        headers.append((b"content-length", str(LARGE).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(LARGE // len(CHUNK)):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def status(scope: Any, receive: Any, send: Any) -> None:
    code = int(scope["path"].rpartition("/")[2])
    body = b"" if code == 204 else json.dumps({"status": code}).encode()
    await answer(send, code, body, "application/problem+json", x_told="yes")


async def redirect(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, 307, location="/pacs/echo")


async def not_allowed(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, 405, b"{}", allow="GET, POST")


async def raises(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("DOE^JOHN")


async def breaks_off(scope: Any, receive: Any, send: Any) -> None:
    size = LARGE if scope["path"].endswith("large") else 100
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", str(2 * size).encode())],
        }
    )
    for _ in range(max(1, size // len(CHUNK))):
        await send({"type": "http.response.body", "body": CHUNK[:size], "more_body": True})
    raise ValueError("DOE^JOHN")


async def slow(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.3)
    await answer(send, 200, b"{}")


async def for_ever(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


async def not_found(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, 404, b"{}", "application/problem+json")


ROUTES = {
    "echo": echo,
    "large": large,
    "status": status,
    "redirect": redirect,
    "not-allowed": not_allowed,
    "raises": raises,
    "breaks-off": breaks_off,
    "slow": slow,
    "for-ever": for_ever,
}
