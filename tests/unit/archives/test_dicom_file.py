"""The SOP Instance UID at the beginning of a file, of every kind of file there is."""

from __future__ import annotations

import io

import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from orthanc_plugins.archives.dicom_file import sop_instance_uid

KNOWN = "1.2.826.0.1.3680043.8.498.1"


def written(uid: str = KNOWN) -> bytes:
    dataset = Dataset()
    dataset.PatientName = "DOE^JOHN"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("uid", [KNOWN, "1.2", "1.23"])
def test_the_uid_of_a_file_is_read(uid: str) -> None:
    assert sop_instance_uid(written(uid)) == uid


def test_a_file_cut_anywhere_gives_the_uid_or_nothing() -> None:
    whole = written()
    found = {sop_instance_uid(whole[:length]) for length in range(len(whole))}
    assert {KNOWN, None} <= found
    assert all(uid is None or KNOWN.startswith(uid) for uid in found)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        bytes(10_000),
        bytes(128) + b"DICM",
        bytes(128) + b"DICM" + bytes(10_000),
        bytes(128) + b"DICM" + b"\x02\x00\x03\x00UI\x06\x00../../",
        bytes(128) + b"DICM" + b"\x02\x00\x00\x00UN\x00\x00\xff\xff\xff\xff",
    ],
)
def test_what_tells_no_uid_has_none(content: bytes) -> None:
    assert sop_instance_uid(content) is None
