"""One form for values that say the same, whatever their padding, character set, notation or byte order.

Each form is bytes; two values of a kind are the same exactly when their forms are, and a value that says
nothing has an empty form. What cannot be read as its kind keeps its bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Protocol

import numpy as np

from orthanc_plugins.content.characters import decoded, is_plain

if TYPE_CHECKING:
    from orthanc_plugins.content.characters import Encodings


class Holder(Protocol):
    """What holds a value: it is asked for its character sets only where they matter."""

    @property
    def encodings(self) -> Encodings:
        """The character sets of its text."""

    @property
    def big_endian(self) -> bool:
        """Whether its words are."""


_PADDING = b" \0"
_UNREADABLE = b"\xff"
"""Begins a form that is the value's own bytes; no UTF-8 text holds it."""
_NUMBERS = b"\xfe"
"""Begins a form of numbers."""
_FEW = 16
"""Up to so many numbers are converted one by one: an array would cost more than it saves."""
_EXACT = 2.0**53
"""From here on, whole numbers are not all told apart as doubles."""


def text_form(value: bytes, holder: Holder) -> bytes:
    """Return the form of values between backslashes, spaces around each left out."""
    if is_plain(value):
        if b"\\" not in value:
            return value.strip(_PADDING)
        return b"\\".join([part.strip(_PADDING) for part in value.split(b"\\")])
    text = decoded(value, holder.encodings)
    if text is None:
        return _UNREADABLE + value.strip(_PADDING)
    return "\\".join([part.strip(" \0") for part in text.split("\\")]).encode("utf-8", "surrogatepass")


def long_text_form(value: bytes, holder: Holder) -> bytes:
    """Return the form of one text: what stands ahead of the spaces at its end."""
    if is_plain(value):
        return value.rstrip(_PADDING)
    text = decoded(value, holder.encodings)
    if text is None:
        return _UNREADABLE + value.rstrip(_PADDING)
    return text.rstrip(" \0").encode("utf-8", "surrogatepass")


def name_form(value: bytes, holder: Holder) -> bytes:
    """Return the form of person names, without delimiters that nothing follows (PS3.5 6.2.1.1)."""
    text = value.decode("ascii") if is_plain(value) else decoded(value, holder.encodings, name=True)
    if text is None:
        return _UNREADABLE + value.rstrip(_PADDING)
    names = [
        "=".join([group.rstrip(" ^\0") for group in name.split("=")]).rstrip("=") for name in text.split("\\")
    ]
    return "\\".join(names).encode("utf-8", "surrogatepass")


def number_form(value: bytes) -> bytes:
    r"""Return the form of numbers written as text (VR DS, IS): equal for equal double precision numbers.

    >>> number_form(b"1.50\\+2 ") == number_form(b"1.5\\2.0")
    True
    """
    value = value.strip(_PADDING)
    if not value:
        return b""
    parts = value.split(b"\\")
    try:
        return _NUMBERS + (_few_numbers(parts) if len(parts) <= _FEW else _many_numbers(parts))
    except ValueError:
        return b"\\".join([part.strip(_PADDING) for part in parts])


def _few_numbers(parts: list[bytes]) -> bytes:
    numbers = [float(part) + 0.0 for part in parts]
    if not all(-_EXACT < number < _EXACT for number in numbers) or b"_" in b"".join(parts):
        raise ValueError  # the underscore is Python's notation, not DICOM's
    return struct.pack(f"<{len(numbers)}d", *numbers)


def _many_numbers(parts: list[bytes]) -> bytes:
    numbers = np.array(parts, dtype=np.float64) + 0.0
    if not (np.abs(numbers) < _EXACT).all() or b"_" in b"".join(parts):
        raise ValueError
    return numbers.astype("<f8", copy=False).tobytes()


def binary_form(value: bytes, word: int, holder: Holder) -> bytes:
    """Return the form of binary words: little endian, of even length, bit for bit.

    Parameters
    ----------
    word
        Bytes a word.
    """
    if holder.big_endian and word > 1 and len(value) % word == 0:
        value = np.frombuffer(value, f">u{word}").astype(f"<u{word}").tobytes()
    return padded(value, b"\0")


def padded(value: bytes, padding: bytes) -> bytes:
    """Return a value of even length, as every value is written (PS3.5 7.1.1)."""
    return value + padding if len(value) % 2 else value
