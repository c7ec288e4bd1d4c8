"""Descriptions taken apart: chunks of letters and digits, and whether each of them may stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orthanc_plugins.deid.text.vocabulary import words_of

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = re.compile(r"(?<![^\W_])[wW]/[oO]?(?![^\W_])|(?:\d+[.,]\d+|[^\W_])+")
"""Letters and digits without a separator between them; ``w/o`` and ``w/`` are words."""

_PIECE = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CAMEL_SHORTEST = 2
_UNITS = words_of(
    "mm cm um ml cc l g mg kg gy cgy kv kvp ma mas ms s sec min h hz mhz khz deg t bq mbq mci hu kev"
    " mev mv mu"
)
_CODES = words_of("ar bf bl br bv hf hr hv qf qr sa tr ub uf ur ga tc lu th te ti fa ip sl")
"""Two letters that a small number follows or precedes: kernels, tracers, vertebrae, times."""

_LONGEST_INTEGER = 4
_LONGEST_COUNTER = 3
_MOST_LETTERS_ALONE = 2
_MOST_PIECES = 8
_ROUND_DOSE = 2000


def is_small(number: str) -> bool:
    """Return whether a number may stay: up to four digits, no year, no padded counter.

    2000 is no year here: it is a dose in cGy, a repetition time in ms, a b-value.

    >>> [is_small(number) for number in ("5", "05", "1.25", "6000", "1961", "2000", "0931", "97080")]
    [True, True, True, True, False, True, False, False]
    """
    whole, _, decimals = number.replace(",", ".").partition(".")
    if len(whole) > _LONGEST_INTEGER or len(decimals) > _LONGEST_COUNTER:
        return False
    padded = len(whole) >= _LONGEST_COUNTER and whole.startswith("0")
    year = len(whole) == _LONGEST_INTEGER and whole[:2] in {"19", "20"} and int(whole) != _ROUND_DOSE
    return not padded and not year


def chunk_may_stay(chunk: str, is_word: Callable[[str], bool]) -> bool:
    """Return whether every part of a chunk is a word, a small number, a unit, or a letter beside one.

    Parameters
    ----------
    is_word
        Whether letters, as they are spelt, are a word that may stay.
    """
    if chunk[1:2] == "/":
        return True
    pieces = _PIECE.findall(chunk)
    if len(pieces) > _MOST_PIECES:
        return False
    alone = [piece for piece in pieces if len(piece) == 1 and piece.isalpha() and piece not in "xX"]
    if len(alone) > _MOST_LETTERS_ALONE:
        return False
    return all(_piece_may_stay(pieces, place, is_word) for place in range(len(pieces)))


def _piece_may_stay(pieces: list[str], place: int, is_word: Callable[[str], bool]) -> bool:
    piece = pieces[place]
    if piece[0].isdigit():
        return is_small(piece) and (len(piece) <= _LONGEST_COUNTER or _may_be_long(pieces, place))
    if is_word(piece):
        return True
    if len(pieces) > 1 and piece.isascii():
        word = piece.lower()
        if word in _UNITS or word in _CODES or len(word) == 1:
            return True
    parts = _CAMEL.findall(piece)
    joined = "".join(parts) == piece and len(parts) > 1
    return joined and all(len(part) >= _CAMEL_SHORTEST and is_word(part) for part in parts)


def _may_be_long(pieces: list[str], place: int) -> bool:
    """Return whether four digits are no part of an identifier: a letter before them makes one, but b."""
    before = pieces[place - 1] if place else ""
    return len(before) != 1 or before in "bBxX" or "." in pieces[place]
