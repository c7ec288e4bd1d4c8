"""Values of a header as text and numbers, without pydicom's checks, which log a value that fails them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_DIVIDER = "\\"


def text(dataset: Dataset, keyword: str) -> str:
    """Return a value as text, values of a list divided by backslashes; empty where there is none.

    Bytes that were not yet read are taken for UTF-8 or else Latin-1: enough for words to look for.
    """
    if keyword not in dataset:
        return ""
    element = dataset.get_item(keyword)
    value = element.value
    if isinstance(element, RawDataElement) and isinstance(value, bytes):
        return _decoded(value).strip("\0 ")
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    return _DIVIDER.join("" if one is None else str(one) for one in values).strip()


def word(dataset: Dataset, keyword: str) -> str:
    """Return a value as text in capitals."""
    return text(dataset, keyword).upper()


def words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return the values of a list as text in capitals, those that are not empty."""
    return tuple(one.strip() for one in word(dataset, keyword).split(_DIVIDER) if one.strip())


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Return the numbers of decimal or integer strings; nothing where one is no number."""
    try:
        return tuple(float(one) for one in words(dataset, keyword))
    except ValueError:
        return ()


def whole_number(dataset: Dataset, keyword: str) -> int:
    """Return a whole number that is stored in two bytes or as text; 0 where there is none."""
    if keyword not in dataset:
        return 0
    element = dataset.get_item(keyword)
    value = element.value
    if isinstance(element, RawDataElement) and isinstance(value, bytes) and element.VR != "IS":
        value = dataset[keyword].value
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
