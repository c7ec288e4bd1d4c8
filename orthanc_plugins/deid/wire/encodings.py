"""How the transfer syntaxes write an element's head (PS3.5 7.1 and annex A)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Buffer

UNDEFINED = 0xFFFFFFFF
"""The length of what ends with a delimiter (PS3.5 7.5.2)."""
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
LONG_LENGTHS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
"""Value representations whose length takes four bytes, after two reserved ones (PS3.5 7.1.2)."""
_SHORT_LENGTHS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL"}
    | {b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
)
_LONGEST_SHORT = 0xFFFF
_IMPLICIT_UID = "1.2.840.10008.1.2"
_DEFLATED_UID = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN_UID = "1.2.840.10008.1.2.2"
_EXPLICIT_UIDS = frozenset({"1.2.840.10008.1.2.1", _DEFLATED_UID})
_ENCAPSULATED_PREFIX = "1.2.840.10008.1.2.4."
_ENCAPSULATED_UIDS = frozenset({"1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"})
"""RLE, and frames deflated one by one."""
_PIXELS_ELSEWHERE = frozenset({"1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95"}) | frozenset(
    {"1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205"}
)
"""JPIP (PS3.5 A.6, A.7, A.11): the pixels lie at an address that the data set names."""
_VIDEO_PREFIXES = ("1.2.840.10008.1.2.4.10",)
"""MPEG-2, MPEG-4 and HEVC (PS3.5 A.4.5 to A.4.10): 1.2.840.10008.1.2.4.100 to .108."""


class Header(NamedTuple):
    """An element's head: its tag, VR (empty where it is not written), where its value begins, its length."""

    tag: int
    vr: bytes
    value: int
    length: int


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a data set's elements are written.

    Parameters
    ----------
    explicit
        Each element tells its VR.
    little
        Numbers have their least significant byte first.
    deflated
        The data set is compressed as a whole (PS3.5 A.5).
    encapsulated
        Pixel Data holds codestreams in items (PS3.5 A.4).
    video
        The codestream is a video, whose frames cannot be told apart here.
    """

    explicit: bool = True
    little: bool = True
    deflated: bool = False
    encapsulated: bool = False
    video: bool = False

    def header(self, data: Buffer, position: int) -> Header:
        """Return the head of the element at this position.

        Raises
        ------
        InvalidDicom
            The bytes are no head of an element.
        """
        try:
            if not self.explicit:
                group, element, length = (_IMPLICIT_LE if self.little else _IMPLICIT_BE)(data, position)
                return Header(group << 16 | element, b"", position + 8, length)
            group, element, vr, length = (_EXPLICIT_LE if self.little else _EXPLICIT_BE)(data, position)
            if group == ITEM >> 16:
                _, _, length = (_IMPLICIT_LE if self.little else _IMPLICIT_BE)(data, position)
                return Header(group << 16 | element, b"", position + 8, length)
            if vr in _SHORT_LENGTHS:
                return Header(group << 16 | element, vr, position + 8, length)
            if vr in LONG_LENGTHS:
                (length,) = (_LONG_LE if self.little else _LONG_BE)(data, position + 8)
                return Header(group << 16 | element, vr, position + 12, length)
            if group == element == length == 0 and vr == b"\0\0":
                return Header(0, b"", position + 8, 0)  # zeros that some writers append
        except struct.error:
            rest = bytes(memoryview(data)[max(position - 8, 0) :])
            if len(rest) > 8 and not rest.strip(b"\0"):  # noqa: PLR2004 - at least one whole head of zeros
                return Header(0, b"", position + len(rest) - 8, 0)
            raise InvalidDicom(f"The data set ends inside an element, at byte {position}.") from None
        raise InvalidDicom(f"At byte {position} stands no element: its value representation is unknown.")

    def head(self, tag: int, vr: bytes, length: int) -> bytes:
        """Return the encoded head of an element; ``length`` in bytes, or `UNDEFINED`.

        What is too long for a length of two bytes is written as UN, whose length has four (PS3.5 6.2.2).
        """
        order = "<" if self.little else ">"
        if not self.explicit or tag >> 16 == ITEM >> 16:
            return struct.pack(f"{order}HHL", tag >> 16, tag & 0xFFFF, length)
        if length > _LONGEST_SHORT and vr not in LONG_LENGTHS:
            vr = b"UN"
        if vr in LONG_LENGTHS:
            return struct.pack(f"{order}HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, length)
        return struct.pack(f"{order}HH2sH", tag >> 16, tag & 0xFFFF, vr, length)

    def element(self, tag: int, vr: bytes, value: bytes) -> bytes:
        """Return an encoded element; the value is of even length already."""
        return self.head(tag, vr, len(value)) + value

    def length(self, number: int) -> bytes:
        """Return a length of four bytes as it is written."""
        return struct.pack("<L" if self.little else ">L", number)


_IMPLICIT_LE, _IMPLICIT_BE = struct.Struct("<HHL").unpack_from, struct.Struct(">HHL").unpack_from
_EXPLICIT_LE, _EXPLICIT_BE = struct.Struct("<HH2sH").unpack_from, struct.Struct(">HH2sH").unpack_from
_LONG_LE, _LONG_BE = struct.Struct("<L").unpack_from, struct.Struct(">L").unpack_from

IMPLICIT_LITTLE = Encoding(explicit=False)
EXPLICIT_LITTLE = Encoding()


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Return how a transfer syntax writes a data set.

    >>> encoding_of("1.2.840.10008.1.2.4.70").encapsulated
    True

    Raises
    ------
    InvalidDicom
        The transfer syntax is none of the standard's.
    """
    if transfer_syntax_uid == _IMPLICIT_UID:
        return IMPLICIT_LITTLE
    if transfer_syntax_uid in _EXPLICIT_UIDS:
        return Encoding(deflated=transfer_syntax_uid == _DEFLATED_UID)
    if transfer_syntax_uid == _BIG_ENDIAN_UID:
        return Encoding(little=False)
    if transfer_syntax_uid in _PIXELS_ELSEWHERE:
        raise InvalidDicom(f"With the transfer syntax {transfer_syntax_uid} the pixels lie elsewhere (JPIP).")
    if transfer_syntax_uid.startswith(_ENCAPSULATED_PREFIX) or transfer_syntax_uid in _ENCAPSULATED_UIDS:
        return Encoding(encapsulated=True, video=transfer_syntax_uid.startswith(_VIDEO_PREFIXES))
    raise InvalidDicom("Its transfer syntax is none of the standard's.")
