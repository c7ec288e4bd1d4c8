"""Whether what objects are for is as it was: numbers, codes, geometry, the tree of a report.

Decisions
---------
2026-11-30  A value that went is the profile's affair, as long as the object can be used without it. One that
            was changed is a finding wherever it is: a measure that reads 0 is worse than none.
2026-11-30  Contours are compared as bytes. Numbers anew from floats would move points and bloat files.
2026-11-30  Terms (CS) are numbers' companions: a changed Value Type or Dose Units falsifies as a number does.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from orthanc_plugins.validation.attributes import tags
from orthanc_plugins.validation.colours import same_colours
from orthanc_plugins.validation.comparison import CONTENT, is_kept_alive, is_private, is_remade
from orthanc_plugins.validation.report_ages import is_capped, is_of_an_age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.validation.claims import Claims
    from orthanc_plugins.validation.comparison import Comparison
    from orthanc_plugins.validation.reading import Leaf, Place
    from orthanc_plugins.validation.report import Finding

CHECK = "content"
_CONTOURS = frozenset({0x30060050})
_ICC_PROFILE = 0x00282000
_TEXT_NUMBERS = frozenset({"DS", "IS"})
_WORDS = {
    "US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "AT": "H",
    "OW": "H", "OL": "L", "OF": "f", "OD": "d", "OV": "Q",
}  # fmt: skip
_CODES = tags("CodeValue LongCodeValue URNCodeValue CodingSchemeDesignator")
_SCHEME = 0x00080102
_SCHEMES = frozenset({
    "DCM", "SCT", "SRT", "SNM3", "99SDM", "UCUM", "LN", "FMA", "NCIt", "RADLEX", "UMLS", "MDC", "SCPECG",
    "IBSI", "I9", "I9C", "I10", "I10P", "BARI", "NEU", "MSH", "RXNORM", "NDC", "RO", "ISO639_1", "ISO639_2",
    "RFC3066", "RFC5646", "UBERON", "ACR", "ITIS_TSN", "PUBCHEM_CID",
})  # fmt: skip
"""Schemes that many use (PS3.16 8); the codes of any other may be a house's own."""
_NO_TERMS = frozenset({b"OTHER", b"REMOVED"})
"""They stand where something else than a term was; nobody takes them for one."""
_PIXELS = tags("PixelData FloatPixelData DoubleFloatPixelData ExtendedOffsetTable ExtendedOffsetTableLengths")
_DOCUMENT = tags("EncapsulatedDocument EncapsulatedDocumentLength")
"""A document may be written anew without what it told; the search has looked into it."""
_SAYING_WHO = tags(
    """CertificateOfSigner FlowIdentifier SourceIdentifier FrameOriginTimestamp SelectorOBValue
    SelectorUNValue"""
)
"""Bytes that tell a person, a machine or a time, and have a dummy (PS3.15 Table E.1-1)."""
_OF_CLEANED = tags(
    """PhotometricInterpretation PlanarConfiguration SmallestImagePixelValue LargestImagePixelValue ImageType
    BitsStored HighBit LossyImageCompression"""
)
"""What may change when pixels are decoded and masked."""
_LABELS = tags("ContentLabel GraphicLayer")
"""Terms by their representation, and words of whoever made the object."""
_OF_THE_PATIENT = tags("PatientSex PatientSexNeutered SmokingStatus PregnancyStatus QueryRetrieveLevel")
ESSENTIAL = tags(
    """Rows Columns PixelSpacing ImagePositionPatient ImageOrientationPatient RescaleSlope RescaleIntercept
    ContourData ContourGeometricType NumberOfContourPoints ROINumber ReferencedROINumber PixelData
    DoseGridScaling DoseUnits GridFrameOffsetVector DVHData DVHDoseScaling SegmentNumber
    ReferencedSegmentNumber GraphicData GraphicType NumericValue ValueType RelationshipType
    ControlPointIndex CumulativeMetersetWeight LeafJawPositions
    NominalBeamEnergy BeamMeterset DisplayedAreaTopLeftHandCorner DisplayedAreaBottomRightHandCorner
    ContentSequence MeasuredValueSequence ConceptCodeSequence MeasurementUnitsCodeSequence
    StructureSetROISequence ROIContourSequence ContourSequence RTROIObservationsSequence SegmentSequence
    PerFrameFunctionalGroupsSequence SharedFunctionalGroupsSequence BeamSequence"""
)
"""Without these an object of its kind cannot be used."""
_OF_REPORTS = tags("CodeValue ReferencedSOPInstanceUID")
"""Nor can a report without these in its tree."""


