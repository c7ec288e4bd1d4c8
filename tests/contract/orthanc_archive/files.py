"""Small images, and how they are stored."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from orthanc_plugins.archives.base import DicomFile, StoreState, Transport
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.identifiers import StudyUid

if TYPE_CHECKING:
    from orthanc_plugins.archives import OrthancArchive
    from orthanc_plugins.archives.base import InstanceEntry

STUDY = StudyUid("1.2.3")


def file(study: str = STUDY, series: str = "1", instance: str = "1", **elements: Any) -> DicomFile:
    """Return a small image; series and instance are counted below the study's UID."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{study}.{series}.{instance}"
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = f"{study}.{series}"
    standard = {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientID": "P1",
        "PatientName": "Müller^Änne",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "StudyDate": "20260102",
        "StudyTime": "101112",
        "StudyID": "S1",
        "AccessionNumber": "A1",
        "StudyDescription": "Thorax",
        "ReferringPhysicianName": "Doe^John",
        "Modality": "CT",
        "Rows": 4,
        "Columns": 4,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": bytes(16),
    }
    for keyword, value in (standard | elements).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    written = io.BytesIO()
    dcmwrite(written, dataset, enforce_file_format=True)
    return described(written.getvalue())


def store(archive: OrthancArchive, *files: DicomFile, transport: Transport = Transport.STOW) -> None:
    outcomes = list(archive.store(files, transport))
    assert {outcome.sop_instance_uid for outcome in outcomes} == {one.sop_instance_uid for one in files}
    assert {outcome.state for outcome in outcomes} == {StoreState.STORED}


def uids(entries: list[InstanceEntry] | Any) -> set[str]:
    return {str(entry.sop_instance_uid) for entry in entries}
