"""What the beginning of a DICOM file tells, read without a DICOM library: Orthanc's process loads none."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import DicomFile
from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import SopInstanceUid, is_dicom_uid

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREAMBLE_BYTES = 128
_PREFIX = b"DICM"
_META_GROUP = 0x0002
_MEDIA_STORAGE_SOP_CLASS_UID = 0x0002
_MEDIA_STORAGE_SOP_INSTANCE_UID = (0x0002, 0x0003)
_TRANSFER_SYNTAX_UID = 0x0010
_ELEMENTS_UP_TO_IT = 4
"""Group length, version, SOP Class UID, and itself; elements stand in the order of their tags."""
_LONG_LENGTHS = frozenset({b"OB", b"OW", b"UN", b"UT", b"SQ"})
"""Value representations whose length has four bytes after two reserved ones (PS3.5 7.1.2)."""


def sop_instance_uid(content: bytes) -> SopInstanceUid | None:
    r"""Return the Media Storage SOP Instance UID (0002,0003) of a DICOM file (PS3.10 7.1).

    None when the file has no File Meta Information, or none that can be read.

    >>> element = b"\x02\x00\x03\x00UI\x06\x001.2.3\x00"
    >>> sop_instance_uid(bytes(128) + b"DICM" + element), sop_instance_uid(b"no DICOM")
    ('1.2.3', None)
    """
    position = _PREAMBLE_BYTES + len(_PREFIX)
    if content[_PREAMBLE_BYTES:position] != _PREFIX:
        return None
    try:
        for _ in range(_ELEMENTS_UP_TO_IT):
            group, element, representation, length = struct.unpack_from("<HH2sH", content, position)
            position += 8
            if representation in _LONG_LENGTHS:
                (length,) = struct.unpack_from("<L", content, position)
                position += 4
            if (group, element) == _MEDIA_STORAGE_SOP_INSTANCE_UID:
                uid = content[position : position + length].rstrip(b"\0 ").decode("latin-1")
                return SopInstanceUid(uid) if is_dicom_uid(uid) else None
            position += length
    except struct.error:
        return None  # it ends before
    return None


@dataclass(frozen=True)
class FileMeta:
    """The File Meta Information of a file (PS3.10 7.1), and where the data set begins, in bytes."""

    sop_class_uid: str
    sop_instance_uid: SopInstanceUid
    transfer_syntax_uid: str
    data_set_offset: int


def read_file_meta(content: bytes) -> FileMeta:
    """Return the File Meta Information of a DICOM file.

    Raises
    ------
    InvalidDicom
        It has none, or it lacks one of the UIDs.
    """
    found: dict[int, str] = {}
    end = _PREAMBLE_BYTES + len(_PREFIX)
    try:
        for element, begin, end in _meta_elements(content):
            if element in {
                _MEDIA_STORAGE_SOP_CLASS_UID,
                _MEDIA_STORAGE_SOP_INSTANCE_UID[1],
                _TRANSFER_SYNTAX_UID,
            }:
                found[element] = content[begin:end].rstrip(b"\0 ").decode("latin-1")
        uids = [found[one] for one in (_MEDIA_STORAGE_SOP_CLASS_UID, 0x0003, _TRANSFER_SYNTAX_UID)]
    except (struct.error, KeyError):
        uids = [""]
    if not all(is_dicom_uid(uid) for uid in uids):
        raise InvalidDicom("It is no DICOM file: its File Meta Information cannot be read.")
    return FileMeta(uids[0], SopInstanceUid(uids[1]), uids[2], end)


def described(content: bytes) -> DicomFile:
    """Return a DICOM file with what its File Meta Information tells; InvalidDicom when it tells nothing."""
    meta = read_file_meta(content)
    return DicomFile(meta.sop_instance_uid, meta.sop_class_uid, meta.transfer_syntax_uid, content)


def _meta_elements(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield each element of group 2: its number, where its value begins, and where it ends."""
    position = _PREAMBLE_BYTES + len(_PREFIX)
    if content[_PREAMBLE_BYTES:position] != _PREFIX:
        return
    while position < len(content):
        group, element, representation, length = struct.unpack_from("<HH2sH", content, position)
        if group != _META_GROUP:
            return
        position += 8
        if representation in _LONG_LENGTHS:
            (length,) = struct.unpack_from("<L", content, position)
            position += 4
        yield element, position, position + length
        position += length
