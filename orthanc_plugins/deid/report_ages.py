"""The age of a report's subject (PS3.16 TID 1007), which goes as Patient's Age (0010,1010) goes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.deid.wire.encodings import ITEM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orthanc_plugins.deid.wire import Encoding
    from orthanc_plugins.deid.wire.reading import Leaf

AGES = frozenset({("DCM", "121033"), ("SCT", "397669002"), ("SCT", "424144002"), ("LN", "30525-0")})
"""Concepts of the subject's age, by scheme and code."""

_MEASURED_VALUE, _UNITS, _NUMERIC_VALUE = 0x0040A300, 0x004008EA, 0x0040A30A
_CODE_VALUE, _CODING_SCHEME, _CODE_MEANING = 0x00080100, 0x00080102, 0x00080104
_NUMBER = re.compile(r"\d{1,6}(?:\.\d{1,6})?")


class _Unit(NamedTuple):
    """A unit of age (PS3.16 CID 7456): its meaning, and the first number of it that is more than 89 years."""

    meaning: str
    oldest: int


_UNITS_OF_AGE = {
    "a": _Unit("year", 90),
    "mo": _Unit("month", 1080),
    "wk": _Unit("week", 4696),
    "d": _Unit("day", 32873),
    "h": _Unit("hour", 788940),
    "min": _Unit("minute", 47336400),
}
"""By their code in UCUM; a year has 365.25 days."""


def measured_age(leaves: Iterable[Leaf], encoding: Encoding, echoes: Callable[[str], bool]) -> bytes:
    """Return the item of an age in Measured Value Sequence (0040,A300), of more than 89 years as 90.

    The number and its unit are written anew, so what else says the age, in floating point or as a fraction,
    goes. Nothing is returned for what is no age in a unit of time.

    Parameters
    ----------
    leaves
        What stands in the sequence.
    echoes
        Whether a text repeats something of the patient's or the staff's identity: a number may be one.
    """
    told = [(leaf.path, leaf.tag, bytes(leaf.value).strip(b"\0 ").decode("latin-1")) for leaf in leaves]
    numbers = [text for path, tag, text in told if path == (_MEASURED_VALUE,) and tag == _NUMERIC_VALUE]
    code = {tag: text for path, tag, text in told if path == (_MEASURED_VALUE, _UNITS)}
    symbol = code.get(_CODE_VALUE, "")
    unit = _UNITS_OF_AGE.get(symbol) if code.get(_CODING_SCHEME) == "UCUM" else None
    if unit is None or len(numbers) != 1 or not _NUMBER.fullmatch(numbers[0]) or echoes(numbers[0]):
        return b""
    age = numbers[0] if Decimal(numbers[0]) < unit.oldest else str(unit.oldest)
    of_unit = _item(encoding, (_CODE_VALUE, symbol), (_CODING_SCHEME, "UCUM"), (_CODE_MEANING, unit.meaning))
    units = encoding.element(_UNITS, b"SQ", of_unit)
    number = encoding.element(_NUMERIC_VALUE, b"DS", _even(age))
    return encoding.head(ITEM, b"", len(units) + len(number)) + units + number


def _item(encoding: Encoding, *elements: tuple[int, str]) -> bytes:
    content = b"".join(
        encoding.element(tag, b"LO" if tag == _CODE_MEANING else b"SH", _even(text)) for tag, text in elements
    )
    return encoding.head(ITEM, b"", len(content)) + content


def _even(text: str) -> bytes:
    value = text.encode("ascii")
    return value + b" " * (len(value) % 2)
