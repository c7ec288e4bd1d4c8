"""A structure set whose regions are partly anatomy and partly somebody's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydicom.uid import RTStructureSetStorage

from tests.builders.planted.key import Region
from tests.builders.planted.parts import code, item, pointer, put
from tests.builders.planted.people import new_object

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens

_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, retired; what structure sets name a study with (PS3.3 C.8.8.5)."""
_COLOURS = ([255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0])


class _Named(NamedTuple):
    name: str
    interpreted: str
    is_identity: bool = False


def _regions(tokens: Tokens, visit: Visit) -> list[_Named]:
    """Return anatomy and targets in the manner of TG-263, then names that say who, when or by whom."""
    return [
        _Named("BODY", "EXTERNAL"),
        _Named("Heart", "ORGAN"),
        _Named("Lung_L", "ORGAN"),
        _Named("PTV_6000", "PTV"),
        _Named("SpinalCord_PRV05", "AVOIDANCE"),
        _Named("z_Ring1", "CONTROL"),
        _Named(f"GTV {visit.patient.surname}", "GTV", is_identity=True),
        _Named(f"gtv_{visit.patient.surname.lower()}", "GTV", is_identity=True),
        _Named(tokens.issue("region", "PTV_JKQW"), "PTV", is_identity=True),  # initials of who drew it
        _Named(f"CTV {tokens.date()}", "CTV", is_identity=True),
        _Named(f"Bladder Dr {tokens.word('staff')}", "ORGAN", is_identity=True),
        _Named(f"Lung_R {visit.patient.patient_id}", "ORGAN", is_identity=True),
    ]


def add_structure_set(ledger: Ledger, visit: Visit, images: list[Dataset]) -> Dataset:
    """Write a structure set (PS3.3 A.19) on the first three images."""
    file = f"{visit.label}/rtstruct.dcm"
    tokens, images = ledger.tokens, images[:3]
    regions = _regions(tokens, visit)
    made = new_object(tokens, visit, RTStructureSetStorage, "rtstruct", modality="RTSTRUCT")
    made.update(_heading(tokens, visit, images))
    made.StructureSetROISequence = [
        _roi(tokens, visit, number, region) for number, region in enumerate(regions, 1)
    ]
    made.ROIContourSequence = [_contours(number, images) for number in range(1, len(regions) + 1)]
    made.RTROIObservationsSequence = [
        _observation(tokens, visit, number, region) for number, region in enumerate(regions, 1)
    ]
    ledger.add(file, made)
    ledger.corpus.regions.extend(
        Region(file, number, region.name, region.is_identity) for number, region in enumerate(regions, 1)
    )
    return made


def _heading(tokens: Tokens, visit: Visit, images: list[Dataset]) -> Dataset:
    """Return the Structure Set module but its regions, and its approval (PS3.3 C.8.8.5, C.8.8.16)."""
    series = item(
        SeriesInstanceUID=images[0].SeriesInstanceUID,
        ContourImageSequence=[pointer(image) for image in images],
    )
    study = item(
        ReferencedSOPClassUID=_STUDY_CLASS,
        ReferencedSOPInstanceUID=images[0].StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return item(
        StructureSetLabel=tokens.word("text"),
        StructureSetName=tokens.phrase("text", "set of"),
        StructureSetDescription=tokens.phrase("free text", "corrected after call of"),
        StructureSetDate=visit.date,
        StructureSetTime=visit.time,
        FrameOfReferenceUID=images[0].FrameOfReferenceUID,
        PositionReferenceIndicator="",
        ReferencedFrameOfReferenceSequence=[
            item(FrameOfReferenceUID=images[0].FrameOfReferenceUID, RTReferencedStudySequence=[study])
        ],
        PredecessorStructureSetSequence=[
            item(ReferencedSOPClassUID=RTStructureSetStorage, ReferencedSOPInstanceUID=tokens.fresh_uid())
        ],
        ApprovalStatus="APPROVED",
        ReviewDate=tokens.date(),
        ReviewTime=tokens.time(),
        ReviewerName=tokens.name("staff"),
    )


def _roi(tokens: Tokens, visit: Visit, number: int, region: _Named) -> Dataset:
    return item(
        ROINumber=number,
        ReferencedFrameOfReferenceUID=tokens.uid(f"{visit.label} frame"),
        ROIName=region.name,
        ROIDescription=tokens.phrase("free text", "drawn again for"),
        ROIGenerationAlgorithm="MANUAL",
        ROIGenerationDescription=tokens.phrase("free text", "by"),
        ROIDateTime=tokens.moment(),
    )


def _contours(number: int, images: list[Dataset]) -> Dataset:
    """Return a square around (4, -110) on each image; its numbers are written as planning systems do."""
    contours = []
    for at, image in enumerate(images):
        z = float(image.ImagePositionPatient[2])
        half = 2 + number / 4 + at / 10
        corners = ((-half, -half), (half, -half), (half, half), (-half, half))
        contour = item(
            ContourImageSequence=[pointer(image)],
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=len(corners),
            ContourNumber=at + 1,
        )
        put(
            contour, 0x30060050, "DS", "\\".join(f"{4 + x:.3f}\\{-110 + y:.3f}\\{z:.1f}0" for x, y in corners)
        )
        contours.append(contour)
    return item(
        ROIDisplayColor=_COLOURS[number % len(_COLOURS)], ReferencedROINumber=number, ContourSequence=contours
    )


def _observation(tokens: Tokens, visit: Visit, number: int, region: _Named) -> Dataset:
    made = item(
        ObservationNumber=number,
        ReferencedROINumber=number,
        ROIObservationLabel=tokens.word("text"),
        ROIObservationDescription=tokens.phrase("free text", "seen with"),
        RTROIInterpretedType=region.interpreted,
        ROIInterpreter=tokens.name("staff"),
        ROIPhysicalPropertiesSequence=[
            item(ROIPhysicalProperty="REL_ELEC_DENSITY", ROIPhysicalPropertyValue="1")
        ],
    )
    if region.interpreted == "ORGAN":
        made.RTROIIdentificationCodeSequence = [code("80891009", "SCT", "Heart")]
    block = made.private_block(0x3287, "EXAMPLE PLANNING", create=True)
    block.add_new(0x00, "OB", f"<Owner>{tokens.word('private')}</Owner>".encode())
    block.add_new(0x01, "LO", visit.patient.surname)
    return made
