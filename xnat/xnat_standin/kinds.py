"""Which session, scan and resource a DICOM object becomes, by its SOP class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import UID

if TYPE_CHECKING:
    from collections.abc import Iterable

_SCANS = {
    "CTImageStorage": "ct",
    "EnhancedCTImageStorage": "ct",
    "LegacyConvertedEnhancedCTImageStorage": "ct",
    "MRImageStorage": "mr",
    "EnhancedMRImageStorage": "mr",
    "EnhancedMRColorImageStorage": "mr",
    "MRSpectroscopyStorage": "mr",
    "LegacyConvertedEnhancedMRImageStorage": "mr",
    "PositronEmissionTomographyImageStorage": "pet",
    "EnhancedPETImageStorage": "pet",
    "LegacyConvertedEnhancedPETImageStorage": "pet",
    "RTImageStorage": "rtImage",
    "RTDoseStorage": "rtImage",
    "RTPlanStorage": "rtImage",
    "RTStructureSetStorage": "rtImage",
    "SegmentationStorage": "seg",
    "BasicTextSRStorage": "sr",
    "EnhancedSRStorage": "sr",
    "ComprehensiveSRStorage": "sr",
    "Comprehensive3DSRStorage": "sr",
    "UltrasoundImageStorage": "us",
    "UltrasoundMultiFrameImageStorage": "us",
    "ComputedRadiographyImageStorage": "cr",
    "DigitalXRayImageStorageForPresentation": "dx",
    "DigitalMammographyXRayImageStorageForPresentation": "mg",
    "NuclearMedicineImageStorage": "nm",
    "XRayAngiographicImageStorage": "xa",
    "SecondaryCaptureImageStorage": "sc",
}
_LEADS = ("pet", "mr", "ct", "nm", "us", "xa", "mg", "dx", "cr")
"""Which kind of scan gives a session its type; the first that is there."""
_OF_RT_SESSION = {"RTImageStorage", "RTDoseStorage"}
_NOT_PRIMARY = {"RTStructureSetStorage", "RTPlanStorage", "SegmentationStorage"}
_SECONDARY_SCANS = {"sr", "sc", "otherDicom"}


def scan_type(sop_class: str) -> str:
    """Return the xsi:type of the scan of a SOP class."""
    return f"xnat:{_scan(sop_class)}ScanData"


def session_type(sop_classes: Iterable[str]) -> str:
    """Return the xsi:type of a session with objects of these SOP classes."""
    classes = set(sop_classes)
    scans = {_scan(one) for one in classes}
    lead = next((one for one in _LEADS if one in scans), None)
    if lead is None and any(UID(one).keyword in _OF_RT_SESSION for one in classes):
        lead = "rt"
    return f"xnat:{lead or 'otherDicom'}SessionData"


def resource_label(sop_class: str) -> str:
    """Return the resource of an object: ``DICOM`` for images, ``secondary`` for what is about images."""
    secondary = UID(sop_class).keyword in _NOT_PRIMARY or _scan(sop_class) in _SECONDARY_SCANS
    return "secondary" if secondary else "DICOM"


def _scan(sop_class: str) -> str:
    return _SCANS.get(UID(sop_class).keyword, "otherDicom")
