"""The rules of a profile: one for every attribute of the dictionary."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom._dicom_dict import DicomDictionary

from orthanc_plugins.deid import notes
from orthanc_plugins.deid.actions import (
    BlankedProfile,
    ByType,
    Capped,
    CleanedContentText,
    CleanedMeaning,
    CleanedRegionName,
    CleanedScheme,
    CleanedText,
    CleanedValue,
    NewPatient,
    NewUid,
    NumberedLayer,
    NumberedName,
    Removed,
    ReplacedDocument,
    ReplacedLength,
    Shifted,
    Terms,
)
from orthanc_plugins.deid.actions.by_type import FALLEN
from orthanc_plugins.deid.plan import Plan
from orthanc_plugins.deid.reserved import CODE_VALUES, LENGTHS, MARKERS, NO_DATA_SET, PIXELS
from orthanc_plugins.deid.rules import Kind, Rule
from orthanc_plugins.deid.standard import Option, safe_private
from orthanc_plugins.deid.standard.supplement import DateRole, date_role, row_of
from orthanc_plugins.deid.wire import UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.deid.rules import Action, Note
    from orthanc_plugins.deid.standard import Row

_WORDS = frozenset({b"AE", b"CS", b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"})
_CHECKED = frozenset({b"AS", b"DA", b"DS", b"DT", b"IS", b"TM", b"UI"})
_DATES = frozenset({b"DA", b"DT", b"TM"})
_TEXTS = frozenset({b"LO", b"LT", b"SH", b"ST", b"UC", b"UT"})
_NUMBER_BYTES = {b"AT": 4, b"FD": 8, b"FL": 4, b"SL": 4, b"SS": 2, b"SV": 8, b"UL": 4, b"US": 2, b"UV": 8}
_DIGITS = re.compile(r"\d+")
_DUMMY = frozenset("ZD")
"""Letters of Table E.1-1 that allow a dummy, and combinations of them."""
_NOTES: dict[str, Note] = {
    "SpecificCharacterSet": notes.character_set,
    "SOPClassUID": notes.sop_class,
    "SOPInstanceUID": notes.sop_instance,
    "ROINumber": notes.region,
    "ReferencedROINumber": notes.region,
    "SegmentNumber": notes.segment,
    **dict.fromkeys(("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "NumberOfFrames"), notes.size),
    "PhotometricInterpretation": notes.size,
}
_LOCAL_UIDS = frozenset({"CodingSchemeUID", "ContextUID", "MappingResourceUID"})
"""They name public tables, or a house's own, under the root of the house."""
_REGION_NAMES = frozenset({"ROIName", "SegmentLabel"})
_REGION_LABELS = _REGION_NAMES | {"ROIObservationLabel"}


@lru_cache(16)
def compiled(profile: Profile) -> Plan:
    """Return the rules of a profile, ready for the walk."""
    exceptions = {exception.attribute: exception.action for exception in profile.exceptions}
    rules = {rule.tag: rule for rule in _rules(profile, exceptions)}
    private = safe_private() if Option.RETAIN_SAFE_PRIVATE in profile.options else {}
    return Plan(rules, private, retains_uids=Option.RETAIN_UIDS in profile.options)


def letter_of(row: Row | None, profile: Profile) -> str:
    """Return the action that a profile asks for: cleaned before kept, where two options say both.

    An attribute without a row is kept: a test shows that all such are numbers, codes or sequences. Retained
    UIDs stay wherever they stand, so that what refers to them does: Table E.1-1 has no K for that of a report
    (0040,A124), which repeats others.
    """
    if row is None:
        return "K"
    asked = {row.options[option] for option in profile.options if option in row.options}
    letter = next((letter for letter in ("C", "K") if letter in asked), row.basic)
    return "K" if letter == "U" and Option.RETAIN_UIDS in profile.options else letter


def _rules(profile: Profile, exceptions: Mapping[str, str]) -> Iterator[Rule]:
    for tag, (vr, multiplicity, _, _, keyword) in DicomDictionary.items():
        group = tag >> 16
        vrs = tuple(name.encode() for name in vr.split(" or ")) if vr != "NONE" else (b"UN",)
        row = row_of(tag)
        if group in NO_DATA_SET or keyword in MARKERS | LENGTHS:
            kind = Kind.SEQUENCE if vr == "SQ" else Kind.ACTED
            yield Rule(tag, kind, vrs[0], frozenset({*vrs, b""}), "X", Removed())
        else:
            rule = _rule(tag, vrs, keyword, exceptions.get(keyword) or letter_of(row, profile), row)
            yield replace(rule, longest=_longest(vrs, multiplicity))


