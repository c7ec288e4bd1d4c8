"""RT Structure Sets (PS3.3 A.19) of a phantom."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag
from pydicom.uid import RTStructureSetStorage

from tests.builders.images import ImageFrame, new_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.builders.phantom import RegionSpec
    from tests.builders.shapes import Points

_CONTOUR_DATA = Tag(0x30060050)


@dataclass(frozen=True)
class Reference:
    """What the structure set points at: UIDs of study, series, frame of reference and one per slice."""

    study_uid: str
    series_uid: str
    frame_uid: str
    image_class: str
    image_uids: tuple[str, ...]


def contour_bytes(points_lps_mm: Points) -> bytes:
    """Return points (n, 3) as the value of Contour Data (3006,0050), not padded."""
    return "\\".join(f"{value:.4f}" for value in np.asarray(points_lps_mm).ravel().tolist()).encode()


def set_contour_data(item: Dataset, value: bytes) -> None:
    """Put bytes into Contour Data, padded to even length (PS3.5 6.2) and else written as they are."""
    value += b" " * (len(value) % 2)
    item.set_original_encoding(False, True, item._character_set)
    item[_CONTOUR_DATA] = RawDataElement(_CONTOUR_DATA, "DS", len(value), value, 0, False, True)


def build_structure_set(
    frame: ImageFrame,
    regions: Sequence[RegionSpec],
    reference: Reference,
    shared: Dataset,
    sop_uid: str,
    series_uid: str,
    label: str = "PHANTOM",
) -> FileDataset:
    """Return the structure set of the regions, one contour per ring and slice (missing slices included)."""
    dataset = new_file(RTStructureSetStorage, sop_uid)
    dataset.update(copy.deepcopy(shared))
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesNumber = 2
    dataset.SeriesDescription = "Structures"
    dataset.InstanceNumber = 1
    dataset.OperatorsName = ""
    dataset.StructureSetLabel = label
    dataset.StructureSetDate = shared.StudyDate
    dataset.StructureSetTime = shared.StudyTime
    dataset.ApprovalStatus = "UNAPPROVED"
    dataset.ReferencedFrameOfReferenceSequence = _referenced_frame(reference, frame)
    dataset.StructureSetROISequence = DicomSequence(
        [_roi(number, region, reference.frame_uid) for number, region in enumerate(regions, 1)]
    )
    dataset.ROIContourSequence = DicomSequence(
        [_roi_contours(number, region, frame, reference) for number, region in enumerate(regions, 1)]
    )
    dataset.RTROIObservationsSequence = DicomSequence(
        [_observation(number, region) for number, region in enumerate(regions, 1)]
    )
    return dataset


def _image_item(reference: Reference, index: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.image_class
    item.ReferencedSOPInstanceUID = reference.image_uids[index]
    return item


def _referenced_frame(reference: Reference, frame: ImageFrame) -> DicomSequence:
    series = Dataset()
    series.SeriesInstanceUID = reference.series_uid
    series.ContourImageSequence = DicomSequence(
        [_image_item(reference, k) for k in range(frame.size[0]) if k not in frame.missing]
    )
    study = Dataset()
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = reference.study_uid
    study.RTReferencedSeriesSequence = DicomSequence([series])
    item = Dataset()
    item.FrameOfReferenceUID = reference.frame_uid
    item.RTReferencedStudySequence = DicomSequence([study])
    return DicomSequence([item])


def _roi(number: int, region: RegionSpec, frame_uid: str) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = frame_uid
    item.ROIName = region.name
    item.ROIGenerationAlgorithm = "MANUAL"
    return item


def _roi_contours(number: int, region: RegionSpec, frame: ImageFrame, reference: Reference) -> Dataset:
    item = Dataset()
    item.ROIDisplayColor = list(region.colour)
    item.ReferencedROINumber = number
    contours = []
    for index, w in enumerate(frame.w_mm):
        for ring in region.shape.rings(float(w)):
            points = frame.to_patient(np.column_stack((ring, np.full(len(ring), w))))
            contours.append(_contour(points, region, reference, index, frame))
    if contours:
        item.ContourSequence = DicomSequence(contours)
    return item


def _contour(
    points: Points, region: RegionSpec, reference: Reference, index: int, frame: ImageFrame
) -> Dataset:
    item = Dataset()
    if index not in frame.missing:
        item.ContourImageSequence = DicomSequence([_image_item(reference, index)])
    item.ContourGeometricType = region.geometric_type
    item.NumberOfContourPoints = len(points)
    set_contour_data(item, contour_bytes(points))
    return item


def _observation(number: int, region: RegionSpec) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.RTROIInterpretedType = region.interpreted_type
    item.ROIInterpreter = ""
    return item