def check_content(comparison: Comparison) -> Iterator[Finding]:
    """Yield values that were changed and say what an object means, and such that are gone."""
    order = comparison.original.order, comparison.released.order
    for before, after in comparison.both:
        if before.stripped == after.stripped and order[0] == order[1]:
            continue
        if before.tag in _exempt(comparison) or is_private(before.place) or _is_local(before, comparison):
            continue
        text = _changed(before, after, order)
        if text and not is_capped(before, after, comparison):
            yield comparison.finding(CHECK, after.place, text)
    yield from _gone(comparison)


def _is_local(leaf: Leaf, comparison: Comparison) -> bool:
    """Return whether an element is of a code of a house (PS3.16 8.2), which may tell which house that is."""
    if leaf.tag not in _CODES:
        return False
    scheme = comparison.original.leaves.get((*leaf.place[:-1], _SCHEME))
    return scheme is not None and scheme.plain not in _SCHEMES


def _exempt(comparison: Comparison) -> frozenset[int]:
    """Return attributes that other checks look at, or that may change."""
    always = _PIXELS | _DOCUMENT | _OF_THE_PATIENT | _LABELS | _SAYING_WHO
    return always | _OF_CLEANED if comparison.is_cleaned else always


def _changed(before: Leaf, after: Leaf, order: tuple[str, str]) -> str:
    """Return how a value that differs is falsified, empty if it is none that falsifies."""
    if before.tag in _CONTOURS:
        return "" if before.value == after.value else "contours are not the same bytes"
    if before.tag == _ICC_PROFILE:
        return "" if same_colours(before.value, after.value) else "its colours were changed"
    if before.vr in _TEXT_NUMBERS:
        return "" if _decimals(before) == _decimals(after) else "a number was changed"
    if before.vr in _WORDS:
        if after.vr not in _WORDS:
            return "a number has become something else"
        return "" if _words(before, order[0]) == _words(after, order[1]) else "a number was changed"
    same = before.stripped == after.stripped or (before.vr == "CS" and _has_lost_terms(before, after))
    return "" if same else _OTHERS.get("codes" if before.tag in _CODES else before.vr, "")


def _has_lost_terms(before: Leaf, after: Leaf) -> bool:
    """Return whether terms are the same but for such as are none any more."""
    old, new = before.stripped.split(b"\\"), after.stripped.split(b"\\")
    if before.tag in ESSENTIAL:
        return False
    if new == [b"REMOVED"]:
        return True
    return len(old) == len(new) and all(
        one.strip() == other.strip() or other.strip() in _NO_TERMS
        for one, other in zip(old, new, strict=True)
    )


_OTHERS = {
    "SQ": "it has another number of items",
    "OB": "its bytes were changed",
    "UN": "its bytes were changed",
    "CS": "a term was changed",
    "codes": "a code was changed",
}


def _decimals(leaf: Leaf) -> list[bytes | float]:
    """Return numbers written as text; what is none stays as it is written."""
    return [_decimal(value) for value in leaf.stripped.split(b"\\")]


def _decimal(value: bytes) -> bytes | float:
    try:
        return float(value)
    except ValueError:
        return value.strip()


def _words(leaf: Leaf, order: str) -> bytes | tuple[object, ...]:
    """Return numbers written as words; bytes that are no whole words as they are."""
    form = _WORDS[leaf.vr]
    size = struct.calcsize(f"={form}")
    if len(leaf.value) % size:
        return leaf.value
    integer = {1: "B", 2: "H", 4: "L", 8: "Q"}[size]
    return struct.unpack(f"{order}{len(leaf.value) // size}{integer}", leaf.value)


def _gone(comparison: Comparison) -> Iterator[Finding]:
    """Yield what an object cannot be used without, and is gone; of what went as a whole, the whole."""
    told: set[Place] = set()
    after = comparison.released.leaves
    for place, leaf in comparison.original.leaves.items():
        if not leaf.stripped or not _is_essential(place, comparison.claims):
            continue
        held = after.get(place)
        if (held is not None and held.stripped) or is_of_an_age(place, comparison):
            continue
        if not any(place[:depth] in told for depth in range(1, len(place))):
            told.add(place)
            yield comparison.finding(CHECK, place, "it is gone, and the object cannot be used without it")


def _is_essential(place: Place, claims: Claims) -> bool:
    needed = place[-1] in ESSENTIAL or (place[-1] in _OF_REPORTS and CONTENT in place)
    return needed and not is_remade(place) and not is_private(place) and is_kept_alive(place, claims)
