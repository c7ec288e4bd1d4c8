"""Refuse what is no structure set, is damaged as a whole, or inflates beyond reason."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE
from orthanc_plugins.rtstruct.reading.elements import uid

if TYPE_CHECKING:
    from orthanc_plugins.rtstruct.reading.elements import Item

MOST_INFLATED = 2**29
"""More bytes than this (512 MiB) no structure set holds."""
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_SOP_CLASS = 0x00080016
_INFLATED_AT_ONCE = 2**20
_META_LENGTH = 132
"""Where File Meta Information Group Length (0002,0000) stands, after preamble and prefix (PS3.10 7.1)."""
_LONGEST_META = 2048


def refuse_inflated(content: bytes) -> None:
    """Raise when a deflated file (PS3.5 A.5) holds more than any structure set does; it bounds memory."""
    begin = _META_LENGTH if content[_META_LENGTH - 4 : _META_LENGTH] == b"DICM" else 0
    head = content[begin : begin + 12 + _LONGEST_META]
    if _DEFLATED not in head:
        return
    (length,) = struct.unpack_from("<I", head, 8)
    inflating, size, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, content[begin + 12 + length :]
    while rest and not inflating.eof:
        size += len(inflating.decompress(rest, _INFLATED_AT_ONCE))
        rest = inflating.unconsumed_tail
        if size > MOST_INFLATED:
            raise InvalidDicom(
                f"The RT Structure Set is compressed and holds more than {MOST_INFLATED >> 20} MiB: it is "
                "damaged or made to do harm. Export it again without compression."
            )


def refuse_other_class(data_set: Item) -> None:
    """Raise unless a data set says that it is an RT Structure Set."""
    sop_class = uid(data_set, _SOP_CLASS)
    if not sop_class:
        raise InvalidDicom("The file is not DICOM: it holds no SOP Class UID.")
    if sop_class != RT_STRUCTURE_SET_STORAGE:
        raise InvalidDicom(f"The file is not an RT Structure Set: its SOP Class UID is {sop_class}.")


def damaged(error: Exception) -> InvalidDicom:
    """Return what to say of a structure set whose elements cannot be read."""
    return InvalidDicom(
        f"The RT Structure Set cannot be read: its elements are damaged ({type(error).__name__}). "
        "Export it again from the planning system."
    )
