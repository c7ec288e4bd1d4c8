"""Refuse structure sets that are cut short, or that inflate beyond reason."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from pydicom.uid import DeflatedExplicitVRLittleEndian

from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MOST_INFLATED = 2**29
"""More bytes than this (512 MiB) no structure set holds."""
_UNDEFINED_LENGTH = 0xFFFFFFFF
_INFLATED_AT_ONCE = 2**20
_META_LENGTH = 132
"""Where File Meta Information Group Length (0002,0000) stands, after preamble and prefix (PS3.10 7.1)."""
_LONGEST_META = 2048


def refuse_inflated(content: bytes) -> None:
    """Raise when a deflated file (PS3.5 A.5) holds more than any structure set does; it bounds memory."""
    begin = _META_LENGTH if content[_META_LENGTH - 4 : _META_LENGTH] == b"DICM" else 0
    head = content[begin : begin + 12 + _LONGEST_META]
    if DeflatedExplicitVRLittleEndian.encode() not in head:
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


def refuse_truncated(dataset: Dataset) -> None:
    """Raise when the file ends inside an element: regions beyond that point would be lost unseen."""
    for element in dataset.values():
        value = getattr(element, "value", None)
        length = getattr(element, "length", 0)
        if isinstance(value, bytes) and length != _UNDEFINED_LENGTH and len(value) < length:
            raise InvalidDicom(
                f"The RT Structure Set is cut short: element {element.tag} announces {length} bytes "
                f"and only {len(value)} are there. Send it again."
            )
    for keyword in ("StructureSetROISequence", "ROIContourSequence"):
        if keyword not in dataset:
            raise InvalidDicom(
                f"The RT Structure Set holds no regions (no {keyword}): it is empty or was cut short. "
                "Export it again from the planning system."
            )
