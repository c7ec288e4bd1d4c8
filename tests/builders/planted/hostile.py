"""Files that a tool may refuse, and must not fall over."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests.builders.writing import Element, Writing, part_10

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.builders.planted.ledger import Ledger

_ITEM, _OPEN = b"\xfe\xff\x00\xe0", b"\xff\xff\xff\xff"


def add_hostile(ledger: Ledger, whole: bytes) -> None:
    """Write each fault; most are a good file, given whole, that was damaged."""
    for label, (fault, damage) in _FAULTS.items():
        ledger.add_hostile(f"hostile/{label}.dcm", damage(whole), fault)


def _at(whole: bytes, group: int, element: int, vr: bytes) -> int:
    """Return where an element of explicit little endian begins."""
    return whole.index(struct.pack("<HH", group, element) + vr)


def _lying_length(whole: bytes) -> bytes:
    at = _at(whole, 0x7FE0, 0x0010, b"OW") + 8
    return whole[:at] + struct.pack("<L", 0x7FFFFFF0) + whole[at + 4 :]


def _lying_text(whole: bytes) -> bytes:
    at = _at(whole, 0x0010, 0x0010, b"PN") + 6
    return whole[:at] + struct.pack("<H", 0xFFF0) + whole[at + 2 :]


def _lying_meta(whole: bytes) -> bytes:
    return whole[:140] + struct.pack("<L", 0x00FFFFFF) + whole[144:]


def _odd_length(whole: bytes) -> bytes:
    at = _at(whole, 0x0010, 0x0010, b"PN")
    return whole[:at] + b"\x10\x00\x10\x00PN\x05\x00Quent" + whole[at:]


def _twice(whole: bytes) -> bytes:
    at = _at(whole, 0x0010, 0x0010, b"PN")
    return whole[:at] + b"\x10\x00\x10\x00PN\x08\x00Quentin " + whole[at:]


def _unknown_representation(whole: bytes) -> bytes:
    at = _at(whole, 0x0010, 0x0010, b"PN") + 4
    return whole[:at] + b"Q?" + whole[at + 2 :]


def _item_beyond_its_sequence(whole: bytes) -> bytes:
    item = _ITEM + struct.pack("<L", 4000) + b"\x10\x00\x10\x00PN\x08\x00Quentin "
    sequence = b"\x08\x00\x15\x11SQ\x00\x00" + struct.pack("<L", len(item)) + item
    at = _at(whole, 0x0010, 0x0010, b"PN")
    return whole[:at] + sequence + whole[at:]


def _never_closed(whole: bytes) -> bytes:
    at = _at(whole, 0x0010, 0x0010, b"PN")
    return whole[:at] + b"\x08\x00\x15\x11SQ\x00\x00" + _OPEN + _ITEM + _OPEN + whole[at:]


def _nested(whole: bytes, depth: int = 3000) -> bytes:
    at = _at(whole, 0x0010, 0x0010, b"PN")
    opened = (b"\x08\x00\x15\x11SQ\x00\x00" + _OPEN + _ITEM + _OPEN) * depth
    closed = (b"\xfe\xff\x0d\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)) * depth
    return whole[:at] + opened + b"\x10\x00\x10\x00PN\x08\x00Quentin " + closed + whole[at:]


def _many_elements(whole: bytes, count: int = 200_000) -> bytes:
    tags = (number for number in range(count))
    many = b"".join(
        struct.pack("<HH2sH", 0x0019 + number // 60_000 * 2, 0x1000 + number % 60_000, b"LO", 0)
        for number in tags
    )
    at = _at(whole, 0x0020, 0x000D, b"UI")
    return whole[:at] + many + whole[at:]


def _many_items(whole: bytes, count: int = 200_000) -> bytes:
    at = _at(whole, 0x0010, 0x0010, b"PN")
    items = (_ITEM + bytes(4)) * count
    return whole[:at] + b"\x08\x00\x15\x11SQ\x00\x00" + struct.pack("<L", len(items)) + items + whole[at:]


def _deflated_bomb(_whole: bytes) -> bytes:
    """Return a small file that inflates to 64 MiB."""
    head = part_10((Element(0x00080018, "UI", "2.25.1"),), Writing(DeflatedExplicitVRLittleEndian))
    length = 144 + int.from_bytes(head[140:144], "little")
    deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = b"\xe0\x7f\x10\x00OW\x00\x00" + struct.pack("<L", 1 << 26) + bytes(1 << 26)
    return head[:length] + deflating.compress(body) + deflating.flush()


def _undeflated(whole: bytes) -> bytes:
    return whole.replace(
        ExplicitVRLittleEndian.encode() + b"\0", DeflatedExplicitVRLittleEndian.encode()[:20], 1
    )


def _without(whole: bytes) -> bytes:
    at = _at(whole, 0x0008, 0x0018, b"UI")
    length = int.from_bytes(whole[at + 6 : at + 8], "little")
    return whole[:at] + whole[at + 8 + length :]


def _syntax(uid: str) -> Callable[[bytes], bytes]:
    old = ExplicitVRLittleEndian.encode() + b"\0"
    return lambda whole: whole.replace(old, uid.encode().ljust(len(old), b"\0"), 1)


_FAULTS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty": ("no bytes at all", lambda _whole: b""),
    "preamble_only": ("ends behind its mark", lambda whole: whole[:132]),
    "cut_in_pixels": ("ends inside its pixels", lambda whole: whole[:-100]),
    "cut_in_header": ("ends inside a text", lambda whole: whole[: _at(whole, 0x0010, 0x0010, b"PN") + 11]),
    "no_preamble": ("begins with its first element", lambda whole: whole[132:]),
    "no_mark": ("has no DICM behind the preamble", lambda whole: whole[:128] + b"DCIM" + whole[132:]),
    "lying_length": ("pixels longer than the file", _lying_length),
    "lying_text": ("a text longer than the file", _lying_text),
    "lying_meta": ("meta information longer than the file", _lying_meta),
    "odd_length": ("an odd length", _odd_length),
    "twice": ("an element twice, each with a name", _twice),
    "unknown_representation": ("a representation the standard does not have", _unknown_representation),
    "item_beyond": ("an item longer than its sequence", _item_beyond_its_sequence),
    "never_closed": ("a sequence without an end", _never_closed),
    "nested": ("sequences 3000 deep", _nested),
    "many_elements": ("200000 empty elements", _many_elements),
    "many_items": ("200000 empty items", _many_items),
    "deflated_bomb": ("64 KiB that inflate to 64 MiB", _deflated_bomb),
    "undeflated": ("says it is deflated and is not", _undeflated),
    "implicit_inside": ("says implicit and is explicit", _syntax("1.2.840.10008.1.2")),
    "unknown_syntax": ("an unknown transfer syntax", _syntax("1.2.3.4")),
    "without_uid": ("no SOP Instance UID", _without),
    "behind_the_end": ("bytes behind the last element", lambda whole: whole + b"for Quentin Quux\0\0\0"),
    "picture": ("no DICOM but a JPEG", lambda _whole: b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + b"Quentin" * 40),
}
