"""DICOM files written by the byte, in any of the ways the standard allows (PS3.5 chapter 7).

It shares nothing with what reads them: no library, no dictionary. A data set is a list of `Element`; a
`Writing` says how it becomes a file.
"""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import dataclass, replace

from tests.builders.images import IMPLEMENTATION_UID

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
UNCOMPRESSED = (IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN)
CHARACTER_SET = 0x00080005
CODECS = {
    "": "ascii",
    "ISO_IR 100": "latin-1",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
}
_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_WORDS = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OF", "OL"), 4),
    **dict.fromkeys(("FD", "OD", "SV", "UV", "OV"), 8),
}
_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Element:
    """An element: text, bytes in little endian, or items.

    Of a private one ``creator`` is set, and ``tag`` has the group and, as its lowest byte, the number inside
    the creator's block.
    """

    tag: int
    vr: str
    value: str | bytes | tuple[tuple[Element, ...], ...]
    creator: str = ""


type Elements = tuple[Element, ...]


@dataclass(frozen=True)
class Writing:
    """How a data set is written.

    Parameters
    ----------
    open_lengths
        Sequences and items have no length, but delimiters.
    group_lengths
        Each group begins with its length.
    shuffled
        Elements stand in an order drawn with this seed, which no writer should do and readers forgive.
    padding
        Spaces added behind text, beside what makes the length even.
    unknown
        Tags whose representation is written as UN.
    first_block
        Where blocks of private elements begin.
    trailing
        Data Set Trailing Padding (FFFC,FFFC) of so many bytes.
    """

    syntax: str = EXPLICIT
    open_lengths: bool = False
    group_lengths: bool = False
    shuffled: int | None = None
    padding: int = 0
    unknown: frozenset[int] = frozenset()
    first_block: int = 0x10
    character_set: str = "ISO_IR 192"
    trailing: int = 0

    @property
    def explicit(self) -> bool:
        return self.syntax != IMPLICIT

    @property
    def order(self) -> str:
        return ">" if self.syntax == BIG_ENDIAN else "<"

    @property
    def of_unknown(self) -> Writing:
        """How items inside a value of VR UN are written (PS3.5 6.2.2)."""
        return replace(self, syntax=IMPLICIT)


def part_10(elements: Elements, writing: Writing | None = None, *, sop_uid: str = "2.25.1") -> bytes:
    """Return a whole file (PS3.10 7.1)."""
    writing = writing or Writing()
    body = data_set(elements, writing, top=True)
    if writing.trailing:
        body += _element(Element(0xFFFCFFFC, "OB", bytes(writing.trailing)), writing)
    if writing.syntax == DEFLATED:
        deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = deflating.compress(body) + deflating.flush()
    meta_writing = Writing()
    meta = b"".join(
        _element(Element(tag, vr, value), meta_writing)
        for tag, vr, value in (
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.7"),
            (0x00020003, "UI", sop_uid),
            (0x00020010, "UI", writing.syntax),
            (0x00020012, "UI", IMPLEMENTATION_UID),
        )
    )
    length = _element(Element(0x00020000, "UL", struct.pack("<L", len(meta))), meta_writing)
    return bytes(128) + b"DICM" + length + meta + body


def data_set(elements: Elements, writing: Writing, *, top: bool = False) -> bytes:
    """Return a data set's bytes."""
    placed = [replace(element, tag=tag) for element, tag in _placed(elements, writing)]
    if top and writing.character_set:
        placed.append(Element(CHARACTER_SET, "CS", writing.character_set))
    placed.sort(key=lambda element: element.tag)
    if writing.group_lengths:
        placed = _with_group_lengths(placed, writing)
    if writing.shuffled is not None:
        random.Random(writing.shuffled).shuffle(placed)
    return b"".join(_element(element, writing) for element in placed)


