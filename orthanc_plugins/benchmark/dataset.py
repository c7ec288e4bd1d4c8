"""What the benchmark sends: synthetic CT studies, the same for both archives.

Everything follows from the run and its seed. Pixels are a body in air with noise, 12 bits, so that an archive
that compresses has something to do. Patients are called ``PACSBENCH-RUN-…``, UIDs are of the root 2.25.
"""

from __future__ import annotations

import hashlib
import io
import math
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from orthanc_plugins.archives.base import DicomFile
from orthanc_plugins.identifiers import (
    BENCHMARK_PATIENT_PREFIX,
    SeriesUid,
    SopInstanceUid,
    StudyUid,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

UPLOAD_IMAGES = 100
QUERY_PATIENTS = 1000
RETRIEVED_BYTES = 500_000_000

EDGE = 512
"""Rows and columns of an image of the upload and of the large study: 524,288 bytes of pixels."""

SMALL_EDGE = 128
"""Rows and columns of the one image of each patient that is queried: 32,768 bytes of pixels."""

_BYTES_PER_PIXEL = 2
_LEAST_IMAGES = 2
_LEAST_PATIENTS = 5
_FIRST_DAY = date(2015, 1, 1)
_DAYS = 4000
_SPACING_MM = 0.9
_SLICE_MM = 2.0
_AIR_HU, _BODY_HU, _NOISE_HU = -1000, 40, 60


@dataclass(frozen=True)
class DatasetSize:
    """How much is sent: images of an upload, patients that are queried, images of the large study."""

    upload_images: int
    patients: int
    retrieved_images: int

    @property
    def retrieved_bytes(self) -> int:
        """Bytes of the large study's pixels."""
        return self.retrieved_images * EDGE * EDGE * _BYTES_PER_PIXEL

    @classmethod
    def scaled(cls, scale: float) -> DatasetSize:
        """Return the sizes of a scale; 1 is that of the seven questions.

        >>> DatasetSize.scaled(1)
        DatasetSize(upload_images=100, patients=1000, retrieved_images=954)
        """
        images = math.ceil(scale * RETRIEVED_BYTES / (EDGE * EDGE * _BYTES_PER_PIXEL))
        return cls(
            upload_images=max(_LEAST_IMAGES, round(scale * UPLOAD_IMAGES)),
            patients=max(_LEAST_PATIENTS, round(scale * QUERY_PATIENTS)),
            retrieved_images=max(_LEAST_IMAGES, images),
        )


@dataclass(frozen=True)
class SyntheticStudy:
    """One patient's one CT study with one series.

    Parameters
    ----------
    key
        Tells it from every other study of every run; UIDs and pixels follow from it.
    patient_id
        PatientID (0010,0020).
    number
        Which of its kind it is, from 0 on.
    images
        How many there are.
    edge
        Rows and columns of each.
    """

    key: str
    patient_id: str
    number: int
    images: int
    edge: int

    @property
    def study_uid(self) -> StudyUid:
        """Study Instance UID."""
        return StudyUid(_uid(self.key, "study"))

    @property
    def series_uid(self) -> SeriesUid:
        """Series Instance UID."""
        return SeriesUid(_uid(self.key, "series"))

    @property
    def sop_instance_uids(self) -> tuple[SopInstanceUid, ...]:
        """SOP Instance UIDs of the images, in their order."""
        return tuple(SopInstanceUid(_uid(self.key, str(place))) for place in range(self.images))

    @property
    def pixel_bytes(self) -> int:
        """Bytes of all images' pixels."""
        return self.images * self.edge * self.edge * _BYTES_PER_PIXEL

    def files(self) -> Iterator[DicomFile]:
        """Yield the images as DICOM files, each made when it is asked for."""
        dataset = self._dataset()
        for place, uid in enumerate(self.sop_instance_uids):
            dataset.SOPInstanceUID = UID(uid)
            dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
            dataset.InstanceNumber = place + 1
            dataset.ImagePositionPatient = [0.0, 0.0, place * _SLICE_MM]
            dataset.PixelData = self.pixels(place)
            content = io.BytesIO()
            dataset.save_as(content, enforce_file_format=True)
            yield DicomFile(uid, CTImageStorage, ExplicitVRLittleEndian, content.getvalue())

    def pixels(self, place: int) -> bytes:
        """Return the pixels of an image, in Hounsfield units, little endian."""
        seed = int.from_bytes(hashlib.sha256(f"{self.key}|{place}".encode()).digest()[:8])
        noise = np.random.default_rng(seed).integers(
            -_NOISE_HU, _NOISE_HU, (self.edge, self.edge), dtype=np.int16
        )
        return (_body(self.edge) + noise).astype("<i2").tobytes()

    def _dataset(self) -> Dataset:
        """Return what all images have in common (PS3.3 A.3, CT Image IOD)."""
        day = (_FIRST_DAY + timedelta(days=self.number % _DAYS)).strftime("%Y%m%d")
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.PatientID = self.patient_id
        dataset.PatientName = f"BENCHMARK^{self.patient_id.removeprefix(BENCHMARK_PATIENT_PREFIX)}"
        dataset.PatientBirthDate, dataset.PatientSex = "19700101", "O"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = self.study_uid, self.series_uid
        dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = day
        dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = "120000"
        dataset.StudyID, dataset.AccessionNumber = "1", f"B{self.number:07d}"
        dataset.StudyDescription = "Benchmark of the PACS suite"
        dataset.SeriesDescription, dataset.SeriesNumber = "Synthetic CT", 1
        dataset.ReferringPhysicianName = dataset.PositionReferenceIndicator = ""
        dataset.Modality, dataset.Manufacturer = "CT", "Orthanc PACS Suite"
        dataset.FrameOfReferenceUID = _uid(self.key, "frame")
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.AcquisitionNumber, dataset.KVP = 1, 120
        self._describe_pixels(dataset)
        return dataset

    def _describe_pixels(self, dataset: Dataset) -> None:
        dataset.Rows = dataset.Columns = self.edge
        dataset.PixelSpacing = [_SPACING_MM, _SPACING_MM]
        dataset.SliceThickness = _SLICE_MM
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 1
        dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1


@dataclass(frozen=True)
class StudyMaker:
    """Makes the studies of one run.

    Parameters
    ----------
    run_id
        Eight hex digits; studies of two runs have nothing in common.
    seed
        What pixels follow from, with the run.
    """

    run_id: str
    seed: int

    @property
    def patient_prefix(self) -> str:
        """How every PatientID of this run begins."""
        return patient_prefix(self.run_id)

    def study(self, purpose: str, number: int, images: int, edge: int) -> SyntheticStudy:
        """Return a study; the same arguments give the same.

        ``purpose`` is one word of capital letters, such as ``UPLOAD``; it stands in the PatientID.
        """
        return SyntheticStudy(
            key=f"{self.run_id}|{self.seed}|{purpose}|{number}",
            patient_id=f"{self.patient_prefix}{purpose}{number:05d}",
            number=number,
            images=images,
            edge=edge,
        )


def patient_prefix(run_id: str) -> str:
    """Return how every PatientID of a run begins.

    >>> patient_prefix("0123abcd")
    'PACSBENCH-0123abcd-'
    """
    return f"{BENCHMARK_PATIENT_PREFIX}{run_id}-"


def _uid(key: str, part: str) -> str:
    """Return a UID derived from a UUID (PS3.5 B.2)."""
    digest = hashlib.sha256(f"{key}|{part}".encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


@cache
def _body(edge: int) -> NDArray[np.int16]:
    """Return a round body in air, shape (edge, edge)."""
    place = (np.arange(edge) - edge / 2) / (0.4 * edge)
    inside = place[:, None] ** 2 + place[None, :] ** 2 < 1
    return np.where(inside, _BODY_HU, _AIR_HU).astype(np.int16)
