"""Bodies of multipart/related (RFC 2387): read from a stream part by part, and written from files.

Of a body that is read, one part is in memory at a time.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from orthanc_plugins.archives.base import DicomFile

_MOST_HEADER_BYTES = 64 * 1024
_LINE_END = b"\r\n"
_HEADERS_END = b"\r\n\r\n"


class BrokenMultipart(Exception):  # noqa: N818 - what it says; it never leaves the archives
    """A body ends too early, or is no multipart/related."""


@dataclass(frozen=True)
class Part:
    """One part; ``headers`` have lower-case names."""

    headers: Mapping[str, str]
    content: bytes


def media_type(value: str) -> tuple[str, Mapping[str, str]]:
    """Return a media type and its parameters, in lower case but for the parameters' values.

    >>> media_type('Multipart/Related; type="application/dicom"; Boundary=a-b')
    ('multipart/related', {'type': 'application/dicom', 'boundary': 'a-b'})
    >>> media_type("")
    ('', {})
    """
    message = Message()
    message["Content-Type"] = value
    params = message.get_params(failobj=[])
    if not params:
        return "", {}
    return params[0][0].lower(), {name.lower(): text for name, text in params[1:]}


def read_parts(pieces: Iterable[bytes], content_type: str) -> Iterator[Part]:
    """Yield the parts of a body that comes in pieces.

    Raises
    ------
    BrokenMultipart
        It is of another media type; or, after the last whole part, it ends without the last delimiter.
    """
    kind, parameters = media_type(content_type)
    boundary = parameters.get("boundary", "")
    if kind != "multipart/related" or not boundary:
        raise BrokenMultipart(f"its media type is {kind or 'not said'}")
    reader = _Reader(iter(pieces), b"\r\n--" + boundary.encode("latin-1", "replace"))
    reader.skip_preamble()
    while not reader.at_end():
        headers = _headers(reader.until(_HEADERS_END, _MOST_HEADER_BYTES))
        yield Part(headers, reader.until_delimiter())


class _Reader:
    """What of a body has come and is not yet read."""

    def __init__(self, pieces: Iterator[bytes], delimiter: bytes) -> None:
        self._pieces = pieces
        self._delimiter = delimiter
        # A delimiter begins with a line's end; the first may stand at the very beginning.
        self._buffer = bytearray(_LINE_END)

    def skip_preamble(self) -> None:
        self.until_delimiter()

    def at_end(self) -> bool:
        """Pass over the rest of a delimiter, and return whether it was the last one."""
        while len(self._buffer) < len(b"--"):
            self._more()
        if self._buffer[:2] == b"--":
            return True
        padding = self.until(_LINE_END, _MOST_HEADER_BYTES)
        if padding.strip(b" \t"):
            raise BrokenMultipart("a delimiter is followed by text")
        # The headers' end is looked for from the line's end on, since a part may have no headers.
        self._buffer[:0] = _LINE_END
        return False

    def until(self, mark: bytes, most: int) -> bytes:
        """Return what comes before a mark, and pass over both."""
        begin = 0
        while (found := self._buffer.find(mark, begin)) < 0:
            if len(self._buffer) > most:
                raise BrokenMultipart("a header is too long")
            begin = max(0, len(self._buffer) - len(mark) + 1)
            self._more()
        return self._taken(found, found + len(mark))

    def until_delimiter(self) -> bytes:
        """Return what comes before the next delimiter, and pass over both."""
        begin = 0
        while (found := self._buffer.find(self._delimiter, begin)) < 0:
            begin = max(0, len(self._buffer) - len(self._delimiter) + 1)
            self._more()
        return self._taken(found, found + len(self._delimiter))

    def _taken(self, end: int, go_on: int) -> bytes:
        with memoryview(self._buffer) as view:
            taken = bytes(view[:end])
        del self._buffer[:go_on]
        return taken

    def _more(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            raise BrokenMultipart("it ends too early")
        self._buffer += piece


def _headers(text: bytes) -> Mapping[str, str]:
    headers = {}
    for line in text.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


class MultipartFiles:
    """A multipart/related body of DICOM files, which are not copied; it can be iterated more than once."""

    def __init__(self, files: Sequence[DicomFile]) -> None:
        self._files = files
        self._boundary = secrets.token_hex(16)
        self._end = f"\r\n--{self._boundary}--\r\n".encode()

    @property
    def content_type(self) -> str:
        """The media type, with its parameters."""
        return f'multipart/related; type="application/dicom"; boundary={self._boundary}'

    def __len__(self) -> int:
        heads = sum(len(self._head(index)) for index in range(len(self._files)))
        return heads + sum(len(file.content) for file in self._files) + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        for index, file in enumerate(self._files):
            yield self._head(index)
            yield file.content
        yield self._end

    def _head(self, index: int) -> bytes:
        begin = "\r\n" if index else ""
        return f"{begin}--{self._boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
