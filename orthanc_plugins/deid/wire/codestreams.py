"""Comments and application data of compressed frames (PS3.5 8.2, annex A.4): they hold no pixels.

Entropy-coded data is copied as it is, so every frame decodes to the same pixels.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from orthanc_plugins.deid.wire.encodings import EXPLICIT_LITTLE, ITEM, SEQUENCE_END
from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_JPEG_START, _JPEG_2000_START = b"\xff\xd8", b"\xff\x4f"
_BOXES = frozenset({b"jP  ", b"JXL "})
"""Types of the first box of a JP2 or JPEG XL file, after its length: others hold texts (PS3.5 A.4.4)."""
_START_OF_SCAN, _END_OF_IMAGE, _COMMENT = 0xDA, 0xD9, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_LOSSLESS_JPEG_LS = 0xF7
_KEPT_APPLICATION = (b"Adobe\0", b"mrfx")
"""What decoders need to know the colours: Adobe's transform flag, and that of JPEG-LS."""
_JFIF, _JFIF_BYTES = b"JFIF\0", 18
"""A JFIF segment without a thumbnail, its marker with it."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_NEXT_MARKER_LS = re.compile(rb"\xff[\x80-\xfe]")
_J2K_COMMENT, _J2K_TILE_LENGTHS, _J2K_TILE, _J2K_DATA, _J2K_END = 0x64, 0x55, 0x90, 0x93, b"\xff\xd9"
_MARKER_BYTES = 2
_TILE_HEAD_BYTES = 12


def without_comments(value: memoryview) -> bytes | None:
    """Return encapsulated Pixel Data whose frames have no comments, nor anything after their end.

    Parameters
    ----------
    value
        From the Basic Offset Table's item to the delimiter of the sequence (PS3.5 A.4).

    Returns
    -------
    bytes or None
        The same, with a Basic Offset Table that fits; None when nothing needs to change.

    Raises
    ------
    InvalidDicom
        Its items, or the segments of a frame, are not in order.
    """
    table, *fragments = _fragments(value)
    frames = list(_frames(fragments))
    cleaned = [_cleaned(frame) for frame in frames]
    if all(new is None for new in cleaned):
        return None
    items, offsets, position = [], [], 0
    for frame, new in zip(frames, cleaned, strict=True):
        offsets.append(position)
        for fragment in frame if new is None else (new,):
            items.append(EXPLICIT_LITTLE.head(ITEM, b"", len(fragment)) + bytes(fragment))
            position += len(items[-1])
    new_table = struct.pack(f"<{len(offsets)}L", *offsets) if len(table) else b""
    return b"".join(
        (
            EXPLICIT_LITTLE.head(ITEM, b"", len(new_table)) + new_table,
            *items,
            EXPLICIT_LITTLE.head(SEQUENCE_END, b"", 0),
        )
    )


def _fragments(value: memoryview) -> Iterator[memoryview]:
    position = 0
    while True:
        item = EXPLICIT_LITTLE.header(value, position)
        if item.tag == SEQUENCE_END:
            return
        position = item.value + item.length
        if item.tag != ITEM or position > len(value):
            raise InvalidDicom("The items of its compressed Pixel Data are not in order.")
        yield value[item.value : position]


def _frames(fragments: Sequence[memoryview]) -> Iterator[list[memoryview]]:
    """Yield the fragments of each frame; what begins with no start of an image goes on with the frame."""
    frame: list[memoryview] = []
    for fragment in fragments:
        if frame and bytes(fragment[:2]) in {_JPEG_START, _JPEG_2000_START}:
            yield frame
            frame = []
        elif frame and bytes(frame[0][:2]) not in {_JPEG_START, _JPEG_2000_START}:
            yield frame  # of RLE and others each fragment is a frame (PS3.5 A.4.2)
            frame = []
        frame.append(fragment)
    if frame:
        yield frame


def _cleaned(frame: Sequence[memoryview]) -> bytes | None:
    """Return a frame's codestream without comments, of even length; None when it has none."""
    start = bytes(frame[0][:2])
    if bytes(frame[0][4:8]) in _BOXES:
        raise InvalidDicom("A compressed frame is wrapped in boxes of a file, which DICOM does not allow.")
    if start not in {_JPEG_START, _JPEG_2000_START}:
        return None
    whole = bytes(frame[0]) if len(frame) == 1 else b"".join(frame)
    new = _jpeg(whole) if start == _JPEG_START else _jpeg_2000(whole)
    new += b"\0" * (len(new) % 2)
    return None if new == whole else new


