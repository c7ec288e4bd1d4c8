"""Profiles and actions in words: what the README shows, and what ``pacs profile`` tells."""

from __future__ import annotations

import re
from collections import Counter
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_description, dictionary_VR, keyword_for_tag, tag_for_keyword

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
    SafeCreator,
    Shifted,
    Terms,
)
from orthanc_plugins.deid.actions.by_type import FALLEN
from orthanc_plugins.deid.compiling import compiled
from orthanc_plugins.deid.markers import BASIC, CLEAN_PIXELS, OPTION_CODES, longitudinal, method_codes
from orthanc_plugins.deid.profile import load_profile, shipped_profiles
from orthanc_plugins.deid.rules import Kind
from orthanc_plugins.deid.standard import EDITION, confidentiality_rows, method_code
from orthanc_plugins.deid.standard.supplement import DateRole, date_role, row_of
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.deid.rules import Action, Rule
    from orthanc_plugins.deid.standard import Row

ACTIONS: tuple[Action, ...] = (
    ByType(FALLEN),
    Removed(),
    NewPatient(),
    NewUid(),
    Shifted(ByType(FALLEN)),
    Capped(ByType(FALLEN)),
    Terms(ByType(FALLEN)),
    NumberedLayer(Terms(ByType(FALLEN))),
    CleanedText(ByType(FALLEN)),
    CleanedRegionName(ByType(FALLEN)),
    NumberedName(ByType(FALLEN)),
    CleanedContentText(ByType(FALLEN)),
    CleanedValue(ByType(FALLEN)),
    CleanedScheme(ByType(FALLEN)),
    CleanedMeaning(ByType(FALLEN)),
    ReplacedDocument(),
    ReplacedLength(),
    BlankedProfile(ByType(FALLEN)),
    SafeCreator(frozenset()),
)
"""One of each, in the order in which they are told."""

_COLUMNS = ("profile", "for whom", "options (CID 7050)", "dates", "patients", "text in pixels", "faces")
_DATES = {"REMOVED": "removed", "MODIFIED": "moved by weeks, intervals stay", "UNMODIFIED": "kept"}
_PATIENTS = {
    None: "as the project has them",
    "keyed": "`DEID-` and 16 characters, of the key",
    "numbered": "`ANON00742`, of the register",
}
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)?")
_LOOK = {"risky": "looked for where the kind of image has it", "all": "looked for in every image"}
_MASK = {"all": "all painted over", "identity": "painted over but for technical remarks"}
_FACES = {"flag": "flagged, not removed", "refuse": "images of a head are not released"}

_LETTERS = {
    "X": "removed",
    "Z": "emptied",
    "D": "replaced by a dummy",
    "U": "replaced by the project's UID",
    "U*": "kept with the UIDs in it replaced",
    "K": "kept",
    "C": "cleaned",
}
_KEPT = {
    Kind.RAW: "kept; binary numbers and measured data are not looked into",
    Kind.CHECKED: "kept where its value is what its VR allows, so that no name hides in a number",
    Kind.WORDS: "kept unless it repeats something of the patient's or the staff's identity",
    Kind.SEQUENCE: "its items stay, each attribute in them by its own rule",
    Kind.PIXELS: "kept but for what is no pixel in it; text in it is a matter of the profile's pixels",
}


class _Group(StrEnum):
    """What is done with attributes, as they are counted."""

    REMOVED = "removed"
    EMPTIED = "emptied"
    REPLACED = "replaced"
    BY_TYPE = "removed, emptied or replaced, as the object's definition asks"
    UID = "UIDs, replaced by the project's"
    CLEANED = "cleaned: dates moved, words that may not stay removed"
    KEPT = "kept where they name nobody"
    DATA = "numbers and data, kept"
    WALKED = "sequences, of which the items stay, each attribute in them by its own rule"


_BY_LETTER = {"X": _Group.REMOVED, "Z": _Group.EMPTIED, "D": _Group.REPLACED}
_BY_ACTION: dict[type[Action], _Group] = {
    NewUid: _Group.UID,
    **dict.fromkeys((Capped, Terms, NumberedLayer), _Group.KEPT),
    **dict.fromkeys((NewPatient, NumberedName, ReplacedDocument, ReplacedLength), _Group.REPLACED),
    **dict.fromkeys((Shifted, CleanedText, CleanedRegionName, CleanedContentText), _Group.CLEANED),
    **dict.fromkeys((CleanedValue, CleanedScheme, CleanedMeaning, BlankedProfile), _Group.CLEANED),
}
_ROLES = {
    DateRole.SUBJECT: "an event of the patient's course, which moves where dates are modified",
    DateRole.DEVICE: "a date of a device, which never moves: it may be public, and tell the patient's offset",
    DateRole.VOCABULARY: "a date of a list of codes, a protocol or a trial, which never moves: it is public",
    DateRole.PERSON: "a birth or a death, which is never kept and never moved",
    DateRole.TECHNICAL: "a date of bookkeeping, which never moves",
}


def profiles_table(profiles: Iterable[Profile] | None = None) -> str:
    """Return profiles as a Markdown table, those that come with the suite unless others are given."""
    shown = map(load_profile, shipped_profiles()) if profiles is None else profiles
    lines = [_line(_COLUMNS), _line(["---"] * len(_COLUMNS)).replace(" ", "")]
    return "\n".join([*lines, *(_line([f"`{one.name}`", *told(one).values()]) for one in shown)]) + "\n"


