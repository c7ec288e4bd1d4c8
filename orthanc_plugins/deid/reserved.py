"""Attributes that the engine writes itself, or treats in one way whatever the options are.

No exception of a profile changes that, so a profile with one is refused: it would claim what is not done.
"""

from __future__ import annotations

from pydicom.datadict import tag_for_keyword

MARKERS = frozenset(
    {
        "PatientIdentityRemoved",
        "DeidentificationMethod",
        "DeidentificationMethodCodeSequence",
        "LongitudinalTemporalInformationModified",
        "ContributingEquipmentSequence",
        "BurnedInAnnotation",
        "RecognizableVisualFeatures",
    }
)
"""Those of old go: the engine writes its own, and those that were there say nothing of what leaves."""
LENGTHS = frozenset({"LengthToEnd"})
"""Lengths that no longer hold, of which retired ones need not be made anew (PS3.5 7.2)."""
PIXELS = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData"})
CODE_VALUES = frozenset({"CodeValue", "LongCodeValue", "URNCodeValue"})
OWN_WAYS = frozenset(
    {
        "PatientName",
        "PatientID",
        *CODE_VALUES,
        "CodingSchemeDesignator",
        "CodeMeaning",
        "ExtendedCodeMeaning",
        "TextValue",
        "EncapsulatedDocument",
        "EncapsulatedDocumentLength",
        "GraphicLayer",
        "ICCProfile",
    }
)
"""What has an action of its own under every profile."""
FRAMEWORK = frozenset(
    {"SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"}
)
"""Without them an object is none, or cannot be read."""
NO_DATA_SET = frozenset({0x0000, 0x0002, 0x0004})
"""Groups of commands, of the file's head and of directories: no part of an object's data set."""


def is_reserved(keyword: str) -> bool:
    """Return whether no exception of a profile may speak of an attribute of the dictionary.

    >>> is_reserved("BurnedInAnnotation"), is_reserved("SoftwareVersions")
    (True, False)
    """
    tag = tag_for_keyword(keyword)
    is_none_of_it = tag is None or tag >> 16 in NO_DATA_SET
    return is_none_of_it or keyword in MARKERS | LENGTHS | PIXELS | OWN_WAYS | FRAMEWORK
