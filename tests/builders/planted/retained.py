"""What must survive de-identification, told by the attribute that holds it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pydicom.datadict import keyword_for_tag

from tests.builders.planted.key import Kept
from tests.builders.planted.table import lies_in_what_is_removed

if TYPE_CHECKING:
    from tests.builders.planted.walk import Place

_KINDS = {
    "number": """NumericValue FloatingPointValue RationalNumeratorValue RationalDenominatorValue""",
    "code": """CodeValue CodingSchemeDesignator""",
    "geometry": """ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness
        FrameOfReferenceTransformationMatrix IsocenterPosition GridFrameOffsetVector""",
    "contour": """ContourGeometricType NumberOfContourPoints ContourData ROIDisplayColor""",
    "graphic": """GraphicType GraphicData GraphicDimensions NumberOfGraphicPoints
        AnchorPoint BoundingBoxTopLeftHandCorner""",
    "dose": """DoseGridScaling DoseUnits DoseType DVHData DVHDoseScaling DVHType DVHMinimumDose DVHMaximumDose
        DVHMeanDose TargetPrescriptionDose BeamDose""",
    "beam": """BeamNumber CumulativeMetersetWeight FinalCumulativeMetersetWeight BeamMeterset GantryAngle
        LeafJawPositions NominalBeamEnergy NumberOfFractionsPlanned SourceAxisDistance
        ReferenceAirKermaRate SourceIsotopeHalfLife SourceStrengthReferenceAirKermaRate
        ControlPointRelativePosition ControlPoint3DPosition""",
    "segment": """SegmentNumber ReferencedSegmentNumber SegmentationType SegmentAlgorithmType
        RecommendedDisplayCIELabValue""",
    "region number": """ROINumber ReferencedROINumber RTROIInterpretedType""",
    "rescaling": """RescaleSlope RescaleIntercept""",
    "activity": """RadionuclideTotalDose RadionuclideHalfLife DecayFactor""",
    "signal": """WaveformData SamplingFrequency ChannelSensitivity""",
    "tree": """RelationshipType ValueType ContinuityOfContent""",
    "parameter": """KVP ExposureTime EchoTime RepetitionTime FlipAngle MagneticFieldStrength
        ConvolutionKernel""",
}
_KIND_OF = {keyword: kind for kind, keywords in _KINDS.items() for keyword in keywords.split()}
_PRIVATE_SCHEME = "99"
_LONGEST_AS_TEXT = 64


def kept_at(file: str, place: Place) -> Kept | None:
    """Return what must survive of an element, if anything.

    Codes of private schemes are left out: whether they stay is a policy's matter.
    """
    kind = _KIND_OF.get(keyword_for_tag(place.tag))
    if kind is None or not place.value or lies_in_what_is_removed(place.path):
        return None
    if kind == "code" and str(place.holder.get("CodingSchemeDesignator", "")).startswith(_PRIVATE_SCHEME):
        return None
    return Kept(kind, file, place.path, _told(place.value))


def _told(value: bytes) -> str:
    """Return short printable text as it is, anything else as its SHA-256."""
    text = value.rstrip(b"\0 ")
    if len(text) <= _LONGEST_AS_TEXT and text.isascii() and text.decode().isprintable():
        return text.decode()
    return hashlib.sha256(value).hexdigest()
