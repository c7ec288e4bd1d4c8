"""A PET series in the frame of a case's own images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from tests.builders.images import build_images
from tests.builders.phantom import RegionSpec, sample_regions
from tests.builders.uids import UidSource

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

    from tests.builders.case import Case

_UPTAKE = {"BODY": 800.0, "Heart": 6000.0, "GTV": 12000.0}
"""Activity in Bq/ml by region; at 70 kg and 300 MBq the target has a SUV of 2.8."""


def build_pet(case: Case, *, seed: int = 0) -> list[FileDataset]:
    """Return the images of a PET series of the case's study, with what a SUV needs."""
    source = UidSource(seed)
    shared = Dataset()
    for element in case.images[0]:
        if element.tag.group in {0x0008, 0x0010, 0x0020} and element.keyword not in {
            "SOPClassUID",
            "SOPInstanceUID",
        }:
            shared.add(element)
    shared.SeriesInstanceUID = source.uid("pet series")
    shared.SeriesNumber = 2
    shared.SeriesDescription = "PET"
    shared.AcquisitionDate, shared.AcquisitionTime = shared.StudyDate, shared.StudyTime
    shared.PatientWeight = "70"
    regions = [
        RegionSpec(one.name, one.shape, _UPTAKE[one.name])
        for one in sample_regions(case.frame)
        if one.name in _UPTAKE
    ]
    uids = [source.uid(f"pet {index}") for index in range(case.frame.size[0])]
    images = build_images(case.frame, regions, uids, shared, "PT")
    for image in images:
        image.SeriesType = ["STATIC", "IMAGE"]
        image.FrameReferenceTime = "0"
        image.ActualFrameDuration = "600000"
        image.WindowCenter, image.WindowWidth = "5000", "10000"
        image.RadiopharmaceuticalInformationSequence = DicomSequence([_injection(image)])
    return images


def _injection(image: Dataset) -> Dataset:
    """Return what was given to the patient, an hour before (F-18)."""
    item = Dataset()
    item.Radiopharmaceutical = "FDG"
    item.RadiopharmaceuticalStartTime = "020405"
    item.RadiopharmaceuticalStartDateTime = f"{image.StudyDate}020405"
    item.RadionuclideTotalDose = "300000000"
    item.RadionuclideHalfLife = "6586.2"
    item.RadionuclidePositronFraction = "0.967"
    return item
