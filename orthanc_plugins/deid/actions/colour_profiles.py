"""ICC profiles (PS3.3 C.11.15): the colours stay, what else a profile tells is blanked (ISO 15076-1)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule

_HEADER_BYTES, _ENTRY_BYTES = 128, 12
_SIGNATURE = slice(36, 40)
_TOLD_IN_HEADER = (slice(4, 8), slice(24, 36), slice(48, 56), slice(80, 100))
"""Module, date, device's maker and model, creator, and the checksum that no longer holds."""
_COLOURS = frozenset(
    {
        b"rXYZ",
        b"gXYZ",
        b"bXYZ",
        b"wtpt",
        b"bkpt",
        b"rTRC",
        b"gTRC",
        b"bTRC",
        b"kTRC",
        b"chad",
        b"lumi",
        b"meas",
    }
    | {
        b"A2B0",
        b"A2B1",
        b"A2B2",
        b"B2A0",
        b"B2A1",
        b"B2A2",
        b"gamt",
        b"view",
        b"chrm",
        b"pre0",
        b"pre1",
        b"pre2",
    }
    | {b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"B2D0", b"B2D1", b"B2D2", b"B2D3", b"tech", b"cicp"}
)
"""Tags that say how colours are; none of them holds text."""
_TYPE_BYTES = 8
_LOCALISED, _RECORD_BYTES = b"mluc", 12


class BlankedProfile:
    """For ICC Profile (0028,2000).

    Parameters
    ----------
    otherwise
        What is done with bytes that are no profile.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the profile without texts, dates and makers, and without what lies between its tags."""
        try:
            return _blanked(value)
        except (struct.error, ValueError):
            return self.otherwise(value, rule, place, job)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return "ICC profiles: what says how colours are stays; texts, dates and makers in them are blanked"


def _blanked(value: bytes) -> bytes:
    size: int = struct.unpack_from(">L", value)[0]
    if value[_SIGNATURE] != b"acsp" or not _HEADER_BYTES < size <= len(value):
        raise ValueError("these bytes are no ICC profile")
    new = bytearray(size)
    new[:_HEADER_BYTES] = value[:_HEADER_BYTES]
    for told in _TOLD_IN_HEADER:
        new[told] = bytes(told.stop - told.start)
    for signature, offset, length in _tags(value, size):
        end = offset + length
        kept = end if signature in _COLOURS else offset + _frame_bytes(value[offset:end])
        new[offset:kept] = value[offset:kept]
    table = _HEADER_BYTES + 4 + _ENTRY_BYTES * struct.unpack_from(">L", value, _HEADER_BYTES)[0]
    new[_HEADER_BYTES:table] = value[_HEADER_BYTES:table]
    return bytes(new) + b"\0" * (size % 2)


def _tags(value: bytes, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield signature, offset and length of each tag."""
    (count,) = struct.unpack_from(">L", value, _HEADER_BYTES)
    for number in range(count):
        signature, offset, length = struct.unpack_from(
            ">4sLL", value, _HEADER_BYTES + 4 + _ENTRY_BYTES * number
        )
        if offset < _HEADER_BYTES or offset + length > size:
            raise ValueError("a tag of the profile lies outside of it")
        yield signature, offset, length


def _frame_bytes(tag: bytes) -> int:
    """Return how many bytes of a text tag say what it is, before its text."""
    if not tag.startswith(_LOCALISED):
        return min(_TYPE_BYTES, len(tag))
    records: int = struct.unpack_from(">L", tag, _TYPE_BYTES)[0]
    return min(2 * _TYPE_BYTES + _RECORD_BYTES * records, len(tag))
