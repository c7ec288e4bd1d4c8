"""What the beginning of a DICOM file tells, read without a DICOM library: Orthanc's process loads none."""

from __future__ import annotations

import struct

from orthanc_plugins.identifiers import SopInstanceUid, is_dicom_uid

_PREAMBLE_BYTES = 128
_PREFIX = b"DICM"
_MEDIA_STORAGE_SOP_INSTANCE_UID = (0x0002, 0x0003)
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
