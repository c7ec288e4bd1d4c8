"""The rules of a profile as the walk asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.actions import ByType, NewUid, Removed, SafeCreator
from orthanc_plugins.deid.actions.by_type import FALLEN
from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.report_ages import AGES, measured_age
from orthanc_plugins.deid.rules import Fate, Kind, Rule
from orthanc_plugins.deid.text import Code
from orthanc_plugins.deid.wire.encodings import ITEM, UNDEFINED
from orthanc_plugins.deid.wire.reading import leaves_of

if TYPE_CHECKING:
    from collections.abc import Buffer, Mapping

    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place
    from orthanc_plugins.deid.standard import SafePrivate
    from orthanc_plugins.deid.wire import Encoding, Header

_CONCEPT_NAME, _MEASURED_VALUE, _PATIENT_AGE = 0x0040A043, 0x0040A300, 0x00101010
_CODE_VALUE, _CODING_SCHEME, _CODING_VERSION, _CODE_MEANING = 0x00080100, 0x00080102, 0x00080103, 0x00080104
_LONG_VALUE, _URN_VALUE = 0x00080119, 0x00080120
_CODES = frozenset({_CODE_VALUE, _CODING_SCHEME, _CODING_VERSION, _CODE_MEANING, _LONG_VALUE, _URN_VALUE})
_FIRST_BYTES = frozenset({b"\x00", b"\x08"})
"""Of group 0008 in either order of bytes: the elements of a code are the first of its item."""
_FIRST_BLOCK, _LAST_BLOCK = 0x10, 0xFF
_TEXT_VRS = frozenset({b"LO", b"LT", b"SH", b"ST", b"UC", b"UT", b"CS"})
_NUMBER_VRS = frozenset({b"DS", b"IS"})


class Plan:
    """All rules of a profile.

    Parameters
    ----------
    rules
        By tag, for every attribute of the dictionary.
    private
        The safe private attributes that stay, by creator, group, and number in the block.
    retains_uids
        UIDs of these stay as they are.
    """

    def __init__(
        self,
        rules: dict[int, Rule],
        private: Mapping[tuple[str, int, int], SafePrivate],
        *,
        retains_uids: bool,
    ) -> None:
        self.rules = rules
        self.private = private
        self.retains_uids = retains_uids
        self._creator = SafeCreator(frozenset(creator for creator, _, _ in private))
        self._fallen = ByType(FALLEN)
        self._removals: dict[int, Rule] = {}

    def rule_for(self, tag: int, place: Place) -> Rule:
        """Return the rule of an element that is not in the dictionary: removed, unless private and safe."""
        group, element = tag >> 16, tag & 0xFFFF
        if self.private and group & 1:
            if _FIRST_BLOCK <= element <= _LAST_BLOCK:
                return Rule(tag, Kind.ACTED, b"LO", frozenset({b"LO", b""}), "private", self._creator)
            creator = place.creators.get(group << 8 | element >> 8, "")
            safe = self.private.get((creator, group, element & 0xFF))
            if safe is not None and safe.vr:
                return _private_rule(tag, tuple(safe.vr.encode().split(b"/")), retains_uids=self.retains_uids)
        return self._removal(tag)

    def _removal(self, tag: int) -> Rule:
        found = self._removals.get(tag)
        if found is None:
            found = Rule(tag, Kind.ACTED, b"UN", frozenset({b"UN", b""}), "X", Removed())
            self._removals[tag] = found
        return found

    def fallen(self, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return what stands in the place of a kept value that may not stay; no number is made up."""
        new = self._fallen(b"?", rule, place, job)
        return b"" if new and rule.vr in _NUMBER_VRS else new

    def fate_of(self, rule: Rule, place: Place, job: Job) -> Fate:
        """Return what becomes of a sequence."""
        if _is_age(rule, place):
            return Fate.EMPTIED  # it may be empty (PS3.3 C.18.1); where ages are kept, `items_of` fills it
        if rule.action is None:
            return Fate.WALKED
        if not isinstance(rule.action, ByType):
            raise TypeError("a sequence is walked, removed, emptied or replaced")
        return rule.action.fate(rule, place, job)

    def enter(self, data: Buffer, head: Header, rule: Rule, place: Place) -> None:
        """Remember the concept that a content item is about, before its Concept Name is walked."""
        if rule.tag == _CONCEPT_NAME:
            leaves = leaves_of(data, head, place.encoding, self._is_sequence)
            place.concept = _code({leaf.tag: bytes(leaf.value) for leaf in leaves}, place)

    def enter_item(self, data: Buffer, item: Header, inside: Place) -> None:
        """Remember the code that an item is, before its elements are walked (PS3.3 8.8)."""
        view = memoryview(data)
        if not item.length or bytes(view[item.value : item.value + 1]) not in _FIRST_BYTES:
            return
        position, found = item.value, dict[int, bytes]()
        while (head := inside.encoding.header(data, position)).tag in _CODES and head.length != UNDEFINED:
            position = head.value + head.length
            found[head.tag] = bytes(view[head.value : position])
            if position >= len(view):
                break
        if found:
            inside.code = _code(found, inside)

    def items_of(self, data: Buffer, head: Header, rule: Rule, place: Place, job: Job) -> bytes:
        """Return what stands in a sequence that is not walked: an age that may stay, a dummy, or nothing."""
        if _is_age(rule, place):
            if self.rules[_PATIENT_AGE].letter != "K":
                return b""
            leaves = leaves_of(data, head, place.encoding, self._is_sequence)
            return measured_age(leaves, place.encoding, job.echoes)
        is_replaced = self.fate_of(rule, place, job) is Fate.REPLACED
        return self._dummy_code(place.encoding) if is_replaced else b""

    def _dummy_code(self, encoding: Encoding) -> bytes:
        """Return an item with a code that says nothing."""
        code = b"".join(
            encoding.element(tag, vr, text)
            for tag, vr, text in (
                (_CODE_VALUE, b"SH", b"REMOVED "),
                (_CODING_SCHEME, b"SH", b"99PACSSUITE "),
                (_CODE_MEANING, b"LO", b"Removed "),
            )
        )
        return encoding.head(ITEM, b"", len(code)) + code

    def _is_sequence(self, tag: int) -> bool:
        rule = self.rules.get(tag)
        return rule is not None and rule.vr == b"SQ"


def _is_age(rule: Rule, place: Place) -> bool:
    """Return whether a sequence holds the age of a report's subject."""
    return rule.tag == _MEASURED_VALUE and place.concept is not None and place.concept[:2] in AGES


def _code(found: dict[int, bytes], place: Place) -> Code:
    """Return the code that these elements tell."""
    texts = {tag: decoded(value, place.character_set).strip("\0 ") for tag, value in found.items()}
    value = texts.get(_CODE_VALUE) or texts.get(_LONG_VALUE) or texts.get(_URN_VALUE) or ""
    return Code(texts.get(_CODING_SCHEME, ""), value, texts.get(_CODE_MEANING, ""))


def _private_rule(tag: int, vrs: tuple[bytes, ...], *, retains_uids: bool) -> Rule:
    """Return the rule of a safe private attribute: it stays where its value is what its VR allows."""
    vr, action = vrs[0], None
    if vr == b"UI" and not retains_uids:
        kind, action = Kind.ACTED, NewUid()
    elif vr == b"SQ":
        kind = Kind.SEQUENCE
    elif vr in _TEXT_VRS:
        kind = Kind.WORDS
    else:
        kind = Kind.CHECKED
    letter = "U" if action else "K"
    return Rule(tag, kind, vr, frozenset({*vrs, b""}), letter, action)
