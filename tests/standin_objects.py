"""Small DICOM objects for the tests of DCM4CHEE's stand-in, and how they are sent to it."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

import requests
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "2.25.9007199254740993"
_NUMBERS = itertools.count(1)


def new_uid() -> str:
    """Return a UID that no other object of this process has."""
    return f"{ROOT}.{next(_NUMBERS)}"


def build_object(**attributes: Any) -> Dataset:
    """Return a CT image of 8 x 8 pixels, of a patient, study and series of its own unless they are given."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    given = {
        "SpecificCharacterSet": "ISO_IR 100",
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": new_uid(),
        "StudyInstanceUID": new_uid(),
        "SeriesInstanceUID": new_uid(),
        "PatientName": "Doe^Jane",
        "PatientID": f"P{next(_NUMBERS)}",
        "PatientBirthDate": "19600229",
        "PatientSex": "F",
        "StudyDate": "20260102",
        "StudyTime": "120000",
        "StudyID": "S1",
        "StudyDescription": "Thorax",
        "AccessionNumber": "A1",
        "ReferringPhysicianName": "Roe^Rita",
        "Modality": "CT",
        "SeriesNumber": "1",
        "InstanceNumber": "1",
        "SliceThickness": "2.50",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 8,
        "Columns": 8,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "PixelData": bytes(range(128)),
        **attributes,
    }
    for keyword, value in given.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def content_of(dataset: Dataset) -> bytes:
    """Return a data set as a file."""
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def build_series(count: int, **attributes: Any) -> list[Dataset]:
    """Return the objects of one series."""
    common = {
        "StudyInstanceUID": new_uid(),
        "SeriesInstanceUID": new_uid(),
        "PatientID": new_uid(),
        **attributes,
    }
    return [build_object(**{"InstanceNumber": str(number), **common}) for number in range(1, count + 1)]


def multipart(*contents: bytes, kind: str = "application/dicom", boundary: str = "boundary") -> bytes:
    """Return parts as the body of STOW-RS."""
    head = f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode()
    return b"".join(head + content + b"\r\n" for content in contents) + f"--{boundary}--\r\n".encode()


STOW_HEADERS = {
    "Content-Type": 'multipart/related; type="application/dicom"; boundary=boundary',
    "Accept": "application/dicom+json",
}


def stow(url: str, *datasets: Dataset | bytes, path: str = "/studies") -> requests.Response:
    """Send objects by STOW-RS."""
    contents = [one if isinstance(one, bytes) else content_of(one) for one in datasets]
    return requests.post(url + path, data=multipart(*contents), headers=STOW_HEADERS, timeout=60)


def parts_of(answer: requests.Response) -> Iterator[bytes]:
    """Yield the parts of an answer of WADO-RS."""
    boundary = answer.headers["Content-Type"].split("boundary=")[1].split(";")[0].strip('"')
    for part in (b"\r\n" + answer.content).split(b"\r\n--" + boundary.encode())[1:-1]:
        yield part.split(b"\r\n\r\n", 1)[1]
