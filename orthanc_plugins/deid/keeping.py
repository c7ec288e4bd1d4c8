"""Whether a value is what its VR allows (PS3.5 6.2), so that nothing hides in it.

Text is not judged here: it may hold anything, so it is searched for the identity.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CODE_STRING = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _\\"
_NUMBER = b"0123456789+-.eE \\\0"
_TIME_PART = rb"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"
_DATE_PART = rb"\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_DATES = re.compile(rb"(?:" + _DATE_PART + rb"[ \0]*(?:\\|$))*")
_TIMES = re.compile(rb"(?:(?:" + _TIME_PART + rb")?[ \0]*(?:\\|$))*")
_DATE_TIME_PART = (
    rb"\d{4}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])(?:" + _TIME_PART + rb")?)?)?(?:[+-]\d{4})?"
)
_DATE_TIMES = re.compile(rb"(?:" + _DATE_TIME_PART + rb"[ \0]*(?:\\|$))*")
_LONGEST_NUMBER = 12
"""Bytes of a value of IS (PS3.5 6.2)."""
_IDENTIFIER_SHORTEST, _IDENTIFIER_LONGEST = 6, 16
_UIDS = re.compile(rb"[0-9.]{1,64}(?:\\[0-9.]{1,64})*[ \0]?")
_AGES = re.compile(rb"\d{3}[DWMY](?:\\\d{3}[DWMY])*[ \0]*")


def _is_number(value: bytes) -> bool:
    return not value.translate(None, _NUMBER)


def _is_code_string(value: bytes) -> bool:
    return not value.translate(None, _CODE_STRING + b"\0")


def _matches(pattern: re.Pattern[bytes]) -> Callable[[bytes], bool]:
    return lambda value: not value or pattern.fullmatch(value) is not None


_CHECKS: dict[bytes, Callable[[bytes], bool]] = {
    b"DS": _is_number,
    b"IS": _is_number,
    b"CS": _is_code_string,
    b"DA": _matches(_DATES),
    b"TM": _matches(_TIMES),
    b"DT": _matches(_DATE_TIMES),
    b"UI": _matches(_UIDS),
    b"AS": _matches(_AGES),
}


def is_legal(vr: bytes, value: bytes) -> bool:
    r"""Return whether the value has only characters and the form that its VR allows.

    >>> is_legal(b"DS", b"0.5\\-1e3 "), is_legal(b"DS", b"0.5 Doe"), is_legal(b"DA", b"20241345")
    (True, False, False)
    """
    check = _CHECKS.get(vr)
    return check is None or check(value)


def is_long_number(value: bytes) -> bool:
    """Return whether a value is one number of so many digits that it may be an identifier or a date.

    >>> is_long_number(b"48151623"), is_long_number(b"1200"), is_long_number(b"1.234567")
    (True, False, False)
    """
    return _IDENTIFIER_SHORTEST <= len(value) <= _IDENTIFIER_LONGEST and value.strip(b" \0").isdigit()


def whole_number(value: bytes) -> int | None:
    """Return the number that a value of IS holds; None where it holds none, or one that IS has no room for.

    >>> whole_number(b"12 "), whole_number(b"-1"), whole_number(b"9" * 13)
    (12, None, None)
    """
    text = value.strip(b"\0 ")
    return int(text) if text.isdigit() and len(text) <= _LONGEST_NUMBER else None
