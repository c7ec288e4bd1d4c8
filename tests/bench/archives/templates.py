"""One encoded data set for each kind of instance, built once by the builders of all tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import BasicTextSRStorage, CTImageStorage

from tests.bench.archives.encoded import EncodedDataSet, numbered_uid
from tests.builders import Box, Ellipsoid, Identity, ImageFrame, RegionSpec, build_case
from tests.builders.images import new_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import FileDataset

    from tests.builders import Case

_WESTERN = ("Hôpital Sainte-Élise", "Blase/Prostata ä", "Unauffällig.")
_TEXTS = {
    "ISO_IR 192": _WESTERN,
    "ISO_IR 100": _WESTERN,
    "ISO_IR 144": ("Городская больница", "Пузырь", "Без патологии."),
}
"""For each character set of data sets a hospital, a region and a finding that it can write."""
CREATOR = "PACS SUITE BENCH"
"""Who has reserved the block of private elements in group 0029."""


@dataclass(frozen=True)
class SeriesKind:
    """A kind of series that studies have; ``number`` tells it from the others in UIDs."""

    name: str
    modality: str
    number: int
    files: tuple[EncodedDataSet, ...]
    pixels: bool


@cache
def series_kinds(character_set: str) -> dict[str, SeriesKind]:
    """Return all kinds of series by their names, their text in a Specific Character Set (0008,0005)."""
    ct, structures = _ct(character_set)
    twelve = [_with_bits(image) for image in _ct(character_set)[0]]
    return {
        kind.name: kind
        for kind in (
            _kind("ct", "CT", 1, ct),
            _kind("ct12", "CT", 1, twelve),
            _kind("mr", "MR", 2, _mr(character_set)),
            _kind("structures", "RTSTRUCT", 3, [structures]),
            _kind("report", "SR", 4, [_report(character_set)]),
        )
    }


def _kind(name: str, modality: str, number: int, datasets: list[FileDataset]) -> SeriesKind:
    for place, dataset in enumerate(datasets, 1):
        uid = numbered_uid(0, 1000 * number + place)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid  # type: ignore[assignment]
        dataset.SeriesInstanceUID = numbered_uid(0, 1000 * number)
    files = tuple(EncodedDataSet(dataset) for dataset in datasets)
    return SeriesKind(name, modality, number, files, "PixelData" in datasets[0])


def _case(character_set: str, modality: str, slices: int) -> Case:
    frame = ImageFrame(size=(slices, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=5.0)
    regions = (
        RegionSpec("BODY", Box((0, 0, 0), (100, 90, 15)), 20.0, (0, 200, 120), "EXTERNAL"),
        RegionSpec(_TEXTS[character_set][1], Ellipsoid((10, 5, 0), (16, 20, 7.4)), 45.0, (255, 160, 0)),
    )
    identity = Identity(extra={"SpecificCharacterSet": character_set})
    return build_case(
        frame=frame, regions=regions, modality=modality, noise=9.0, seed=slices, identity=identity
    )


def _ct(character_set: str) -> tuple[list[FileDataset], FileDataset]:
    case = _case(character_set, "CT", 3)
    new = {case.reference.study_uid: 0, case.reference.frame_uid: 900_000, case.reference.series_uid: 1000}
    new |= {uid: 1001 + place for place, uid in enumerate(case.reference.image_uids)}
    for dataset in (*case.images, case.structure_set):
        _renumber(dataset, new)
    for image in case.images:
        _enrich(image, _TEXTS[character_set][0])
    return case.images, case.structure_set


def _mr(character_set: str) -> list[FileDataset]:
    case = _case(character_set, "MR", 2)
    for image in case.images:
        _renumber(image, {case.reference.study_uid: 0, case.reference.frame_uid: 901_000})
        image.SeriesNumber = 2
        image.SeriesDescription = "t2_tse"
    return case.images


def _with_bits(image: FileDataset) -> FileDataset:
    """Return the image with 12 bits stored."""
    values = np.frombuffer(image.PixelData, "<u2") & 0x0FFF
    image.PixelData = values.tobytes()
    image.BitsStored, image.HighBit = 12, 11
    return image


def _renumber(dataset: FileDataset, new: dict[str, int]) -> None:
    for element in dataset.iterall():
        if element.VR == "UI" and element.value in new:
            element.value = numbered_uid(0, new[str(element.value)])


def _enrich(image: FileDataset, hospital: str) -> None:
    """Give an image what comparisons must look into: a nested sequence, private elements, bulk values."""
    code, reference = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "121311", "DCM", "Localizer"
    reference.ReferencedSOPClassUID = CTImageStorage
    reference.ReferencedSOPInstanceUID = numbered_uid(0, 9001)
    reference.PurposeOfReferenceCodeSequence = DicomSequence([code])
    image.ReferencedImageSequence = DicomSequence([reference])
    image.ProtocolName = "Thorax nativ"
    image.InstitutionName = hospital
    image.StationName = "CT1"
    block = image.private_block(0x0029, CREATOR, create=True)
    block.add_new(0x01, "LO", "protocol 7")
    block.add_new(0x02, "OB", bytes(range(64)))


def _report(character_set: str) -> FileDataset:
    dataset = new_file(BasicTextSRStorage, numbered_uid(0, 4001))
    dataset.SpecificCharacterSet = character_set
    dataset.StudyInstanceUID = numbered_uid(0, 0)
    dataset.Modality = "SR"
    dataset.SeriesNumber, dataset.InstanceNumber = 4, 1
    dataset.SeriesDescription = "Befund"
    dataset.ContentDate, dataset.ContentTime = "20200102", "030405"
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = DicomSequence([_code("18748-4", "LN", "Diagnostic imaging report")])
    dataset.ContentSequence = DicomSequence(list(_findings(_TEXTS[character_set][2])))
    return dataset


def _findings(finding: str) -> Iterator[Dataset]:
    for text in (finding, "No change since the last examination."):
        item = Dataset()
        item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
        item.ConceptNameCodeSequence = DicomSequence([_code("121071", "DCM", "Finding")])
        item.TextValue = text
        yield item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
