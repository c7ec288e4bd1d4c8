"""Multipart bodies (RFC 2046) as DICOMweb uses them: made for STOW-RS, counted while WADO-RS streams them."""

from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orthanc_plugins.archives.base import DicomFile

BOUNDARY = "pacs-benchmark-2f6c1f4f0d7a4e8b"

STOW_HEADERS = {
    "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
    "Accept": "application/dicom+json",
}

_PART = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
_END = f"--{BOUNDARY}--\r\n".encode()


def stow_body(files: Iterable[DicomFile]) -> bytes:
    """Return the body of a STOW-RS request with these files (PS3.18 10.5)."""
    pieces = [piece for file in files for piece in (_PART, file.content, b"\r\n")]
    return b"".join((*pieces, _END))


def boundary_of(content_type: str) -> str | None:
    """Return the boundary a media type names, None when it is no multipart one.

    >>> boundary_of('multipart/related; type="application/dicom"; boundary="a;b"')
    'a;b'
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    return boundary if isinstance(boundary, str) and header.get_content_maintype() == "multipart" else None


class PartCounter:
    """Counts the parts of a multipart body that passes by in pieces of any size.

    >>> counter = PartCounter("b")
    >>> for piece in (b"--b", bytes([13, 10]) + b"x-", b"-b--"): counter.add(bytearray(piece), len(piece))
    >>> counter.parts
    1
    """

    def __init__(self, boundary: str) -> None:
        self._delimiter = f"--{boundary}".encode()
        self._tail = b""
        self._found = 0

    def add(self, buffer: bytearray, length: int) -> None:
        """Take in the first bytes of a buffer, which may be used again afterwards."""
        overlap = len(self._delimiter) - 1
        self._found += (self._tail + buffer[: min(length, overlap)]).count(self._delimiter)
        self._found += buffer.count(self._delimiter, 0, length)
        self._tail = (self._tail + buffer[max(0, length - overlap) : length])[-overlap:]

    @property
    def parts(self) -> int:
        """How many parts there were; the last delimiter ends the last one."""
        return max(0, self._found - 1)


def split_parts(body: bytes, boundary: str) -> Iterator[bytes]:
    """Yield the contents of the parts of a whole body, without their headers."""
    delimiter = b"\r\n--" + boundary.encode()
    for part in (b"\r\n" + body).split(delimiter)[1:-1]:
        yield part.partition(b"\r\n\r\n")[2]