def _placed(elements: Elements, writing: Writing) -> list[tuple[Element, int]]:
    """Return elements with their tags, private ones in blocks, and the elements that reserve those."""
    blocks: dict[tuple[int, str], int] = {}
    placed = []
    for element in elements:
        if not element.creator:
            placed.append((element, element.tag))
            continue
        group = element.tag >> 16
        key = (group, element.creator)
        if key not in blocks:
            blocks[key] = writing.first_block + sum(1 for held, _ in blocks if held == group)
            placed.append((Element(0, "LO", element.creator), group << 16 | blocks[key]))
        placed.append((element, group << 16 | blocks[key] << 8 | element.tag & 0xFF))
    return placed


def _with_group_lengths(placed: list[Element], writing: Writing) -> list[Element]:
    sizes: dict[int, int] = {}
    for element in placed:
        sizes[element.tag >> 16] = sizes.get(element.tag >> 16, 0) + len(_element(element, writing))
    lengths = [Element(group << 16, "UL", struct.pack("<L", size)) for group, size in sizes.items()]
    return sorted([*placed, *lengths], key=lambda element: element.tag)


def _element(element: Element, writing: Writing) -> bytes:
    is_unknown = element.tag in writing.unknown and writing.explicit
    inner = writing.of_unknown if is_unknown else writing
    value, length = _value(element, inner)
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if not writing.explicit:
        return struct.pack(f"{writing.order}HHL", group, number, length) + value
    vr = "UN" if is_unknown else element.vr
    if vr in _LONG:
        return struct.pack(f"{writing.order}HH2sHL", group, number, vr.encode(), 0, length) + value
    return struct.pack(f"{writing.order}HH2sH", group, number, vr.encode(), length) + value


def _value(element: Element, writing: Writing) -> tuple[bytes, int]:
    """Return an element's value and length."""
    if isinstance(element.value, tuple):
        return _sequence(element.value, writing)
    if isinstance(element.value, str):
        codec = "ascii" if element.tag == CHARACTER_SET else CODECS[writing.character_set]
        value = element.value.encode(codec) + b" " * (writing.padding if element.vr != "UI" else 0)
        value += (b"\0" if element.vr == "UI" else b" ") * (len(value) % 2)
    else:
        value = element.value + b"\0" * (len(element.value) % 2)
        word = _WORDS.get(element.vr, 1)
        if writing.order == ">" and word > 1:
            value = b"".join(value[at : at + word][::-1] for at in range(0, len(value), word))
    return value, len(value)


def _sequence(items: tuple[Elements, ...], writing: Writing) -> tuple[bytes, int]:
    mark = f"{writing.order}HHL"
    written = []
    for item in items:
        content = data_set(item, writing)
        if writing.open_lengths:
            written += [
                struct.pack(mark, 0xFFFE, 0xE000, _UNDEFINED),
                content,
                struct.pack(mark, 0xFFFE, 0xE00D, 0),
            ]
        else:
            written += [struct.pack(mark, 0xFFFE, 0xE000, len(content)), content]
    value = b"".join(written)
    if writing.open_lengths:
        return value + struct.pack(mark, 0xFFFE, 0xE0DD, 0), _UNDEFINED
    return value, len(value)


def encapsulated(frames: list[bytes], *, offsets: bool = True, split: int = 0) -> bytes:
    """Return compressed frames as the value of Pixel Data (PS3.5 A.4).

    ``split`` cuts each frame into fragments of so many bytes, an even number; 0 is one fragment a frame.
    """
    fragments, begins, at = [], [], 0
    for frame in frames:
        begins.append(at)
        even = frame + b"\0" * (len(frame) % 2)
        size = split or len(even)
        for start in range(0, len(even), size):
            part = even[start : start + size]
            fragments.append(struct.pack("<HHL", 0xFFFE, 0xE000, len(part)) + part)
            at += 8 + len(part)
    table = struct.pack(f"<{len(begins)}L", *begins) if offsets else b""
    head = struct.pack("<HHL", 0xFFFE, 0xE000, len(table)) + table
    return head + b"".join(fragments) + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
