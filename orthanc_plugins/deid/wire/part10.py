"""The file around a data set: preamble and File Meta Information (PS3.10 7.1)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.deid.wire.encodings import EXPLICIT_LITTLE, Encoding, encoding_of
from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import is_dicom_uid

if TYPE_CHECKING:
    from collections.abc import Buffer

IMPLEMENTATION_CLASS_UID = "2.25.227405571374917519863405212519862903491"
"""Of the suite's writer of de-identified files; one UUID, chosen once."""
IMPLEMENTATION_VERSION_NAME = "ORTHANC_PACS_S"
_PREAMBLE = 128
_META_GROUP = 0x0002
_SOP_CLASS, _TRANSFER_SYNTAX = 0x00020002, 0x00020010
_LARGEST_DATA_SET = 2**32
"""Inflated, in bytes: a deflated data set that claims more is refused."""


@dataclass(frozen=True)
class Part10:
    """A DICOM file taken apart.

    Parameters
    ----------
    transfer_syntax_uid
        (0002,0010).
    encoding
        What it says of how elements are written.
    data_set
        The encoded data set, inflated where it was deflated.
    begin
        Where in ``data_set`` its first element stands.
    sop_class_uid
        Media Storage SOP Class UID (0002,0002), as the file says it; of a directory it stands nowhere else.
    """

    transfer_syntax_uid: str
    encoding: Encoding
    data_set: Buffer
    begin: int
    sop_class_uid: str = ""


def read_part10(data: Buffer) -> Part10:
    """Return the parts of a DICOM file.

    Parameters
    ----------
    data
        The whole file: bytes, or a file mapped into memory.

    Raises
    ------
    InvalidDicom
        It is no file of PS3.10, or of a transfer syntax that is none of the standard's.
    """
    view = memoryview(data)
    if bytes(view[_PREAMBLE : _PREAMBLE + 4]) != b"DICM":
        raise InvalidDicom("It is no DICOM file of PS3.10: the prefix DICM is missing after the preamble.")
    position, uids = _PREAMBLE + 4, dict[int, str]()
    while position < len(view):
        head = (
            EXPLICIT_LITTLE.header(data, position)
            if bytes(view[position : position + 2]) == b"\2\0"
            else None
        )
        if head is None:
            break
        position = head.value + head.length
        if head.tag in {_SOP_CLASS, _TRANSFER_SYNTAX}:
            uids[head.tag] = bytes(view[head.value : position]).rstrip(b"\0 ").decode("latin-1")
    syntax = uids.get(_TRANSFER_SYNTAX, "")
    if not is_dicom_uid(syntax):
        raise InvalidDicom("Its File Meta Information names no Transfer Syntax UID (0002,0010).")
    encoding = encoding_of(syntax)
    if encoding.deflated:
        data, position = _inflated(view[position:]), 0
    return Part10(syntax, encoding, data, position, uids.get(_SOP_CLASS, ""))


def _inflated(compressed: memoryview) -> bytes:
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = decompressor.decompress(compressed, _LARGEST_DATA_SET)
    except zlib.error:
        raise InvalidDicom("Its deflated data set cannot be inflated.") from None
    if not decompressor.eof:
        raise InvalidDicom("Its deflated data set ends too early, or is larger than 4 GiB.")
    if decompressor.unused_data.strip(b"\0"):
        raise InvalidDicom("Bytes stand after the end of its deflated data set.")
    return inflated


def deflated(data_set: bytes) -> bytes:
    """Return a data set as the deflated transfer syntax writes it, of even length (PS3.5 A.5)."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    content = compressor.compress(data_set) + compressor.flush()
    return content + b"\0" * (len(content) % 2)


def part10_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return a new preamble of zeros and a new File Meta Information; nothing of an old one is taken over."""
    elements = b"".join(
        EXPLICIT_LITTLE.element(_META_GROUP << 16 | element, vr, value + _padding(vr) * (len(value) % 2))
        for element, vr, value in (
            (0x0001, b"OB", b"\0\1"),
            (0x0002, b"UI", sop_class_uid.encode()),
            (0x0003, b"UI", sop_instance_uid.encode()),
            (0x0010, b"UI", transfer_syntax_uid.encode()),
            (0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode()),
            (0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode()),
        )
    )
    length = EXPLICIT_LITTLE.element(_META_GROUP << 16, b"UL", len(elements).to_bytes(4, "little"))
    return b"\0" * _PREAMBLE + b"DICM" + length + elements


def _padding(vr: bytes) -> bytes:
    return b"\0" if vr in {b"UI", b"OB"} else b" "