def told(profile: Profile) -> dict[str, str]:
    """Return what a profile decides, each under what it is about, as the columns of `profiles_table` are.

    >>> told(load_profile("strict"))["faces"]
    'images of a head are not released'
    """
    cells = (
        profile.summary.strip(),
        "; ".join(_method(code) for code in method_codes(profile, pixels_cleaned=False) if code != BASIC),
        _DATES[longitudinal(profile)],
        _PATIENTS[profile.patients],
        f"{_LOOK[profile.pixels.look]}, {_MASK[profile.pixels.mask]} ({CLEAN_PIXELS})",
        _FACES[profile.faces],
    )
    return dict(zip(_COLUMNS[1:], cells, strict=True))


def actions_list() -> str:
    """Return what each action does, as a Markdown list."""
    return "".join(f"- {action.describe()}\n" for action in ACTIONS)


def attributes_summary(profile: Profile) -> str:
    """Return of how many attributes of the dictionary a profile makes what, a line each."""
    rules = compiled(profile).rules
    counts = Counter(map(_group, rules.values()))
    lines = (f"{counts[group]:7,} {group}\n" for group in _Group if counts[group])
    return f"{len(rules):,} attributes of the dictionary (PS3.6), of which\n{''.join(lines)}"


def explain(profile: Profile, attribute: str) -> str:
    """Return what a profile does with an attribute, and why, a fact a line.

    Parameters
    ----------
    attribute
        Its keyword in PS3.6, or its tag such as ``0010,0010``.

    Raises
    ------
    ProfileError
        The dictionary has no such attribute.
    """
    written = _TAG.fullmatch(attribute)
    tag = tag_for_keyword(attribute) if written is None else int(written[1] + written[2], 16)
    if tag is None or tag not in DicomDictionary:
        raise ProfileError(f"The dictionary has no attribute {attribute!r}.{_alike(attribute)}")
    keyword = keyword_for_tag(tag)
    rule = compiled(profile).rules[tag]
    known = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {dictionary_description(tag)}, {dictionary_VR(tag)}"
    reasons = (f"  {reason}\n" for reason in _reasons(profile, keyword, tag, rule))
    return f"{keyword} {known}\n{''.join(reasons)}"


def action_on(profile: Profile, tag: int) -> str:
    """Return what a profile does with an attribute, in words.

    >>> action_on(load_profile("basic"), 0x00100010)
    "Patient's Name and Patient ID: the patient's pseudonym in the project"
    """
    rule = compiled(profile).rules.get(tag)
    if rule is not None:
        return _done(rule)
    return SafeCreator(frozenset()).describe() if tag >> 16 & 1 else Removed().describe()


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _method(code: str) -> str:
    return f"{code} {method_code(code).meaning.removesuffix(' Option')}"


def _group(rule: Rule) -> _Group:
    """Return where an attribute is counted, by what is really done."""
    action = rule.action
    if _is_walked(rule):
        return _Group.WALKED
    if action is None:
        return _Group.DATA if rule.kind in {Kind.RAW, Kind.PIXELS} else _Group.KEPT
    if isinstance(action, ByType):
        return _BY_LETTER.get(action.letter, _Group.BY_TYPE)
    return _BY_ACTION[type(action)]


def _is_walked(rule: Rule) -> bool:
    """Return whether the items of a sequence stay: they are their own dummy where one is demanded."""
    if rule.kind is not Kind.SEQUENCE or isinstance(rule.action, Removed):
        return False
    return rule.action is None or rule.letter.endswith("U*") or (rule.letter == "D" and not rule.code)


def _reasons(profile: Profile, keyword: str, tag: int, rule: Rule) -> Iterator[str]:
    row = row_of(tag)
    if not isinstance(rule.action, Removed):
        yield f"basic: {_source(row)}"
    if row is not None:
        for option, letter in sorted(row.options.items()):
            taken = "taken" if option in profile.options else "not taken"
            yield f"option {_method(OPTION_CODES[option])}: {_words(letter)}; {taken} by {profile.name}"
    for exception in profile.exceptions:
        if exception.attribute == keyword:
            yield f"exception of {profile.name}: {_words(exception.action)}; {exception.reason}"
    if rule.vr in {b"DA", b"DT", b"TM"}:
        yield f"date: {_ROLES[date_role(tag)]}"
    yield f"under {profile.name}: {_done(rule)}"


def _source(row: Row | None) -> str:
    if row is None:
        return "kept; neither Table E.1-1 nor the suite's own table lists it: a number, a code or a sequence"
    if row in confidentiality_rows():
        return f"{_words(row.basic)} (PS3.15 Table E.1-1, edition {EDITION})"
    return f"{_words(row.basic)} (the suite's own table beside E.1-1: {row.source})"


def _words(letter: str) -> str:
    """Return what an action of Table E.1-1 does, after its letters."""
    *first, last = (_LETTERS[one] for one in letter.split("/"))
    return f"{letter}, {', '.join(first)} or {last}" if first else f"{letter}, {last}"


def _done(rule: Rule) -> str:
    """Return what is really done, whatever the letters say."""
    action = rule.action
    if _is_walked(rule):
        return _KEPT[Kind.SEQUENCE]
    if action is None:
        return _KEPT[rule.kind]
    if type(action) is not ByType:
        return action.describe()
    if action.letter == "X" and rule.kind is not Kind.SEQUENCE:
        return "X, removed; where the object's definition demands it, emptied or replaced by a dummy"
    asked = " as the object's definition asks (its Type, PS3.15 E.1.1)" if "/" in action.letter else ""
    return f"{_words(action.letter)}{',' if asked else ''}{asked}"


def _alike(keyword: str) -> str:
    keywords = {entry[4].lower(): entry[4] for entry in DicomDictionary.values() if entry[4]}
    found = [keywords[one] for one in get_close_matches(keyword.lower(), keywords, n=3)]
    return f" Do you mean {' or '.join(found)}?" if found else ""
