"""Measurement reports (TID 1500): by highdicom, and in the shape in which dcmjs saves them for OHIF.

What dcmjs does and highdicom does not: findings behind the values of a group, SRT codes beside SCT,
free text as the meaning of a code of its own, a point that is a NUM without a value and has two points, and
``unknown^unknown`` for an observer it does not know.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, EnhancedSRStorage, ExplicitVRLittleEndian
from pydicom.valuerep import DA, TM

from tests.builders.uids import UidSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.builders.case import Case

type Code = tuple[str, str, str]

CENTRE: Code = ("111010", "DCM", "Center")


def highdicom_report(case: Case, *, seed: int = 0) -> bytes:
    """Return a Comprehensive 3D SR with a length on an image and an ellipse in space with two values."""
    source = UidSource(seed)
    image = case.images[0]
    line = hd.sr.CoordinatesForMeasurement(
        graphic_type=hd.sr.GraphicTypeValues.POLYLINE,
        graphic_data=np.array([(1.0, 2.0), (4.0, 6.0)]),
        source_image=hd.sr.SourceImageForRegion.from_source_image(image),
    )
    length = hd.sr.Measurement(
        name=codes.SCT.Length, value=5.25, unit=_unit("mm"), referenced_coordinates=[line]
    )
    plain = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=source.uid("length"), identifier="lesion 1"),
        source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(image)],
        measurements=[length],
        finding_type=codes.SCT.Nodule,
        finding_sites=[hd.sr.FindingSite(anatomic_location=codes.SCT.Lung)],
    )
    ellipse = hd.sr.ImageRegion3D(
        graphic_type=hd.sr.GraphicTypeValues3D.ELLIPSE,
        graphic_data=np.array([(0, 0, 5), (10, 0, 5), (5, -3, 5), (5, 3, 5)], dtype=float),
        frame_of_reference_uid=image.FrameOfReferenceUID,
    )
    planar = hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=source.uid("ellipse"), identifier="lesion 2"),
        referenced_region=ellipse,
        measurements=[
            hd.sr.Measurement(name=codes.SCT.Area, value=47.1, unit=_unit("mm2")),
            hd.sr.Measurement(name=codes.SCT.Mean, value=-3.5, unit=_unit("[hnsf'U]")),
        ],
        finding_type=codes.SCT.Nodule,
    )
    observer = hd.sr.ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(name="Reader^Rita"),
    )
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_person_context=observer),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=[plain, planar],
    )
    made = hd.sr.Comprehensive3DSR(
        evidence=[image],
        content=content[0],
        series_instance_uid=source.uid("report series"),
        series_number=901,
        sop_instance_uid=source.uid("report"),
        instance_number=1,
        manufacturer="Synthetic",
    )
    made.ContentDate, made.ContentTime, made.TimezoneOffsetFromUTC = DA("20260131"), TM("101530"), "+0100"
    file = io.BytesIO()
    made.save_as(file)
    return file.getvalue()


def _unit(code: str) -> hd.sr.CodedConcept:
    return hd.sr.CodedConcept(value=code, scheme_designator="UCUM", meaning=code)


def dcmjs_report(
    groups: Sequence[Dataset], *, observer: str = "unknown^unknown", operator: str = "", seed: int = 0
) -> FileDataset:
    """Return an Enhanced SR of measurement groups as OHIF saves it."""
    source = UidSource(seed)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = EnhancedSRStorage
    meta.MediaStorageSOPInstanceUID = UID(source.uid("report"))
    report = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    report.SpecificCharacterSet = "ISO_IR 192"
    report.SOPClassUID = EnhancedSRStorage
    report.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    report.StudyInstanceUID = source.uid("study")
    report.SeriesInstanceUID = source.uid("report series")
    report.Modality = "SR"
    report.InstanceNumber = 1
    report.ContentDate, report.ContentTime = "20260131", "101530.25"
    report.OperatorsName = operator
    _name(report, ("126000", "DCM", "Imaging Measurement Report"))
    report.ValueType = "CONTAINER"
    person = _item("PNAME", "HAS OBS CONTEXT", ("121008", "DCM", "Person Observer Name"))
    person.PersonName = observer
    measurements = _item("CONTAINER", "CONTAINS", ("126010", "DCM", "Imaging Measurements"))
    measurements.ContentSequence = list(groups)
    report.ContentSequence = [person, measurements]
    return report


def dcmjs_group(
    tool: str, items: Sequence[Dataset], *, finding: Code | None = None, tracking_uid: str = "2.25.1"
) -> Dataset:
    """Return a measurement group of one of Cornerstone's tools."""
    group = _item("CONTAINER", "CONTAINS", ("125007", "DCM", "Measurement Group"))
    tracking = _item("TEXT", "HAS OBS CONTEXT", ("112039", "DCM", "Tracking Identifier"))
    tracking.TextValue = f"Cornerstone3DTools@^0.1.0:{tool}"
    unique = _item("UIDREF", "HAS OBS CONTEXT", ("112040", "DCM", "Tracking Unique Identifier"))
    unique.UID = tracking_uid
    found = []
    if finding:
        found = [_item("CODE", "CONTAINS", ("121071", "DCM", "Finding"))]
        found[0].ConceptCodeSequence = [_code(finding)]
    group.ContentSequence = [tracking, unique, *items, *found]
    return group


def dcmjs_value(
    concept: Code, value: str | None, unit: str, points: Sequence[float], *, graphic: str = "POLYLINE"
) -> Dataset:
    """Return a NUM item inferred from a geometry on image ``2.25.7``; without a value as a point has none."""
    number = _item("NUM", "CONTAINS", concept)
    if value is not None:
        measured = Dataset()
        measured.MeasurementUnitsCodeSequence = [_code((unit, "UCUM", unit))]
        measured.add_new("NumericValue", "DS", value)
        number.MeasuredValueSequence = [measured]
    shape = Dataset()
    shape.RelationshipType = "INFERRED FROM"
    shape.ValueType = "SCOORD"
    shape.GraphicType = graphic
    shape.GraphicData = list(points)
    image = Dataset()
    image.RelationshipType = "SELECTED FROM"
    image.ValueType = "IMAGE"
    reference = Dataset()
    reference.ReferencedSOPInstanceUID = "2.25.7"
    reference.ReferencedFrameNumber = 3
    image.ReferencedSOPSequence = [reference]
    shape.ContentSequence = [image]
    number.ContentSequence = [shape]
    return number


def report_bytes(report: FileDataset) -> bytes:
    """Return a report as a file."""
    file = io.BytesIO()
    report.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _item(value_type: str, relationship: str, concept: Code) -> Dataset:
    item = Dataset()
    item.RelationshipType = relationship
    item.ValueType = value_type
    _name(item, concept)
    return item


def _name(item: Dataset, concept: Code) -> None:
    item.ConceptNameCodeSequence = [_code(concept)]


def _code(code: Code) -> Dataset:
    item = Dataset()
    for keyword, vr, value in zip(
        ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"), ("SH", "SH", "LO"), code, strict=True
    ):
        item.add(DataElement(keyword, vr, value, validation_mode=IGNORE))
    return item
