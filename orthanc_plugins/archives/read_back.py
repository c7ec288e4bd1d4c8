"""Whether an archive's copy of an instance is the one that was sent to it.

Only asked of one instance that was sent to take another one's place; archives are compared elsewhere.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

_NOT_CONTENT = frozenset({0x00080005, 0x04000561, 0xFFFCFFFC})
"""Character set, original attributes and padding: an archive may write them anew."""
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


def differing(sent: bytes, held: bytes) -> frozenset[str]:
    """Return the keywords, or tags, of top elements in which two files differ; values are not told.

    Pixels of different transfer syntaxes are not looked at.
    """
    # Warnings quote values, which may be a patient's; `catch_warnings` would exchange other threads' filters.
    warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
    first, second = (dcmread(io.BytesIO(content)) for content in (sent, held))
    syntaxes = {data_set.file_meta.get("TransferSyntaxUID") for data_set in (first, second)}
    left_out = _NOT_CONTENT | (_PIXELS if len(syntaxes) > 1 else frozenset())
    tags = {element.tag for data_set in (first, second) for element in _elements(data_set)} - left_out
    return frozenset(
        _name(first if tag in first else second, tag)
        for tag in tags
        if _value(first.get(tag)) != _value(second.get(tag))
    )


def _elements(data_set: Dataset) -> Iterator[DataElement]:
    return (element for element in data_set if element.tag.element != 0)


def _name(data_set: Dataset, tag: int) -> str:
    return data_set[tag].keyword or str(data_set[tag].tag)


def _value(element: DataElement | None) -> object:
    """Return a value that is equal when the content is; one that is empty is that of an absent element."""
    if element is None or element.value is None or element.is_empty:
        return None
    if element.VR == "SQ":
        return [{item.tag: _value(item) for item in _elements(each)} for each in element.value]
    return _plain(element.value)


def _plain(value: object) -> object:
    if isinstance(value, MultiValue | list):
        return [_plain(one) for one in value]
    if isinstance(value, PersonName):
        return "=".join(group.rstrip("^ ") for group in str(value).split("=")).rstrip("=")
    if isinstance(value, bytes):
        return value.rstrip(b"\0 ")
    if isinstance(value, float | int):
        return float(value)
    return str(value).rstrip("\0 ")