def _rule(tag: int, vrs: tuple[bytes, ...], keyword: str, letter: str, row: Row | None) -> Rule:
    vr = vrs[0]
    basic = row.basic if row is not None and row.basic not in {"K", "U"} else FALLEN
    action = _action(tag, vr, keyword, letter, basic)
    if vr == b"SQ":
        kind, action = Kind.SEQUENCE, None if letter in {"K", "C"} else ByType(letter)
    elif keyword in PIXELS:
        kind, action = Kind.PIXELS, None
    elif action is not None:
        kind = Kind.ACTED
    else:
        kind = _kind_of_kept(vr, keyword)
    note = _NOTES.get(keyword)
    return Rule(tag, kind, vr, frozenset({*vrs, b""}), letter, action, keyword.endswith("CodeSequence"), note)


def _longest(vrs: tuple[bytes, ...], multiplicity: str) -> int:
    """Return the bytes of as many binary numbers as the dictionary allows (PS3.5 6.4); of others no limit."""
    sizes = [_NUMBER_BYTES.get(vr, 0) for vr in vrs]
    counts = [int(count) for count in _DIGITS.findall(multiplicity)]
    if not all(sizes) or not counts or "n" in multiplicity:
        return UNDEFINED - 1
    return max(sizes) * max(counts)


def _kind_of_kept(vr: bytes, keyword: str) -> Kind:
    if vr in _WORDS:
        return Kind.WORDS
    return Kind.CHECKED if vr in _CHECKED or keyword in _NOTES else Kind.RAW


def _action(tag: int, vr: bytes, keyword: str, letter: str, basic: str) -> Action | None:
    """Return what makes the new value; None for what is kept, and for sequences."""
    special = _special(keyword, letter, basic)
    if special is not None:
        return special
    if letter == "K":
        return _action_of_kept(vr, keyword)
    if letter == "U":
        return NewUid()
    return _cleaning(tag, vr, basic) if letter == "C" else ByType(letter)


def _action_of_kept(vr: bytes, keyword: str) -> Action | None:
    if vr == b"CS" and keyword not in _NOTES:
        return Terms(ByType(FALLEN))
    if keyword in _LOCAL_UIDS:
        return NewUid()
    return Capped(ByType(FALLEN)) if vr == b"AS" else None


def _cleaning(tag: int, vr: bytes, basic: str) -> Action:
    """Return what cleans a date or a text; anything else is treated as without the option."""
    if vr in _DATES and date_role(tag) is DateRole.SUBJECT:
        return Shifted(ByType(basic))
    return CleanedText(ByType(basic)) if vr in _TEXTS else ByType(basic)


def _special(keyword: str, letter: str, basic: str) -> Action | None:
    """Return the action of an attribute that has one of its own."""
    always: dict[str, Callable[[], Action]] = {
        "PatientName": NewPatient,
        "PatientID": NewPatient,
        **dict.fromkeys(CODE_VALUES, lambda: CleanedValue(ByType(FALLEN))),
        "CodingSchemeDesignator": lambda: CleanedScheme(ByType(FALLEN)),
        "CodeMeaning": lambda: CleanedMeaning(ByType(FALLEN)),
        "ExtendedCodeMeaning": lambda: CleanedText(ByType(FALLEN)),
        "TextValue": lambda: CleanedContentText(ByType("D")),
        "EncapsulatedDocument": ReplacedDocument,
        "GraphicLayer": lambda: NumberedLayer(Terms(ByType(FALLEN))),
        "ICCProfile": lambda: BlankedProfile(ByType(FALLEN)),
        "EncapsulatedDocumentLength": ReplacedLength,
    }
    if keyword in always:
        return always[keyword]()
    numbered = NumberedName(ByType(basic)) if keyword in _REGION_NAMES else None
    if letter == "C" and keyword in _REGION_LABELS:
        return CleanedRegionName(numbered or ByType(basic))
    return numbered if _DUMMY & set(letter) else None
