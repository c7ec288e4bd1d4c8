"""Where a value ends whose length is not written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.wire.encodings import (
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
    Header,
)
from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Buffer

DEEPEST = 200
"""Levels of nesting that are followed; real objects have fewer than 20."""


def skip_value(data: Buffer, head: Header, encoding: Encoding, end: int, depth: int = 0) -> int:
    """Return where the element's value ends, its delimiter with it.

    Parameters
    ----------
    end
        Where what holds the element ends at the latest.

    Raises
    ------
    InvalidDicom
        It reaches beyond ``end``, or its items are not in order.
    """
    if head.length != UNDEFINED:
        stop = head.value + head.length
        if stop > end:
            raise InvalidDicom(f"The element at byte {head.value} reaches beyond what holds it.")
        return stop
    if depth > DEEPEST:
        raise InvalidDicom(f"At byte {head.value} more than {DEEPEST} sequences are nested.")
    inner = IMPLICIT_LITTLE if head.vr == b"UN" else encoding
    position = head.value
    while position < end:
        item = inner.header(data, position)
        if item.tag == SEQUENCE_END:
            return item.value
        if item.tag != ITEM:
            raise InvalidDicom(f"At byte {position} an item was expected.")
        position = _skip_item(data, item, inner, end, depth)
    raise InvalidDicom(f"The sequence at byte {head.value} has no end.")


def _skip_item(data: Buffer, item: Header, encoding: Encoding, end: int, depth: int) -> int:
    if item.length != UNDEFINED:
        return skip_value(data, item, encoding, end)
    position = item.value
    while position < end:
        head = encoding.header(data, position)
        if head.tag == ITEM_END:
            return head.value
        position = skip_value(data, head, encoding, end, depth + 1)
    raise InvalidDicom(f"The item at byte {item.value} has no end.")
