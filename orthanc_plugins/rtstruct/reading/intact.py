"""Refuse what is no structure set, is damaged as a whole or inflates beyond reason; tell what is left out."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE
from orthanc_plugins.rtstruct.problems import Problem, counted
from orthanc_plugins.rtstruct.reading.elements import uid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orthanc_plugins.rtstruct.reading.elements import Item

MOST_INFLATED = 2**29
"""More bytes than this (512 MiB) no structure set, RT Dose or image of one slice holds."""
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_SOP_CLASS = 0x00080016
_INFLATED_AT_ONCE = 2**20
_DEFLATED_AT_ONCE = 2**18
_META_LENGTH = 132
"""Where File Meta Information Group Length (0002,0000) stands, after preamble and prefix (PS3.10 7.1)."""
_LONGEST_META = 2048
_TOLD = 5


def refuse_inflated(source: bytes | Path, what: str) -> None:
    """Raise when a deflated file (PS3.5 A.5) holds more than any of its kind does; it bounds memory.

    Parameters
    ----------
    source
        The file's bytes or its path. Of one that is not deflated only the beginning is read.
    what
        The kind of object, as the text shall name it.

    Raises
    ------
    InvalidDicom
        It holds more than `MOST_INFLATED` bytes.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
        head = stream.read(_META_LENGTH + 12 + _LONGEST_META)
        begin = _META_LENGTH if head[_META_LENGTH - 4 : _META_LENGTH] == b"DICM" else 0
        if _DEFLATED not in head[begin : begin + 12 + _LONGEST_META]:
            return
        (length,) = struct.unpack_from("<I", head, begin + 8)
        stream.seek(begin + 12 + length)
        if any(size > MOST_INFLATED for size in _inflated_sizes(stream)):
            raise InvalidDicom(
                f"The {what} is compressed and holds more than {MOST_INFLATED >> 20} MiB: it is "
                "damaged or made to do harm. Export it again without compression."
            )


def _inflated_sizes(stream: BinaryIO) -> Iterator[int]:
    """Yield how many bytes a stream inflates to, growing, up to its end."""
    inflating, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while not inflating.eof and (rest := stream.read(_DEFLATED_AT_ONCE)):
        while rest and not inflating.eof:
            size += len(inflating.decompress(rest, _INFLATED_AT_ONCE))
            rest = inflating.unconsumed_tail
            yield size


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


def left_out(faults: Sequence[str], usable: int) -> tuple[Problem, ...]:
    """Return the warning that images were left out; ``faults`` says of each what is wrong, and names it.

    Raises
    ------
    InvalidDicom
        There is no other image.
    """
    if not faults:
        return ()
    told = " ".join((*faults[:_TOLD], *(["…"] if len(faults) > _TOLD else [])))
    if not usable:
        count = counted(len(faults), "image")
        raise InvalidDicom(f"The series holds no image that can be used ({count} left out). {told}")
    count = counted(len(faults), "image was", "images were")
    return (Problem("unusable_images", f"{count} left out of the series. {told}"),)
