"""Whether an ICC profile says of colours what its original says (PS3.3 C.11.15, ISO 15076-1).

Texts, dates and makers in a profile may go; what decoders of colours read may not change.
"""

from __future__ import annotations

import struct

_SIGNATURE = slice(36, 40)
_COLOURS_IN_HEADER = slice(12, 24)
"""Class of the device, space of its colours, and of those they are connected by."""
_TABLE, _ENTRY = 128, 12
_COLOURS = frozenset(
    {b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"chad"}
    | {b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2"}
)
"""Tags that colours are computed with."""


def same_colours(before: bytes, after: bytes) -> bool:
    """Return whether both profiles have the same colours; bytes that are no profile have none.

    >>> same_colours(b"no profile", bytes(8))
    True
    """
    old = _colours(before)
    return not old or old == _colours(after)


def _colours(profile: bytes) -> dict[bytes, bytes]:
    """Return what a profile says of colours by its tags, nothing of bytes that are no profile."""
    if profile[_SIGNATURE] != b"acsp":
        return {}
    try:
        (count,) = struct.unpack_from(">L", profile, _TABLE)
        entries = [
            struct.unpack_from(">4sLL", profile, _TABLE + 4 + _ENTRY * number) for number in range(count)
        ]
    except struct.error:
        return {}
    found = {tag: profile[begin : begin + size] for tag, begin, size in entries if tag in _COLOURS}
    return {b"head": profile[_COLOURS_IN_HEADER]} | found
