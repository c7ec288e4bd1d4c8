"""Ports that are free, and waiting for what gives no event to wait for."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def eventually[T](look: Callable[[], T], what: str, within_s: float = 30.0) -> T:
    """Return the first true value; for what gives no event to wait for."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"Not within {within_s:.0f} s: {what}."
        time.sleep(0.02)
    return found
