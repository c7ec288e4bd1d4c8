"""Compressed pictures that carry an identity in their comments and application segments."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_START = b"\xff\xd8"
_LEAST, _MOST = 0, 16


def jpeg_baseline(picture: NDArray[np.uint8], comment: str, owner: str) -> bytes:
    """Return a JPEG (ISO 10918-1) with a COM segment and an EXIF block in APP1."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = owner  # ImageDescription
    Image.fromarray(picture).save(buffer, "JPEG", quality=95, exif=exif.tobytes())
    return _with_comment(buffer.getvalue(), comment)


def jpeg_lossless(picture: NDArray[np.uint16], comment: str) -> bytes:
    """Return a lossless JPEG of process 14, first-order prediction, with a COM segment (PS3.5 A.4.1)."""
    rows, columns = picture.shape
    frame = struct.pack(">BHHBBBB", 16, rows, columns, 1, 1, 0x11, 0)
    scan = struct.pack(">BBBBBB", 1, 1, 0x00, 1, 0, 0)
    # seventeen categories, each coded with five bits
    table = bytes([0]) + bytes([0, 0, 0, 0, 17, *[0] * 11]) + bytes(range(_LEAST, _MOST + 1))
    body = _segment(0xC3, frame) + _segment(0xC4, table) + _segment(0xDA, scan) + _entropy(picture)
    return _with_comment(_START + body + b"\xff\xd9", comment)


def jpeg_2000(picture: NDArray[np.uint16], comment: str) -> bytes:
    """Return a lossless JPEG 2000 codestream with a COM marker of Latin text (ISO 15444-1 A.9.2)."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG2000", irreversible=False, no_jp2=True, mct=0)
    stream = buffer.getvalue()
    at = stream.index(b"\xff\x52")  # COD, the first that must follow SIZ
    return stream[:at] + _segment(0x64, struct.pack(">H", 1) + comment.encode("latin-1")) + stream[at:]


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _with_comment(stream: bytes, comment: str) -> bytes:
    """Return a stream of JPEG with a COM segment as its first."""
    return _START + _segment(0xFE, comment.encode("ascii")) + stream[2:]


def _entropy(picture: NDArray[np.uint16]) -> bytes:
    """Return differences to the left neighbour, or above in the first column, Huffman coded (H.1.2)."""
    bits = "".join(_coded(difference) for difference in _differences(picture))
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8)
    return data.replace(b"\xff", b"\xff\x00")


def _differences(picture: NDArray[np.uint16]) -> list[int]:
    values = picture.astype(np.int64)
    predicted = np.empty_like(values)
    predicted[:, 1:] = values[:, :-1]
    predicted[1:, 0] = values[:-1, 0]
    predicted[0, 0] = 1 << 15
    return [int(difference) for difference in (values - predicted).ravel()]


def _coded(difference: int) -> str:
    """Return the category in five bits and the bits that follow it."""
    category = abs(difference).bit_length()
    if category == 0:
        return f"{0:05b}"
    low = difference if difference > 0 else difference + (1 << category) - 1
    return f"{category:05b}{low:0{category}b}"
