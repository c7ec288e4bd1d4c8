"""``multipart/related`` (RFC 2387) read while it comes and written while it goes.

Read strictly, as dcm4chee's ``MultipartParser`` does: lines end with CR LF, and the end must be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.parser import BytesParser
from typing import TYPE_CHECKING

from dcm4chee.standin.media import media_type

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from dcm4chee.standin.media import MediaType

_LONGEST_HEADERS = 64 * 1024


class UnfinishedError(Exception):
    """The body ends, or goes on for too long, before what must come has come."""


@dataclass(frozen=True)
class Part:
    """One part."""

    media_type: MediaType
    content: bytes


async def parts_of(body: AsyncIterable[bytes], boundary: str) -> AsyncIterator[Part]:
    """Yield the parts of a body, one of which is in memory at a time.

    Raises
    ------
    UnfinishedError
        The body ends before the closing delimiter.
    """
    source = _Source(body)
    delimiter = b"\r\n--" + boundary.encode("latin-1")
    source.put_before(b"\r\n")
    await source.until(delimiter)
    while (await source.take(2)) != b"--":
        headers = await source.until(b"\r\n\r\n", at_most=_LONGEST_HEADERS)
        content = await source.until(delimiter)
        told = BytesParser().parsebytes(headers + b"\r\n\r\n", headersonly=True)
        yield Part(media_type(told.get("Content-Type", "text/plain")), content)


class _Source:
    """A body from which bytes are taken up to something that is looked for."""

    def __init__(self, body: AsyncIterable[bytes]) -> None:
        self._chunks = aiter(body)
        self._held = bytearray()

    def put_before(self, content: bytes) -> None:
        """Put bytes before all others, so that the first delimiter is like the rest."""
        self._held[:0] = content

    async def take(self, count: int) -> bytes:
        """Return the next bytes."""
        while len(self._held) < count:
            await self._more()
        return self._cut(count, 0)

    async def until(self, end: bytes, at_most: int | None = None) -> bytes:
        """Return what comes before some bytes, and leave these behind."""
        searched = 0
        while (place := self._held.find(end, searched)) < 0:
            searched = max(0, len(self._held) - len(end) + 1)
            if at_most is not None and len(self._held) > at_most:
                raise UnfinishedError
            await self._more()
        return self._cut(place, len(end))

    async def _more(self) -> None:
        try:
            self._held += await anext(self._chunks)
        except StopAsyncIteration:
            raise UnfinishedError from None

    def _cut(self, count: int, left_behind: int) -> bytes:
        content = bytes(self._held[:count])
        del self._held[: count + left_behind]
        return content
