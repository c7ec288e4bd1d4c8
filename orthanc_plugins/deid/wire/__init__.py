"""Encoded data sets, read and rewritten by the byte (PS3.5 chapter 7, PS3.10 chapter 7).

Public: `Encoding` and `encoding_of` (how a transfer syntax writes elements), `Part10`, `read_part10` and
`part10_head` (the file around a data set), `Rewriter` (a copy with pieces exchanged), `skip_value` (where an
element ends), `without_comments` and `frames_without_comments` (codestreams).

Decisions
---------
2026-11-30  No DICOM library here: what needs no action is copied as bytes, whole runs at a time, so that a
            structure set's contours are never turned into numbers and back. The check of what comes out
            (room ``validation``) reads with pydicom, so a fault of this reader cannot hide itself.
2026-11-30  What does not fit the standard's encoding to the byte is refused, not guessed at.
"""

from orthanc_plugins.deid.wire.encodings import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    LONG_LENGTHS,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
    Header,
    encoding_of,
)
from orthanc_plugins.deid.wire.part10 import Part10, part10_head, read_part10
from orthanc_plugins.deid.wire.rewriter import Rewriter
from orthanc_plugins.deid.wire.skipping import skip_value

__all__ = [
    "EXPLICIT_LITTLE",
    "IMPLICIT_LITTLE",
    "ITEM",
    "ITEM_END",
    "LONG_LENGTHS",
    "SEQUENCE_END",
    "UNDEFINED",
    "Encoding",
    "Header",
    "Part10",
    "Rewriter",
    "encoding_of",
    "part10_head",
    "read_part10",
    "skip_value",
]