def _jpeg(stream: bytes) -> bytes:
    """Return a JPEG or JPEG-LS codestream without comments (ISO/IEC 10918-1 B.2.4.5, 14495-1)."""
    kept, position, next_marker = [stream[:2]], 2, _NEXT_MARKER
    while position < len(stream) - 1:
        if stream[position] != 0xFF:  # noqa: PLR2004 - every marker's first byte
            raise InvalidDicom("A JPEG frame has no marker where one must stand.")
        marker = stream[position + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            position += 1
            continue
        if marker == _END_OF_IMAGE:
            kept.append(stream[position : position + 2])
            return b"".join(kept)
        if marker in _ALONE:
            kept.append(stream[position : position + 2])
            position += 2
            continue
        end = _segment_end(stream, position)
        if marker == _START_OF_SCAN:
            found = next_marker.search(stream, end)
            end = found.start() if found else len(stream)
        elif marker == _LOSSLESS_JPEG_LS:
            next_marker = _NEXT_MARKER_LS
        kept.append(_kept_segment(marker, stream[position:end]))
        position = end
    return b"".join(kept)


def _segment_end(stream: bytes, position: int) -> int:
    end = position + _MARKER_BYTES + int.from_bytes(stream[position + 2 : position + 4])
    if end > len(stream) or end < position + 4:
        raise InvalidDicom("A segment of a compressed frame reaches beyond its end.")
    return end


def _kept_segment(marker: int, segment: bytes) -> bytes:
    """Return what stays of a segment: all, nothing, or a JFIF head without its thumbnail."""
    if marker == _COMMENT:
        return b""
    if marker not in _APPLICATION:
        return segment
    content = segment[4:]
    if content.startswith(_JFIF):
        if len(segment) == _JFIF_BYTES:
            return segment
        return segment[:2] + (_JFIF_BYTES - 2).to_bytes(2) + segment[4 : _JFIF_BYTES - 2] + b"\0\0"
    return segment if content.startswith(_KEPT_APPLICATION) else b""


def _jpeg_2000(stream: bytes) -> bytes:
    """Return a JPEG 2000 codestream without comments (ISO/IEC 15444-1 A.9.2), those of its tiles with it."""
    head, position, removed = _j2k_segments(stream, 2, _J2K_TILE)
    tiles: list[bytes] = []
    shortened = False
    while stream[position : position + 2] == b"\xff\x90":
        tile, position, cut = _tile(stream, position)
        tiles.append(tile)
        shortened = shortened or cut
    if stream[position : position + 2] not in {_J2K_END, b""}:
        raise InvalidDicom("A JPEG 2000 frame has something else where a tile must stand.")
    if not removed and not shortened and not stream[position + 2 :].strip(b"\0"):
        return stream
    if shortened:  # the lengths in the main header are optional, and would be wrong
        head = [one for one in head if one[1] != _J2K_TILE_LENGTHS]
    return b"".join((stream[:2], *head, *tiles, _J2K_END))


def _j2k_segments(stream: bytes, position: int, last: int) -> tuple[list[bytes], int, bool]:
    """Return the segments before the marker ``last`` but comments, where it stands, and if one was cut."""
    kept, removed = [], False
    while stream[position + 1 : position + 2] != bytes([last]):
        if stream[position : position + 1] != b"\xff":
            raise InvalidDicom("A JPEG 2000 frame has no marker where one must stand.")
        end = _segment_end(stream, position)
        if stream[position + 1] == _J2K_COMMENT:
            removed = True
        else:
            kept.append(stream[position:end])
        position = end
    return kept, position, removed


def _tile(stream: bytes, position: int) -> tuple[bytes, int, bool]:
    """Return a tile-part without comments, where the next begins, and whether it became shorter."""
    (length,) = struct.unpack(">L", stream[position + 6 : position + 10])
    end = position + length if length else len(stream.rstrip(b"\0").removesuffix(_J2K_END))
    if end > len(stream):
        raise InvalidDicom("A tile of a JPEG 2000 frame reaches beyond its end.")
    begin = position + _TILE_HEAD_BYTES
    segments, data, removed = _j2k_segments(stream, begin, _J2K_DATA)
    if not removed:
        return stream[position:end], end, False
    inside = b"".join((*segments, stream[data:end]))
    new_length = struct.pack(">L", _TILE_HEAD_BYTES + len(inside) if length else 0)
    return stream[position : position + 6] + new_length + stream[position + 10 : begin] + inside, end, True
