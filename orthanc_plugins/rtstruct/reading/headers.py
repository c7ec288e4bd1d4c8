"""The few elements that say what a DICOM file is and where its image lies, read from the file's beginning.

Decisions
---------
2026-11-21  A reader of its own for plain files (little endian, as nearly all are): tens of thousands of
            headers are read before anything else can begin, and pydicom builds a data set of each. What
            this reader does not understand it leaves to pydicom; both give the same texts.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct.reading.elements import parse_errors
from orthanc_plugins.rtstruct.reading.hush import hush_pydicom
from orthanc_plugins.rtstruct.reading.intact import refuse_inflated
from orthanc_plugins.rtstruct.reading.plain import (
    DEEPEST,
    FOREIGN,
    IMPLICIT,
    ITEM,
    ITEM_END,
    LONG,
    META_GROUP,
    PREAMBLE,
    PREFIX,
    SEQUENCE_END,
    TRANSFER_SYNTAX,
    UNDEFINED,
    NotPlainError,
    has_representation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO

    from pydicom.dataset import Dataset

type Header = Mapping[str, str]
"""Elements by DICOM keyword, as text without padding; several values are parted by a backslash."""

_ELEMENTS = {
    0x00080016: "SOPClassUID",
    0x00080018: "SOPInstanceUID",
    0x00080060: "Modality",
    0x00180050: "SliceThickness",
    0x0020000D: "StudyInstanceUID",
    0x0020000E: "SeriesInstanceUID",
    0x00200032: "ImagePositionPatient",
    0x00200037: "ImageOrientationPatient",
    0x00200052: "FrameOfReferenceUID",
    0x00280008: "NumberOfFrames",
    0x00280010: "Rows",
    0x00280011: "Columns",
    0x00280030: "PixelSpacing",
    0x00281054: "RescaleType",
    0x00541001: "Units",
}
_LAST = max(_ELEMENTS)
_SHORTS = frozenset({0x00280010, 0x00280011})

_FIRST_BYTES = 8192
_ENDING = ".dcm"


def read_header(path: Path | str) -> Header:
    """Return what a DICOM file holds of the elements that place an image (PS3.3 C.7.6.2), by keyword.

    The file is read no further than these.

    Raises
    ------
    InvalidDicom
        The file is not DICOM (PS3.10 7.1), cannot be read, or is damaged.
    """
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - called for each of many files
            return _Reader(stream).header()
    except NotPlainError:
        return _read_by_pydicom(path)
    except _DamagedError as error:
        raise InvalidDicom(f"{Path(path).name} is not a DICOM file, or is damaged: {error}.") from error
    except OSError as error:
        raise InvalidDicom(f"{Path(path).name} cannot be read: {error.strerror}.") from error


def is_cut_short(path: Path | str) -> bool:
    """Return whether a file whose header was read ends before that does, within an element."""
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - as above
            reader = _Reader(stream)
            with suppress(NotPlainError):
                reader.header()
            return reader.is_cut_short
    except (_DamagedError, OSError):
        return True


def claims_dicom(path: Path | str) -> bool:
    """Return whether a file that could not be read was to be DICOM, by its name or first bytes (PS3.10 7.1).

    An empty file, or one that cannot be opened, may have been.
    """
    if Path(path).suffix.lower() == _ENDING:
        return True
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - as above
            start = stream.read(PREAMBLE + len(PREFIX))
    except OSError:
        return True
    return not start or start.endswith(PREFIX, PREAMBLE)


def header_of(dataset: Dataset) -> Header:
    """Return the same elements of a data set in memory.

    Raises
    ------
    InvalidDicom
        A value cannot be understood.
    """
    from pydicom.multival import MultiValue  # noqa: PLC0415 - plain files need no pydicom

    found = {}
    hush_pydicom()
    try:
        for keyword in _ELEMENTS.values():
            value = dataset.get(keyword)
            if value is not None:
                parts = value if isinstance(value, MultiValue | list | tuple) else (value,)
                found[keyword] = "\\".join(str(part).strip(" \0") for part in parts)
    except parse_errors() as error:
        uid = found.get("SOPInstanceUID", "")
        raise InvalidDicom(f"Image {uid} has a header that is damaged ({type(error).__name__}).") from error
    return found


def frames_of(header: Header) -> int:
    """Return Number of Frames (0028,0008), 1 where it is not stated."""
    stated = header.get("NumberOfFrames", "").strip()
    return int(stated) if stated.isdecimal() else 1


def _read_by_pydicom(path: Path | str) -> Header:
    import pydicom  # noqa: PLC0415 - as above

    hush_pydicom()
    try:
        refuse_inflated(Path(path), "file")
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_ELEMENTS.values()))
    except parse_errors(OSError) as error:
        raise InvalidDicom(
            f"{Path(path).name} is not a DICOM file, is damaged, or cannot be read."
        ) from error
    return header_of(dataset)


class _DamagedError(Exception):
    """The file is not what it claims to be."""


class _Reader:
    """Walks over the elements at the top of a file, reading as much of it as that takes."""

    def __init__(self, stream: FileIO) -> None:
        self._stream = stream
        self._data = stream.read(_FIRST_BYTES)
        self._explicit = True
        self.is_cut_short = False

    def header(self) -> Header:
        """Return the elements asked for."""
        start = PREAMBLE + len(PREFIX)
        if self._data[PREAMBLE:start] != PREFIX:
            raise _DamagedError("it lacks the prefix of DICOM files")
        position, syntax = self._meta(start)
        self.is_cut_short = not self._holds(position + 8)
        if syntax in FOREIGN or not syntax:
            raise NotPlainError
        self._explicit = syntax != IMPLICIT
        if not self._explicit and has_representation(self._data, position):
            raise NotPlainError
        found: dict[str, str] = {}
        while (element := self._element(position)) is not None:
            tag, value, length = element
            if tag > _LAST:
                break
            if length == UNDEFINED:
                position = self._after_sequence(value, depth=0)
                continue
            position = value + length
            if tag in _ELEMENTS:
                found[_ELEMENTS[tag]] = self._text(tag, value, length)
        else:
            self.is_cut_short = position != self._size
        return found

    def _meta(self, position: int) -> tuple[int, bytes]:
        """Return where the data set begins, and its transfer syntax (PS3.10 7.1)."""
        syntax = b""
        while self._holds(position + len(META_GROUP)) and self._data.startswith(META_GROUP, position):
            element = self._element(position)
            if element is None:
                break
            tag, value, length = element
            if length == UNDEFINED:
                raise NotPlainError
            if tag == TRANSFER_SYNTAX:
                syntax = self._bytes(value, length).rstrip(b" \0")
            position = value + length
        return position, syntax

    def _element(self, position: int) -> tuple[int, int, int] | None:
        """Return an element's tag, where its value begins, and its length; None at the end of the file."""
        if not self._holds(position + 8):
            return None
        group, number = struct.unpack_from("<HH", self._data, position)
        tag = group << 16 | number
        if not self._explicit or group == 0xFFFE:  # noqa: PLR2004 - items have no representation
            (length,) = struct.unpack_from("<L", self._data, position + 4)
            return tag, position + 8, length
        representation = self._data[position + 4 : position + 6]
        if representation in LONG:
            if not self._holds(position + 12):
                return None
            (length,) = struct.unpack_from("<L", self._data, position + 8)
            if length == UNDEFINED and representation == b"UN":
                raise NotPlainError
            return tag, position + 12, length
        if not (representation.isalpha() and representation.isupper()):
            raise NotPlainError
        (length,) = struct.unpack_from("<H", self._data, position + 6)
        return tag, position + 8, length

    def _after_sequence(self, position: int, depth: int) -> int:
        """Return where a sequence of undefined length, whose first item is here, has ended (PS3.5 7.5)."""
        if depth > DEEPEST:
            raise NotPlainError
        while (element := self._element(position)) is not None:
            tag, value, length = element
            if tag == SEQUENCE_END:
                return value
            if tag == ITEM and length == UNDEFINED:
                position = self._after_item(value, depth)
            else:
                position = value + length
        raise _DamagedError("a sequence does not end")

    def _after_item(self, position: int, depth: int) -> int:
        while (element := self._element(position)) is not None:
            tag, value, length = element
            if tag == ITEM_END:
                return value
            position = self._after_sequence(value, depth + 1) if length == UNDEFINED else value + length
        raise _DamagedError("an item does not end")

    def _text(self, tag: int, value: int, length: int) -> str:
        content = self._bytes(value, length)
        if tag in _SHORTS:
            return str(int.from_bytes(content[:2], "little"))
        return content.decode("latin-1").strip(" \0")

    def _bytes(self, start: int, length: int) -> bytes:
        if not self._holds(start + length):
            raise _DamagedError("it is cut short")
        return self._data[start : start + length]

    @property
    def _size(self) -> int:
        return os.fstat(self._stream.fileno()).st_size

    def _holds(self, size: int) -> bool:
        """Return whether the file has as many bytes as this, reading on to these."""
        if size <= len(self._data):
            return True
        if size > self._size:
            return False
        while len(self._data) < size:
            more = self._stream.read(max(_FIRST_BYTES, size - len(self._data)))
            if not more:
                return False
            self._data += more
        return True
