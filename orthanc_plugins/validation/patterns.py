"""What is searched for in bytes: each value in every encoding it may be in."""

from __future__ import annotations

import base64
import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.validation.writings import (
    ANYWHERE,
    dates_written,
    is_common,
    name_orders,
    name_parts,
    pieces,
    spellings,
    telling_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orthanc_plugins.validation.identity import Identity

_ALWAYS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
_BACK_TO_ASCII = re.compile(rb"\x1b\([BJ]$")
_LONGEST_DATE_AND_TIME = 14
_LONG_UID = 16
"""A UID of so many characters is met inside a longer one too: something was added to it."""
_FOR_BASE64 = 8
"""Shorter values leave too few characters of base64 that no neighbour changes."""
_REACH = 20
_LONG_NUMBER = re.compile(r"(?<!\d)(?!(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))\d{7,}")
"""A number inside an identifier, which tells as much by itself; but for dates and times, as devices count."""


class Kind(StrEnum):
    """What a value tells."""

    NAME = "name"
    IDENTIFIER = "identifier"
    CONTACT = "contact"
    INSTITUTION = "institution"
    DEVICE = "device"
    BIRTH_DATE = "birth date"
    DATE = "date"
    UID = "UID"


class Pattern(NamedTuple):
    """Bytes in lower case that tell something, and by what they are told from a part of something else.

    ``digits`` is the text of a value whose neighbours count, empty of others.
    """

    code: bytes
    kind: Kind
    encoding: str
    digits: str = ""

    def is_at(self, data: bytes, stop: int) -> bool:
        """Return whether data, in lower case, have this before a place, and it is by itself there."""
        start = stop - len(self.code)
        if start < 0 or data[start:stop] != self.code:
            return False
        if not self.digits:
            return True
        ahead = data[max(0, start - _REACH) : start]
        behind = data[stop : stop + _REACH]
        if self.encoding.startswith("utf-16"):
            ahead, behind = ahead.replace(b"\0", b""), behind.replace(b"\0", b"")
        if self.kind is Kind.UID:
            return _is_uid(self.digits, ahead, behind)
        if self.kind in {Kind.DATE, Kind.BIRTH_DATE}:
            return _is_day(self.digits, ahead, behind)
        return _is_number(ahead, behind)


def _is_uid(uid: str, ahead: bytes, behind: bytes) -> bool:
    """Return whether a UID begins here and, if it is short, ends here."""
    if re.search(rb"[\d.]$", ahead):
        return False
    return len(uid) >= _LONG_UID or not re.match(rb"\.?\d", behind)


def _is_day(day: str, ahead: bytes, behind: bytes) -> bool:
    """Return whether a day is by itself, or the begin of a date and time."""
    if re.search(rb"\d\.?$", ahead):
        return False
    following = re.match(rb"\d*", behind)
    more = len(following[0]) if following else 0
    return len(day) + more <= _LONGEST_DATE_AND_TIME if day.isdigit() else not more


def _is_number(ahead: bytes, behind: bytes) -> bool:
    """Return whether digits are a whole number, zeros ahead left aside."""
    return not re.search(rb"\d\.?$", ahead.rstrip(b"0")) and not re.match(rb"\.?\d", behind)


def patterns_of(identity: Identity) -> list[Pattern]:
    """Return all that is searched for in bytes, each once; `ANYWHERE` is the shortest."""
    encodings = sorted(identity.encodings.union(_ALWAYS) - {"iso8859"})
    found: dict[bytes, Pattern] = {}
    for text, kind in _texts(identity):
        for pattern in _written(text, kind, encodings):
            found.setdefault(pattern.code, pattern)
    return list(found.values())


def _texts(identity: Identity) -> Iterator[tuple[str, Kind]]:
    """Yield texts in lower case, of every spelling and order, that are long enough."""
    for kind, found in _unspelt(identity):
        for text in found:
            for spelling in spellings(text):
                if len(spelling) >= ANYWHERE or not spelling.isascii():
                    yield spelling, kind


def _unspelt(identity: Identity) -> Iterator[tuple[Kind, Iterable[str]]]:
    for name in identity.names:
        yield Kind.NAME, name_parts(name)
        if name_parts(name):
            yield Kind.NAME, name_orders(name)
    for kind, values in (
        (Kind.IDENTIFIER, identity.identifiers),
        (Kind.CONTACT, identity.contacts),
        (Kind.INSTITUTION, identity.institutions),
        (Kind.DEVICE, identity.devices),
    ):
        for value in values:
            yield kind, _parts(value, kind)
    for kind, days in ((Kind.BIRTH_DATE, identity.birth_dates), (Kind.DATE, identity.dates)):
        for day in days:
            yield kind, dates_written(day)
    yield Kind.UID, identity.uids | identity.device_uids


def _parts(value: str, kind: Kind) -> set[str]:
    """Return what of a value is searched for by itself."""
    if kind is Kind.CONTACT:
        return pieces(value) | telling_words(value)
    if kind is Kind.INSTITUTION:
        return set() if is_common(value) else {value} | telling_words(value)
    numbers = () if kind is Kind.DEVICE else _LONG_NUMBER.findall(value)
    return {_significant(value), *map(_significant, numbers)}


def _significant(value: str) -> str:
    """Return a value; of a number with zeros ahead the rest, if it is long enough by itself."""
    rest = value.lstrip("0")
    return rest if value.isdigit() and len(rest) >= ANYWHERE else value


def _written(text: str, kind: Kind, encodings: Iterable[str]) -> Iterator[Pattern]:
    """Yield a text in each encoding that has its letters, in either case, and as base64 and hexadecimal."""
    counts = kind in {Kind.UID, Kind.DATE, Kind.BIRTH_DATE} or text.isdigit()
    digits = text if counts else ""
    for encoding in encodings:
        if text.isascii() and not encoding.startswith("utf"):
            continue
        for cased in {text, text.upper(), text.title()}:
            code = _encoded(cased, encoding)
            if len(code) >= ANYWHERE:
                yield Pattern(code.lower(), kind, encoding, digits)
    if kind is not Kind.UID and not (kind is Kind.DATE and not text.isdigit()):
        yield from _transported(text, kind)


def _encoded(text: str, encoding: str) -> bytes:
    """Return a text's bytes, without a return to ASCII at their end; none if it has other letters."""
    try:
        return _BACK_TO_ASCII.sub(b"", text.encode(encoding))
    except UnicodeEncodeError:
        return b""


def _transported(text: str, kind: Kind) -> Iterator[Pattern]:
    """Yield a text as base64 in its three positions, and as hexadecimal digits."""
    for cased in {text, text.upper(), text.title()}:
        code = cased.encode()
        if len(code) < _FOR_BASE64:
            continue
        yield Pattern(code.hex().encode(), kind, "hexadecimal")
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + code)
            begin = (0, 2, 3)[shift]
            end = len(whole) - 4 * bool((shift + len(code)) % 3)
            yield Pattern(whole[begin:end].lower(), kind, "base64")
