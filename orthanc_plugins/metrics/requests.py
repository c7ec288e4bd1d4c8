"""How many requests the routes have answered, and how fast."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    type Message = MutableMapping[str, Any]
    type Receive = Callable[[], Awaitable[Message]]
    type Send = Callable[[Message], Awaitable[None]]
    type Application = Callable[[Message, Receive, Send], Awaitable[None]]

REGISTRY = CollectorRegistry()
"""What this process has counted."""

_REQUESTS = Counter(
    "pacs_api_requests",
    "Requests answered, by route and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
_LATENCY = Histogram(
    "pacs_api_request_duration_seconds",
    "Seconds until a request was answered.",
    ["method", "route"],
    registry=REGISTRY,
)


class RequestMetrics:
    """ASGI middleware that counts requests by route template, never by the address asked for."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "500"

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, noting_status)
        finally:
            route = _template(scope)
            _REQUESTS.labels(scope["method"], route, status).inc()
            _LATENCY.labels(scope["method"], route).observe(time.perf_counter() - began)


def _template(scope: Message) -> str:
    """Return the template of the route that answered, as the OpenAPI document has it.

    A route of an included router knows its own part of the template only; what stands before it is the
    beginning of the path asked for, the same for every request of this route.
    """
    own = getattr(scope.get("route"), "path", None)
    if own is None:
        return "unknown"
    asked = scope["path"].removeprefix(scope.get("root_path", ""))
    before = asked.split("/")[: -own.count("/")]
    return "/".join(before) + str(own)
