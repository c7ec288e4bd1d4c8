"""A data set that is encoded once and then given other values, without the rest being encoded again."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR, tag_for_keyword

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import FileDataset

_PREFIX = b"DICM"
_PREAMBLE_BYTES = 128
_META_GROUP = 2
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"})
"""Value representations whose length takes four bytes (PS3.5 7.1.2)."""
_TEXT = frozenset({"LO", "PN", "SH", "ST", "LT"})
_NUMBER = b"00000000"
_OWN = b"2.25.2718281"


def numbered_uid(number: int, role: int) -> str:
    """Return the UID that something of a study has: ``role`` tells it from the others of the same study.

    All of them are of the same, even length, so that one takes another's place in encoded bytes.

    >>> numbered_uid(42, 1003)
    '2.25.271828100000042001003'
    """
    return f"{_OWN.decode()}{number:08d}{role:06d}"


def study_number(study_uid: str) -> int:
    """Return the number of the study of a UID.

    >>> study_number(numbered_uid(42, 0))
    42
    """
    return int(study_uid[len(_OWN) : len(_OWN) + len(_NUMBER)])


class EncodedDataSet:
    """A DICOM file, explicit VR little endian, made with the UIDs of study 0."""

    def __init__(self, dataset: FileDataset) -> None:
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        content = buffer.getvalue()
        self._elements = _elements(content)
        first = min(tag for tag in self._elements if tag >> 16 > _META_GROUP)
        self._meta = content[: content.index(self._elements[first], _PREAMBLE_BYTES)]

    def file(
        self, number: int, values: Mapping[str, str | None], encoding: str, pixels: bytes = b""
    ) -> bytes:
        """Return the file of the study of a number.

        Parameters
        ----------
        values
            By keyword, elements at the top of the data set; their text in Python's
            ``encoding``; None is absent.
        pixels
            The first bytes of Pixel Data.
        """
        elements = dict(self._elements)
        for keyword, value in values.items():
            tag = tag_for_keyword(keyword)
            assert tag is not None
            if value is None:
                elements.pop(tag, None)
            else:
                elements[tag] = _short(tag, value, encoding)
        if pixels:
            whole = elements[0x7FE00010]
            elements[0x7FE00010] = whole[:12] + pixels + whole[12 + len(pixels) :]
        joined = b"".join(elements[tag] for tag in sorted(elements))
        return (self._meta + joined).replace(_OWN + _NUMBER, _OWN + b"%08d" % number)


def _short(tag: int, value: str, encoding: str) -> bytes:
    vr = dictionary_VR(tag)
    raw = value.encode(encoding if vr in _TEXT else "ascii")
    raw += b" " * (len(raw) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(raw)) + raw


def _elements(content: bytes) -> dict[int, bytes]:
    """Return the elements at the top, each as it is encoded, without those of the file's meta information."""
    assert content[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == _PREFIX
    found = {}
    place = _PREAMBLE_BYTES + len(_PREFIX)
    while place < len(content):
        group, element, vr, length = struct.unpack_from("<HH2sH", content, place)
        header = 8
        if vr in _LONG:
            header, length = 12, struct.unpack_from("<I", content, place + 8)[0]
        end = place + header + length
        if group != _META_GROUP:
            found[group << 16 | element] = content[place:end]
        place = end
    return found
