"""Reading much from Orthanc: plain HTTP/1.1 over a socket, so that bytes go through as they come.

An HTTP client in Python takes longer over each byte than Orthanc does; what goes through here by the hundred
megabytes is not looked at.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.parser import BytesParser
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from dcm4chee.standin.media import media_type

if TYPE_CHECKING:
    from asyncio import StreamReader
    from collections.abc import AsyncIterator
    from email.message import Message

CHUNK_BYTES = 1024 * 1024
_LONGEST_HEAD = 64 * 1024


@dataclass(frozen=True)
class Bulk:
    """An answer whose body is still to come."""

    status: int
    headers: Message
    _reader: StreamReader

    @property
    def content_type(self) -> str:
        """Content-Type, as Orthanc gives it."""
        return str(self.headers.get("Content-Type", "application/octet-stream"))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces of at most `CHUNK_BYTES`.

        Raises
        ------
        httpx.RemoteProtocolError
            It ends early: Orthanc's own body says how long it is, or is multipart and has an end.
        """
        left = int(self.headers["Content-Length"]) if "Content-Length" in self.headers else None
        tail = b""
        while left != 0:
            chunk = await self._reader.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
            if not chunk:
                break
            left = None if left is None else left - len(chunk)
            tail = (tail + chunk)[-256:] if len(chunk) < 256 else chunk[-256:]  # noqa: PLR2004
            yield chunk
        boundary = media_type(self.content_type).parameters.get("boundary")
        is_whole = left == 0 or (left is None and boundary is not None and f"--{boundary}--".encode() in tail)
        if not is_whole:
            raise httpx.RemoteProtocolError("Orthanc's answer ended early")

    async def content(self) -> bytes:
        """Return the whole body."""
        return b"".join([chunk async for chunk in self.chunks()])


@asynccontextmanager
async def bulk(root: str, path: str, accept: str = "*/*") -> AsyncIterator[Bulk]:
    """Ask Orthanc for something large; the connection is closed at the end.

    Raises
    ------
    httpx.ConnectError, httpx.RemoteProtocolError
        Orthanc does not answer, or with no HTTP.
    """
    address = urlsplit(root)
    host, port = str(address.hostname), int(address.port or 80)
    try:
        reader, writer = await asyncio.open_connection(host, port, limit=CHUNK_BYTES)
    except OSError as error:
        raise httpx.ConnectError("Orthanc does not answer") from error
    try:
        lines = (f"GET {path} HTTP/1.1", f"Host: {host}:{port}", f"Accept: {accept}", "Connection: close")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        yield await _head(reader)
    finally:
        writer.close()


async def _head(reader: StreamReader) -> Bulk:
    try:
        first = await reader.readuntil(b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
        raise httpx.RemoteProtocolError("Orthanc gave no answer") from error
    words = first.split(None, 2)
    if len(words) < 2 or not words[1].isdigit() or len(head) > _LONGEST_HEAD:  # noqa: PLR2004 - version, status
        raise httpx.RemoteProtocolError("Orthanc gave no HTTP")
    return Bulk(HTTPStatus(int(words[1])), BytesParser().parsebytes(head, headersonly=True), reader)
