"""Asking Orthanc: plain HTTP/1.1 over a connection of its own for each question.

An HTTP client takes longer over each byte and each question than Orthanc does; here bytes go through as they
come, and no connection can have been closed meanwhile by the other side.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dcm4chee.standin.media import media_type

if TYPE_CHECKING:
    from asyncio import StreamReader
    from collections.abc import AsyncIterator, Mapping

CHUNK_BYTES = 1024 * 1024
_END_BYTES = 256
"""How much of the end of an answer is kept, to see its closing delimiter."""


class OrthancSilentError(Exception):
    """Orthanc gives no answer, or not all of one."""


@dataclass(frozen=True)
class Answer:
    """An answer whose body is still to come; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    _reader: StreamReader

    @property
    def content_type(self) -> str:
        """Content-Type, as Orthanc gives it."""
        return self.headers.get("content-type", "application/octet-stream")

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces of at most `CHUNK_BYTES`.

        Raises
        ------
        OrthancSilentError
            It ends early: Orthanc says how long a body is, or it is multipart and has an end.
        """
        told = self.headers.get("content-length")
        left, end = (int(told) if told else None), b""
        while left != 0:
            chunk = await self._read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
            if not chunk:
                break
            left = None if left is None else left - len(chunk)
            end = (end + chunk[-_END_BYTES:])[-_END_BYTES:]
            yield chunk
        boundary = media_type(self.content_type).parameters.get("boundary")
        if left != 0 and (boundary is None or f"--{boundary}--".encode() not in end):
            raise OrthancSilentError("Orthanc's answer ended early")

    async def content(self) -> bytes:
        """Return the whole body."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def _read(self, count: int) -> bytes:
        try:
            return await self._reader.read(count)
        except OSError as error:
            raise OrthancSilentError("Orthanc's answer broke off") from error


@asynccontextmanager
async def asking(
    root: str,
    method: str,
    path: str,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Answer]:
    """Ask Orthanc; the connection is closed at the end.

    Parameters
    ----------
    root
        Address of Orthanc, such as ``http://127.0.0.1:8043``.

    Raises
    ------
    OrthancSilentError
        It does not answer, or with no HTTP.
    """
    address = urlsplit(root)
    try:
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=CHUNK_BYTES)
    except OSError as error:
        raise OrthancSilentError("Orthanc does not answer") from error
    try:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {address.netloc}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(content)}"] if content is not None else []
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (content or b""))
        yield await _answer(reader)
    finally:
        writer.close()


async def _answer(reader: StreamReader) -> Answer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
        raise OrthancSilentError("Orthanc gave no answer") from error
    first, *lines = head.decode("latin-1").splitlines()
    words = first.split(None, 2)
    if len(words) < 2 or not words[1].isdigit():  # noqa: PLR2004 - version and status
        raise OrthancSilentError("Orthanc gave no HTTP")
    pairs = (line.partition(":") for line in lines if line)
    return Answer(
        HTTPStatus(int(words[1])), {name.lower(): value.strip() for name, _, value in pairs}, reader
    )
