"""The walk over an encoded data set: each element by its rule, everything else taken over as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.keeping import is_legal, is_long_number
from orthanc_plugins.deid.rules import Fate, Kind, Place, Rule
from orthanc_plugins.deid.text import reaches_somebody
from orthanc_plugins.deid.wire import (
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
    Header,
    Rewriter,
    skip_value,
)
from orthanc_plugins.deid.wire.codestreams import without_comments
from orthanc_plugins.deid.wire.skipping import DEEPEST
from orthanc_plugins.deid.wire.surplus import without_surplus
from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Buffer, Sequence

    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.plan import Plan

DOUBT = "doubt"
"""What is counted for an element that the policy keeps, but whose value or form may not stay."""
_REPEATED = frozenset({0x00081140, 0x00082112, 0x30060016})
"""Referenced Image, Source Image and Contour Image Sequence: contours name the same images many times."""
_SHORT = 1024
_LITTLE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_SEQUENCE_VRS = frozenset({b"SQ", b"UN", b""})
_NUMBER_VRS = frozenset({b"DS", b"IS"})
_TEXT_VRS = frozenset(
    {b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"LT", b"PN", b"SH", b"ST", b"TM"}
)


class Walk:
    """One walk over one data set.

    Parameters
    ----------
    data
        The encoded data set.
    begin
        Where its first element stands.
    encoding
        How its elements are written.
    plan
        The rules.
    job
        What is known of the instance; the walk writes into it.
    """

    def __init__(self, data: Buffer, begin: int, encoding: Encoding, plan: Plan, job: Job) -> None:
        self.data = data
        self.view = memoryview(data)
        self.end = len(self.view)
        self.begin = begin
        self.encoding = encoding
        self.plan = plan
        self.job = job
        self.copy = Rewriter(data, begin)
        self._known: dict[
            tuple[tuple[int, ...], int, bytes, bytes], tuple[bytes, Counter[tuple[str, int]]]
        ] = {}

    def pieces(self, markers: Sequence[tuple[int, bytes]]) -> list[Buffer]:
        """Return the data set without identity, in pieces to be written one after the other.

        Parameters
        ----------
        markers
            Elements to put in, encoded, by tag in ascending order; the plan removes those of old.

        Raises
        ------
        InvalidDicom
            The data set is not encoded as the standard says.
        """
        place, position = Place(self.encoding), self.begin
        for tag, element in markers:
            position = self._elements(position, self.end, place, before=tag)
            self.copy.insert(position, element)
        position = self._elements(position, self.end, place)
        return self.copy.finished(position)

    def _elements(self, position: int, end: int, place: Place, before: int = ITEM) -> int:
        """Walk the elements up to ``end``, an item's delimiter, or the first tag from ``before`` on."""
        data, header, rules = self.data, place.encoding.header, self.plan.rules
        while position < end:
            head = header(data, position)
            tag = head.tag
            if tag >= before:
                if tag == ITEM_END and place.open:
                    return head.value
                if before != ITEM and tag < ITEM:
                    return position
                raise InvalidDicom(f"At byte {position} stands a delimiter where an element was expected.")
            rule = rules.get(tag) or self.plan.rule_for(tag, place)
            if rule.kind is Kind.RAW and head.length <= rule.longest and head.vr in rule.vrs:
                position = head.value + head.length
                continue
            if rule.kind is Kind.SEQUENCE and head.vr in _SEQUENCE_VRS:
                position = self._sequence(position, head, rule, end, place)
            else:
                position = self._element(position, head, rule, end, place)
        if position > end:
            raise InvalidDicom(f"The element before byte {position} reaches beyond what holds it.")
        if place.open:
            raise InvalidDicom(f"The item that ends at byte {end} has no delimiter.")
        return position

    def _element(self, position: int, head: Header, rule: Rule, end: int, place: Place) -> int:
        """Treat one element that is no sequence, and return where the next begins."""
        if rule.kind is Kind.PIXELS:
            return self._pixels(position, head, rule, end, place)
        if rule.kind is Kind.SEQUENCE or head.vr == b"SQ" or head.length == UNDEFINED:
            return self._removed(position, head, rule, end, place)  # it is not what the dictionary says
        stop = skip_value(self.data, head, place.encoding, end)
        value = bytes(self.view[head.value : stop])
        if rule.action is not None:
            new, done = rule.action(value, rule, place, self.job), rule.letter
            if new is value and head.vr in rule.vrs:
                return stop
        elif self._may_stay(value, head, rule, place):
            return stop
        else:
            new, done = self.plan.fallen(rule, place, self.job), DOUBT
        piece = b""
        if new is not None:
            vr = head.vr if head.vr in rule.vrs and head.vr else rule.vr
            piece = place.encoding.element(rule.tag, vr, new)
        self.copy.exchange(position, stop, piece)
        self.job.counts[done, rule.tag] += 1
        return stop

    def _may_stay(self, value: bytes, head: Header, rule: Rule, place: Place) -> bool:
        """Return whether a kept element is what the dictionary says, and says nothing of the identity."""
        if head.vr not in rule.vrs and not (head.vr == b"UN" or {head.vr, rule.vr} <= _TEXT_VRS):
            return False
        if len(value) > rule.longest:
            return False
        if rule.kind is Kind.RAW:
            return True
        if not is_legal(rule.vr, value):
            return False
        is_text = rule.kind is Kind.WORDS
        if is_text or (rule.vr in _NUMBER_VRS and is_long_number(value)):
            text = decoded(value, place.character_set)
            if (is_text and reaches_somebody(text)) or self.job.echoes(text):
                return False
        if rule.note is not None:
            rule.note(value, rule, place, self.job)
        return True

    def _removed(self, position: int, head: Header, rule: Rule, end: int, place: Place) -> int:
        stop = skip_value(self.data, head, place.encoding, end)
        self.copy.exchange(position, stop, b"")
        self.job.counts[DOUBT, rule.tag] += 1
        return stop

    def _sequence(self, position: int, head: Header, rule: Rule, end: int, place: Place) -> int:
        """Walk, empty, replace or remove a sequence."""
        done = self.plan.fate_of(rule, place, self.job)
        if done is Fate.WALKED or (done is Fate.REPLACED and not rule.code):
            if rule.tag in _REPEATED:
                return self._repeated(position, head, rule, end, place)
            self.plan.enter(self.data, head, rule, place)
            return self._items(head, rule, end, place)
        stop = skip_value(self.data, head, place.encoding, end)
        new = b""
        if done is not Fate.REMOVED:
            items = self.plan.items_of(self.data, head, rule, place, self.job)
            new = place.encoding.element(rule.tag, b"SQ", items)
        self.copy.exchange(position, stop, new)
        self.job.counts[rule.letter, rule.tag] += 1
        return stop

    def _repeated(self, position: int, head: Header, rule: Rule, end: int, place: Place) -> int:
        """Walk a sequence that may have stood here before, to the byte; then the same is written again."""
        stop = self._near_end(head)
        key = (place.path, rule.tag, place.character_set, bytes(self.view[position:stop]))
        known = self._known.get(key)
        if known is not None:
            self.copy.exchange(position, stop, known[0])
            self.job.counts.update(known[1])
            return stop
        first, counts = self.copy.flush(position), self.job.counts.copy()
        after = self._items(head, rule, end, place)
        self.copy.flush(after)
        if after == stop:
            self._known[key] = (self.copy.joined(first), self.job.counts - counts)
        return after

    def _near_end(self, head: Header) -> int:
        """Return where a sequence seems to end that is short; its beginning where it does not."""
        if head.length != UNDEFINED:
            return head.value + head.length if head.length <= _SHORT else head.value
        found = bytes(self.view[head.value : head.value + _SHORT]).find(_LITTLE_END)
        return head.value + found + len(_LITTLE_END) if found >= 0 else head.value

    def _items(self, head: Header, rule: Rule, end: int, place: Place) -> int:
        """Walk the items of a sequence, and write its new length where it had one."""
        encoding = IMPLICIT_LITTLE if head.vr == b"UN" else place.encoding
        is_open, slot, grown = head.length == UNDEFINED, 0, self.copy.growth
        stop = end if is_open else skip_value(self.data, head, place.encoding, end)
        if len(place.path) >= DEEPEST:
            raise InvalidDicom(f"At byte {head.value} more than {DEEPEST} sequences are nested.")
        if not is_open:
            slot = self.copy.reserve(head.value - 4)
        position, path = head.value, (*place.path, rule.tag)
        while position < stop:
            item = encoding.header(self.data, position)
            if item.tag == SEQUENCE_END and is_open:
                return item.value
            if item.tag != ITEM:
                raise InvalidDicom(f"At byte {position} an item was expected.")
            inside = Place(encoding, path, place.character_set, open=item.length == UNDEFINED)
            position = self._item(item, stop, inside)
        if is_open:
            raise InvalidDicom(f"The sequence at byte {head.value} has no delimiter.")
        self.copy.settle(slot, head.length + self.copy.growth - grown, place.encoding)
        return position

    def _item(self, item: Header, end: int, inside: Place) -> int:
        self.plan.enter_item(self.data, item, inside)
        if inside.open:
            return self._elements(item.value, end, inside)
        slot, grown = self.copy.reserve(item.value - 4), self.copy.growth
        stop = skip_value(self.data, item, inside.encoding, end)
        self._elements(item.value, stop, inside)
        self.copy.settle(slot, item.length + self.copy.growth - grown, inside.encoding)
        return stop

    def _pixels(self, position: int, head: Header, rule: Rule, end: int, place: Place) -> int:
        """Keep the pixels of the image itself; pixels of anything inside a sequence are removed."""
        if place.path:
            return self._removed(position, head, rule, end, place)
        if head.vr not in rule.vrs and head.vr != b"UN":
            raise InvalidDicom(f"The pixels at byte {position} are written as text or numbers.")
        stop = skip_value(self.data, head, place.encoding, end)
        if head.length == UNDEFINED:
            new = without_comments(self.view[head.value : stop])
        else:
            new = without_surplus(self.view[head.value : stop], self.job.numbers)
        if new is not None:
            size = UNDEFINED if head.length == UNDEFINED else len(new)
            self.copy.exchange(position, stop, place.encoding.head(rule.tag, head.vr, size) + new)
            self.job.counts["pixels", rule.tag] += 1
        return stop
