"""Elements of an encoded data set one after the other, for whoever only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.deid.wire.encodings import (
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
    Header,
)
from orthanc_plugins.deid.wire.skipping import DEEPEST, skip_value
from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Buffer, Callable, Iterator

_PIXEL_GROUP = 0x7FE0
_CHARACTER_SET = 0x00080005


class Leaf(NamedTuple):
    """An element that is no sequence."""

    path: tuple[int, ...]
    tag: int
    vr: bytes
    """Empty where it is not written."""
    value: memoryview
    character_set: bytes
    """Value of Specific Character Set (0008,0005) in force here, which an item inherits (PS3.5 7.5.3)."""


def leaves(
    data: Buffer,
    begin: int,
    encoding: Encoding,
    is_sequence: Callable[[int], bool],
    unread: frozenset[int] = frozenset(),
) -> Iterator[Leaf]:
    """Yield the elements that are no sequences, those in items with them, in their order.

    Parameters
    ----------
    is_sequence
        Whether the dictionary has a sequence under a tag; needed where the VR is not written.
    unread
        Sequences that are passed over.

    Raises
    ------
    InvalidDicom
        The data set is not encoded as the standard says.
    """
    reader = _Reader(data, is_sequence, unread)
    yield from reader.elements(begin, len(memoryview(data)), encoding, (), b"")


def leaves_of(
    data: Buffer, head: Header, encoding: Encoding, is_sequence: Callable[[int], bool]
) -> Iterator[Leaf]:
    """Yield the elements in the items of one sequence, as `leaves` does for a whole data set."""
    end = len(memoryview(data))
    yield from _Reader(data, is_sequence, frozenset()).items(head, end, encoding, (head.tag,), b"")


class _Reader:
    def __init__(self, data: Buffer, is_sequence: Callable[[int], bool], unread: frozenset[int]) -> None:
        self.data = data
        self.view = memoryview(data)
        self.is_sequence = is_sequence
        self.unread = unread
        self.stopped_at = 0

    def elements(
        self, position: int, end: int, encoding: Encoding, path: tuple[int, ...], characters: bytes
    ) -> Iterator[Leaf]:
        """Yield what stands up to ``end`` or an item's delimiter; where that was is left in a field."""
        while position < end:
            head = encoding.header(self.data, position)
            if head.tag == ITEM_END:
                self.stopped_at = head.value
                return
            if self._is_walked(head):
                yield from self.items(head, end, encoding, (*path, head.tag), characters)
                position = self.stopped_at
                continue
            position = skip_value(self.data, head, encoding, end)
            if head.length == UNDEFINED or head.tag in self.unread or head.tag >> 16 >= _PIXEL_GROUP:
                continue
            value = self.view[head.value : position]
            if head.tag == _CHARACTER_SET:
                characters = bytes(value).strip(b"\0 ")
            yield Leaf(path, head.tag, head.vr, value, characters)
        self.stopped_at = position

    def _is_walked(self, head: Header) -> bool:
        if head.tag in self.unread or head.tag >> 16 >= _PIXEL_GROUP:
            return False
        if head.vr == b"SQ" or (head.length == UNDEFINED and head.vr in {b"UN", b""}):
            return True
        return head.vr in {b"", b"UN"} and self.is_sequence(head.tag)

    def items(
        self, head: Header, end: int, encoding: Encoding, path: tuple[int, ...], characters: bytes
    ) -> Iterator[Leaf]:
        """Yield what stands in the items of a sequence; where it ended is left in a field."""
        if len(path) > DEEPEST:
            raise InvalidDicom(f"At byte {head.value} more than {DEEPEST} sequences are nested.")
        inner = IMPLICIT_LITTLE if head.vr == b"UN" else encoding
        stop = end if head.length == UNDEFINED else skip_value(self.data, head, encoding, end)
        position = head.value
        while position < stop:
            item = inner.header(self.data, position)
            if item.tag == SEQUENCE_END:
                self.stopped_at = item.value
                return
            if item.tag != ITEM:
                raise InvalidDicom(f"At byte {position} an item was expected.")
            if item.length == UNDEFINED:
                yield from self.elements(item.value, stop, inner, path, characters)
                position = self.stopped_at
            else:
                limit = skip_value(self.data, item, inner, stop)
                yield from self.elements(item.value, limit, inner, path, characters)
                position = limit
        self.stopped_at = position
