"""What became of each attribute, found by holding what was made against its original: values, for a preview.

It reads what the engine has made and knows no rule, so it cannot tell otherwise than what would leave.
"""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import keyword_for_tag

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.describing import action_on
from orthanc_plugins.deid.gathering import options_that_keep
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.deid.wire.reading import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.deid.wire.reading import Leaf

_UNREAD = frozenset({0x30060039, 0x52009230})
"""ROI Contour Sequence and Per-Frame Functional Groups Sequence: long, and of numbers."""
_STRUCTURES = frozenset({0x30060002, 0x30060004, 0x30060006, 0x30060026, 0x30060028, 0x30060085, 0x00620005})
"""Label, name and description of a structure set, names and descriptions of regions, labels of segments."""
_MARKS = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280301, 0x00280303})
_PATIENT, _PRIVATE = 0x0010, 1
_DATES = frozenset({b"DA", b"TM", b"DT", b"AS"})
_TEXTS = frozenset({b"LO", b"LT", b"SH", b"ST", b"UC", b"UT"})
_WRITTEN = _DATES | _TEXTS | {b"AE", b"CS", b"DS", b"IS", b"PN", b"UI", b"UR"}
_NUMBERS = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d"}
_LONGEST, _MOST_EXAMPLES, _MOST_NUMBERS = 200, 3, 16


class Group(StrEnum):
    """What an attribute is about."""

    IDENTITY = "identity"
    DATES = "dates"
    UIDS = "uids"
    DESCRIPTIONS = "descriptions"
    STRUCTURES = "structures"
    PRIVATE = "private"
    MARKS = "marks"
    TECHNICAL = "technical"


class Fate(StrEnum):
    """What became of an attribute in an object."""

    REMOVED = "removed"
    EMPTIED = "emptied"
    REPLACED = "replaced"
    CLEANED = "cleaned"
    KEPT = "kept"
    ADDED = "added"


@dataclass
class AttributeTally:
    """What became of one attribute: in how many objects, with values of before and after."""

    vr: str
    fates: Counter[Fate] = field(default_factory=Counter)
    examples: dict[tuple[str, str], None] = field(default_factory=dict, repr=False)


class Tally:
    """What became of the attributes of some objects."""

    def __init__(self) -> None:
        self._attributes: dict[int, AttributeTally] = {}

    def add(self, original: bytes, made: bytes, counts: Mapping[tuple[str, int], int]) -> None:
        """Add an object, with how often which action was taken, by action and tag."""
        before, after = _values(original), _values(made)
        cleaned = {tag for action, tag in counts if "C" in action.split("/")}
        for tag in before.keys() | after.keys():
            old, new = before.get(tag, []), after.get(tag, [])
            fate = _fate(old, new, is_cleaned=tag in cleaned)
            one = self._attributes.setdefault(tag, AttributeTally(_vr(tag, (old or new)[0][0])))
            one.fates[fate] += 1
            if len(one.examples) < _MOST_EXAMPLES:
                one.examples[_shown(old), _shown(new)] = None

    def told(self, profile: Profile) -> list[dict[str, object]]:
        """Return a row for each attribute, by tag, as JSON has it."""
        return [_row(tag, one, profile) for tag, one in sorted(self._attributes.items())]


def _row(tag: int, one: AttributeTally, profile: Profile) -> dict[str, object]:
    return {
        "tag": f"{tag >> 16:04X},{tag & 0xFFFF:04X}",
        "keyword": keyword_for_tag(tag),
        "vr": one.vr,
        "group": _group(tag, one.vr.encode()).value,
        "action": action_on(profile, tag),
        "objects": sum(one.fates.values()),
        "fates": {fate.value: times for fate, times in sorted(one.fates.items())},
        "examples": [{"before": before, "after": after} for before, after in one.examples],
    }


def _group(tag: int, vr: bytes) -> Group:
    group = tag >> 16
    if group & _PRIVATE:
        return Group.PRIVATE
    if tag in _MARKS | _STRUCTURES:
        return Group.MARKS if tag in _MARKS else Group.STRUCTURES
    if vr in _DATES and tag != 0x00101010:  # noqa: PLR2004 - Patient's Age is the patient's
        return Group.DATES
    if vr == b"UI":
        return Group.UIDS
    if group == _PATIENT or vr == b"PN" or options_that_keep(keyword_for_tag(tag)) is not None:
        return Group.IDENTITY
    return Group.DESCRIPTIONS if vr in _TEXTS else Group.TECHNICAL


def _fate(old: list[tuple[bytes, str]], new: list[tuple[bytes, str]], *, is_cleaned: bool) -> Fate:
    before, after = [text for _, text in old], [text for _, text in new]
    if not new:
        return Fate.REMOVED
    if not old:
        return Fate.ADDED
    if before == after:
        return Fate.KEPT
    if not any(after):
        return Fate.EMPTIED
    return Fate.CLEANED if is_cleaned else Fate.REPLACED


def _shown(values: list[tuple[bytes, str]]) -> str:
    """Return the first value that says something."""
    return next((text for _, text in values if text), "")[:_LONGEST]


def _values(file: bytes) -> dict[int, list[tuple[bytes, str]]]:
    """Return the values of a file by tag, wherever they stand, in their order."""
    part10 = read_part10(file)
    found: dict[int, list[tuple[bytes, str]]] = defaultdict(list)
    for leaf in leaves(part10.data_set, part10.begin, part10.encoding, _is_sequence, _UNREAD):
        vr = leaf.vr or _dictionary_vr(leaf.tag)
        found[leaf.tag].append((vr, _text(leaf, vr)))
    return found


def _text(leaf: Leaf, vr: bytes) -> str:
    value = bytes(leaf.value)
    if vr in _WRITTEN:
        return decoded(value, leaf.character_set).strip("\0 ")
    if vr in _NUMBERS and len(value) % struct.calcsize(_NUMBERS[vr]) == 0:
        return "\\".join(_numbers(value, _NUMBERS[vr]))
    return f"{len(value):,} bytes" if value else ""


def _numbers(value: bytes, form: str) -> Iterator[str]:
    size = struct.calcsize(form)
    for (number,) in struct.iter_unpack(f"<{form}", value[: size * _MOST_NUMBERS]):
        yield f"{number:g}" if isinstance(number, float) else str(number)


def _vr(tag: int, written: bytes) -> str:
    return (written or _dictionary_vr(tag)).decode("ascii", "replace")


def _dictionary_vr(tag: int) -> bytes:
    entry = DicomDictionary.get(tag)
    return b"UN" if entry is None else entry[0].partition(" ")[0].encode()


def _is_sequence(tag: int) -> bool:
    return _dictionary_vr(tag) == b"SQ"
