"""Comments in compressed frames go; pixels stay."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from orthanc_plugins.deid.wire.codestreams import without_comments
from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = b"Hidden^Name 19590312"
PIXELS = (np.arange(64 * 48) % 251).astype(np.uint8).reshape(48, 64)


def jpeg(*, progressive: bool = False) -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    Image.fromarray(PIXELS).save(
        stream, "JPEG", quality=95, comment=SECRET, exif=exif, progressive=progressive
    )
    return stream.getvalue()


def jpeg_2000(*, tile_comment: bool = False) -> bytes:
    written = io.BytesIO()
    Image.fromarray(PIXELS).save(written, "JPEG2000", no_jp2=True, irreversible=False)
    stream = written.getvalue()
    comment = b"\xff\x64" + struct.pack(">HH", len(SECRET) + 4, 1) + SECRET
    tile = stream.index(b"\xff\x90")
    if not tile_comment:
        return stream[:tile] + comment + stream[tile:]
    (length,) = struct.unpack(">L", stream[tile + 6 : tile + 10])
    head = stream[tile : tile + 6] + struct.pack(">L", length + len(comment)) + stream[tile + 10 : tile + 12]
    return stream[:tile] + head + comment + stream[tile + 12 :]


def encapsulated(*fragments: bytes, table: tuple[int, ...] = ()) -> memoryview:
    even = [fragment + b"\0" * (len(fragment) % 2) for fragment in fragments]
    items = [struct.pack(f"<{len(table)}L", *table), *even]
    content = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item for item in items)
    return memoryview(content + b"\xfe\xff\xdd\xe0\0\0\0\0")


def items(value: bytes) -> list[bytes]:
    found, position = [], 0
    while value[position : position + 4] == b"\xfe\xff\x00\xe0":
        (length,) = struct.unpack("<L", value[position + 4 : position + 8])
        found.append(value[position + 8 : position + 8 + length])
        position += 8 + length
    assert value[position:] == b"\xfe\xff\xdd\xe0\0\0\0\0"
    return found


def decoded(stream: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(stream)))


@pytest.mark.parametrize("kind", ["baseline", "progressive", "main header", "tile header"])
def test_a_comment_goes_and_every_pixel_stays(kind: str) -> None:
    makers: dict[str, Callable[[], bytes]] = {
        "baseline": jpeg,
        "progressive": lambda: jpeg(progressive=True),
        "main header": jpeg_2000,
        "tile header": lambda: jpeg_2000(tile_comment=True),
    }
    stream = makers[kind]()
    assert SECRET in stream
    new = without_comments(encapsulated(stream))
    assert new is not None
    assert SECRET not in new
    assert_array_equal(decoded(items(new)[1]), decoded(stream))


def test_what_has_no_comment_is_left_as_it_is() -> None:
    cleaned = without_comments(encapsulated(jpeg()))
    assert cleaned is not None
    assert without_comments(memoryview(cleaned)) is None


def test_the_offset_table_fits_the_shorter_frames() -> None:
    first = jpeg()
    even = len(first) + len(first) % 2
    new = without_comments(encapsulated(first, first, table=(0, even + 8)))
    assert new is not None
    table, one, other = items(new)
    assert one == other
    assert struct.unpack("<2L", table) == (0, len(one) + 8)


def test_a_frame_of_several_fragments_is_cleaned_as_a_whole() -> None:
    stream = jpeg()
    cut = stream.index(SECRET) + 5
    cut += cut % 2
    new = without_comments(encapsulated(stream[:cut], stream[cut:]))
    assert new is not None
    assert_array_equal(decoded(items(new)[1]), decoded(stream))
    assert b"^Name" not in new


def test_what_follows_the_end_of_an_image_goes() -> None:
    stream = items(bytes(without_comments(encapsulated(jpeg())) or b""))[1]
    new = without_comments(encapsulated(stream + SECRET))
    assert new is not None
    assert SECRET not in new


def test_a_thumbnail_in_the_jfif_head_goes() -> None:
    stream = jpeg()
    thumbnail = b"JFIF\0\1\2\0\0\1\0\1\1\1" + SECRET[:3]
    segment = b"\xff\xe0" + (len(thumbnail) + 2).to_bytes(2) + thumbnail
    head = stream[2 : 4 + int.from_bytes(stream[4:6])]
    new = without_comments(encapsulated(stream.replace(head, segment, 1)))
    assert new is not None
    assert items(new)[1].startswith(b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\2\0\0\1\0\1\0\0\xff")


def test_frames_of_run_lengths_have_no_comments_and_are_left() -> None:
    assert without_comments(encapsulated(b"\1\0\0\0" + b"\0" * 60, b"\1\0\0\0" + b"\0" * 60)) is None


def test_a_segment_that_lies_about_its_length_is_refused() -> None:
    with pytest.raises(InvalidDicom, match="reaches beyond its end"):
        without_comments(encapsulated(b"\xff\xd8\xff\xfe\xff\xff" + b"\0" * 20))


@pytest.mark.parametrize("kind", [b"jP  ", b"JXL "])
def test_a_frame_in_the_boxes_of_a_file_is_refused(kind: bytes) -> None:
    with pytest.raises(InvalidDicom, match="boxes"):
        without_comments(encapsulated(b"\0\0\0\x0c" + kind + b"\r\n\x87\n" + SECRET))


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff\xd8\xff\xfe\0\6Doe!no marker",
        b"\xff\x4f\xff\x51\0\4..no marker",
        b"\xff\x4f\xff\x51\0\4..\xff\x90\0\x0a\0\0\0\0\x10\0\0\1",
        jpeg_2000()[:-2] + SECRET,
    ],
)
def test_a_frame_that_is_not_in_order_is_refused(frame: bytes) -> None:
    with pytest.raises(InvalidDicom):
        without_comments(encapsulated(frame))


def test_items_that_are_not_in_order_are_refused() -> None:
    whole = bytes(encapsulated(jpeg()))
    for damaged in (
        whole[:-20],
        whole[:4] + b"\xf0\xff\xff\x0f" + whole[8:],
        b"\xfe\xff\x01\xe0\0\0\0\0" + whole,
    ):
        with pytest.raises(InvalidDicom):
            without_comments(memoryview(damaged))


def test_fill_bytes_and_markers_without_a_segment_are_passed() -> None:
    comment = b"\xff\xff\xff\xfe\0\6Doe!"
    scan = b"\xff\xda\0\2" + b"\1\2\xff\0\3\xff\xd0\4"
    new = without_comments(encapsulated(b"\xff\xd8\xff\x01" + comment + scan + b"\xff\xd9"))
    assert new is not None
    assert items(new)[1] == b"\xff\xd8\xff\x01" + scan + b"\xff\xd9"


def test_a_jpeg_ls_scan_may_hold_what_would_be_a_marker_of_jpeg() -> None:
    head = b"\xff\xd8\xff\xfe\0\6Doe!\xff\xf7\0\4.."
    scan = b"\xff\xda\0\2\1\xff\x7f\2\xff\x01\3\xff\xd9"
    new = without_comments(encapsulated(head + scan))
    assert new is not None
    assert items(new)[1] == (b"\xff\xd8\xff\xf7\0\4.." + scan).ljust(len(items(new)[1]), b"\0")


def test_a_scan_without_an_end_is_kept_to_the_end() -> None:
    new = without_comments(encapsulated(b"\xff\xd8\xff\xfe\0\6Doe!\xff\xda\0\2\1\2"))
    assert new is not None
    assert items(new)[1] == b"\xff\xd8\xff\xda\0\2\1\2"
