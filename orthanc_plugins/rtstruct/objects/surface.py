"""Encapsulated STL (PS3.3 A.85.1): the surface of one region as DICOM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes
from pydicom.uid import UID, EncapsulatedSTLStorage, ExplicitVRLittleEndian

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct.objects.origin import SURFACE_SERIES, DrawnRegion, Origin, digest
from orthanc_plugins.rtstruct.objects.terms import category_and_type
from orthanc_plugins.rtstruct.surfaces import stl_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

SERIES_NUMBER = 9003
DESCRIPTION = "Surfaces of the structure set (STL)"
_MEASURED = codes.UCUM.Millimeter


def build_surface(
    origin: Origin, one: DrawnRegion, instance_number: int, *, sources: Sequence[Dataset] = ()
) -> FileDataset:
    """Return the surface of a region as Encapsulated STL: binary, in mm, LPS.

    ``sources`` are further objects it was made from, such as its segmentation.

    Raises
    ------
    GeometryError
        The region has no surface.
    """
    if one.surface is None:
        raise GeometryError(f"Region {one.region.number} has no surface.")
    found = digest(one, grid=origin.grid)
    made = _file(origin.uid("surface", found))
    origin.stamp(made, DESCRIPTION)
    made.Modality = "M3D"
    made.SeriesInstanceUID = origin.uid(SURFACE_SERIES)
    made.SeriesNumber, made.InstanceNumber = SERIES_NUMBER, instance_number
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = origin.frame_of_reference_uid, ""
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation, made.RecognizableVisualFeatures = "NO", "NO"
    made.DocumentTitle = one.label
    made.ConceptNameCodeSequence = Items([CodedConcept.from_code(category_and_type(one.region)[1])])
    made.MIMETypeOfEncapsulatedDocument = "model/stl"
    content = stl_bytes(one.surface, f"region {one.region.number}", "LPS")
    made.EncapsulatedDocumentLength = len(content)
    made.EncapsulatedDocument = content + bytes(len(content) % 2)
    named = (origin.structure_set_reference(), *sources)
    made.SourceInstanceSequence = Items([_reference(source) for source in named])
    made.ReferencedSeriesSequence = Items(_by_series(named))
    made.MeasurementUnitsCodeSequence = Items([CodedConcept.from_code(_MEASURED)])
    made.ModelModification, made.ModelMirroring = "NO", "NO"
    made.ModelUsageCodeSequence = Items([CodedConcept.from_code(codes.DCM.PlanningIntent)])
    made.ContentDescription = DESCRIPTION
    return made


def _file(sop_instance_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = EncapsulatedSTLStorage
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", Dataset(), file_meta=meta, preamble=bytes(128))
    made.SOPClassUID, made.SOPInstanceUID = EncapsulatedSTLStorage, UID(sop_instance_uid)
    return made


def _reference(source: Dataset) -> Dataset:
    named = Dataset()
    named.ReferencedSOPClassUID = source.SOPClassUID
    named.ReferencedSOPInstanceUID = source.SOPInstanceUID
    return named


def _by_series(named: Sequence[Dataset]) -> list[Dataset]:
    """Return references in the form of the Common Instance Reference Module (PS3.3 C.12.2)."""
    series: dict[str, list[Dataset]] = {}
    for source in named:
        series.setdefault(str(source.SeriesInstanceUID), []).append(_reference(source))
    items = []
    for uid, references in series.items():
        item = Dataset()
        item.SeriesInstanceUID, item.ReferencedInstanceSequence = uid, Items(references)
        items.append(item)
    return items
