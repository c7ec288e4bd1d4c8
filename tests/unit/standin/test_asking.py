"""What comes from Orthanc is whole, or an error."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from dcm4chee.standin.asking import OrthancSilentError, asking

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

MULTIPART = b"Content-Type: multipart/related; boundary=x\r\n\r\n"


def answered(answer: bytes) -> bytes:
    """Return what is read from a server that answers so and closes."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async def ask() -> bytes:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with asking(f"http://127.0.0.1:{port}", "GET", "/studies") as found:
                return await found.content()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\n" + MULTIPART + b"--x\r\n\r\na\r\n--x--\r\n", b"--x\r\n\r\na\r\n--x--\r\n"),
    ],
)
def test_a_whole_answer_is_read(answer: bytes, content: bytes) -> None:
    assert answered(answer) == content


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\n" + MULTIPART + b"--x\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nwho knows where it ends",
    ],
)
def test_an_answer_that_ends_early_is_an_error(answer: bytes) -> None:
    with pytest.raises(OrthancSilentError):
        answered(answer)


def test_nobody_there_is_an_error() -> None:
    async def ask() -> None:
        async with asking("http://127.0.0.1:1", "GET", "/"):
            pass

    with pytest.raises(OrthancSilentError):
        asyncio.run(ask())
