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


class Leaf(NamedTuple):
    """An element that is no sequence."""

    path: tuple[int, ...]
    tag: int
    vr: bytes
    """Empty where it is not written."""
    value: memoryview


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
    yield from reader.elements(begin, len(memoryview(data)), encoding, (), None)


def leaves_of(
    data: Buffer, head: Header, encoding: Encoding, is_sequence: Callable[[int], bool]
) -> Iterator[Leaf]:
    """Yield the elements in the items of one sequence, as `leaves` does for a whole data set."""
    end = len(memoryview(data))
    yield from _Reader(data, is_sequence, frozenset()).items(head, end, encoding, (head.tag,))


class _Reader:
    def __init__(self, data: Buffer, is_sequence: Callable[[int], bool], unread: frozenset[int]) -> None:
        self.data = data
        self.view = memoryview(data)
        self.is_sequence = is_sequence
        self.unread = unread
        self.stopped_at = 0

    def elements(
        self, position: int, end: int, encoding: Encoding, path: tuple[int, ...], closing: int | None
    ) -> Iterator[Leaf]:
        """Yield what stands up to ``end`` or the delimiter ``closing``; where that was is left in a field."""
        while position < end:
            head = encoding.header(self.data, position)
            if head.tag == closing:
                self.stopped_at = head.value
                return
            if self._is_walked(head):
                yield from self.items(head, end, encoding, (*path, head.tag))
                position = self.stopped_at
                continue
            position = skip_value(self.data, head, encoding, end)
            if head.length != UNDEFINED and head.tag >> 16 < _PIXEL_GROUP:
                yield Leaf(path, head.tag, head.vr, self.view[head.value : position])
        self.stopped_at = position

    def _is_walked(self, head: Header) -> bool:
        if head.tag in self.unread or head.tag >> 16 >= _PIXEL_GROUP:
            return False
        if head.vr == b"SQ" or (head.length == UNDEFINED and head.vr in {b"UN", b""}):
            return True
        return head.vr in {b"", b"UN"} and self.is_sequence(head.tag)

    def items(self, head: Header, end: int, encoding: Encoding, path: tuple[int, ...]) -> Iterator[Leaf]:
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
                yield from self.elements(item.value, stop, inner, path, ITEM_END)
                position = self.stopped_at
            else:
                limit = skip_value(self.data, item, inner, stop)
                yield from self.elements(item.value, limit, inner, path, None)
                position = limit
        self.stopped_at = position
