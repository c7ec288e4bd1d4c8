"""Which attributes the archive keeps of patients, studies, series and instances, and how they are written.

The filters are those of dcm4chee's own configuration (``dcm4chee-arc.ldif`` of slapd-dcm4chee 2.6.13-35.0,
entries ``dcmEntity=…``) without SpecificCharacterSet, which every level has.
"""

from __future__ import annotations

import re
from enum import IntEnum

from pydicom.datadict import dictionary_VR, tag_for_keyword


class Level(IntEnum):
    """Levels of the query and retrieve information model, from the outermost."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    INSTANCE = 3


SPECIFIC_CHARACTER_SET = "00080005"
ORIGINAL_ATTRIBUTES = "04000561"
PRIVATE_CREATOR_TAG = "77770010"
PRIVATE_CREATOR = "DCM4CHEE Archive 5"

_FILTERS = {
    Level.PATIENT: """
        00100010 00100020 00100021 00100022 00100024 00100030 00100032 00100033 00100034 00100035 00100040
        00100050 00100101 00100200 00100212 00100213 00100216 00100218 00100219 00100229 00101001 00101002
        00101005 00101040 00101060 00101080 00101081 00101090 00101100 00102150 00102152 00102154 00102155
        00102160 001021F0 00102201 00102202 00102292 00102293 00102294 00102297 00102298 00102299 00104000
        00120010 00120020 00120021 00120030 00120031 00120040 00120042 00120062 00120063 00120064 00120081
        00120082 00380050 00380100 00380502 00403001""",
    Level.STUDY: """
        00080020 00080030 00080050 00080051 00080090 00080096 00080201 00081030 00081032 00081048 00081080
        00081084 00101010 00101020 00101021 00101022 00101023 00101024 00101030 00102000 00102110 00102180
        001021A0 001021B0 001021C0 001021D0 00102203 0020000D 00200010 00321066 00321067 00380010 00380014
        00380016 00380060 00380062 00380064 00380500 00401012""",
    Level.SERIES: """
        00080021 00080022 0008002A 00080031 00080032 00080060 00080070 00080080 00080081 00080082 00080201
        00081010 0008103E 0008103F 00081040 00081041 00081050 00081052 00081070 00081072 00081090 00081111
        00082218 00180015 00185101 0020000E 00200011 00200060 00400244 00400245 00400250 00400251 00400260
        00400275 00400280""",
    Level.INSTANCE: """
        00080008 00080012 00080013 00080016 00080018 00080023 00080033 00080201 00081115 00082218 00082228
        00185101 0018A001 00200013 00200062 00200242 00209161 00280008 00280010 00280011 00280100 00400512
        00400513 00400515 00400551 00400554 00400562 00409220 0040A032 0040A043 0040A073 0040A078 0040A360
        0040A370 0040A375 0040A491 0040A493 0040A504 0040A525 0040E001 00420010 00420012 00540220 00620002
        00700080 00700081 00700082 00700083 00700084""",
}
KEPT: dict[Level, frozenset[str]] = {level: frozenset(text.split()) for level, text in _FILTERS.items()}
"""Tags (eight hexadecimal digits) of what the archive keeps of each level."""

HELD_ABOVE_INSTANCE = KEPT[Level.PATIENT] | KEPT[Level.STUDY] | KEPT[Level.SERIES]
"""What is merged into each object that is retrieved."""

ALL_KEPT = HELD_ABOVE_INSTANCE | KEPT[Level.INSTANCE] | {SPECIFIC_CHARACTER_SET, ORIGINAL_ATTRIBUTES}

BULK_LENGTH = 1024
"""Bytes above which a value of `BULK_VRS` is left out of metadata (dcmBulkDataVRLengthThreshold)."""
BULK_VRS = frozenset(["DS", "FD", "FL", "IS", "LT", "OB", "OD", "OF", "OL", "OW", "UC", "UN", "UR", "UT"])

_EIGHT_DIGITS = re.compile(r"[0-9A-Fa-f]{8}")


class UnknownAttributeError(ValueError):
    """A word names no attribute."""


def tag_of(name: str) -> str:
    """Return the tag (eight upper-case hexadecimal digits) of a keyword or of a tag so written.

    Of a path (``ScheduledProcedureStepSequence.Modality``) that of its first attribute.

    Raises
    ------
    UnknownAttributeError
        A part of the name is neither.
    """
    tags = [_tag_of(part) for part in name.split(".")]
    return tags[0]


def _tag_of(name: str) -> str:
    if _EIGHT_DIGITS.fullmatch(name):
        return name.upper()
    tag = tag_for_keyword(name)
    if tag is None:
        raise UnknownAttributeError(name)
    return f"{tag:08X}"


def vr_of(tag: str) -> str:
    """Return the value representation of a tag as the dictionary has it, ``UN`` where it has none.

    >>> vr_of("00280010"), vr_of("77770010")
    ('US', 'LO')
    """
    number = int(tag, 16)
    if number >> 16 & 1 and 0x10 <= number & 0xFFFF <= 0xFF:  # noqa: PLR2004 - PS3.5 7.8.1
        return "LO"
    try:
        return dictionary_VR(number).split(" or ")[0]
    except KeyError:
        return "UN"
