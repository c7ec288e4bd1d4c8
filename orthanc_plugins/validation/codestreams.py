"""Segments of codestreams that say nothing of pixels, in which anything may be written.

JPEG and JPEG-LS: ITU-T T.81 B.1.1.3 and B.2.4.5 (COM, APPn); JPEG 2000: ITU-T T.800 A.9.2 (COM).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.encaps import generate_fragments
from pydicom.uid import UID

if TYPE_CHECKING:
    from orthanc_plugins.validation.reading import Instance

_PIXELS = 0x7FE00010
_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f"
_MARK = 0xFF
_NEEDED = frozenset({0xE0, 0xE8, 0xEE})
"""APP0 (JFIF), APP8 (colour transform of JPEG-LS) and APP14 (Adobe's colours) change how pixels are read."""
_APPLICATION = range(0xE0, 0xF0)
_COMMENT, _COMMENT_2000 = 0xFE, 0x64
_LAST = frozenset({0xDA, 0xD9, 0x90})
"""Start of scan, end of image, start of tile-part: what follows are coded pixels."""


def surplus_segments(instance: Instance) -> list[str]:
    """Return the names of such segments, each once; none of pixels that are not compressed."""
    leaf = instance.leaves.get((_PIXELS,))
    if leaf is None or not UID(instance.transfer_syntax).is_encapsulated:
        return []
    return sorted({name for one in generate_fragments(leaf.value) for name in _names(bytes(one))})


def _names(codestream: bytes) -> set[str]:
    """Return the names of the segments ahead of the coded pixels."""
    if codestream[:2] not in {_JPEG, _JPEG_2000}:
        return set()
    comment = _COMMENT if codestream[:2] == _JPEG else _COMMENT_2000
    found, at = set(), 2
    while at + 4 <= len(codestream) and codestream[at] == _MARK and codestream[at + 1] not in _LAST:
        mark = codestream[at + 1]
        if mark == comment:
            found.add("COM")
        elif comment == _COMMENT and mark in _APPLICATION and mark not in _NEEDED:
            found.add(f"APP{mark - _APPLICATION.start}")
        at += 2 + int.from_bytes(codestream[at + 2 : at + 4])
    return found
