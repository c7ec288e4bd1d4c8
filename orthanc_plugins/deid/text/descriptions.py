"""Clean Descriptors (PS3.15 E.3.5): a description reduced to the words of a closed vocabulary."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.deid.text.chunks import CHUNK, chunk_may_stay
from orthanc_plugins.deid.text.folding import folded, in_ascii
from orthanc_plugins.deid.text.telltales import without_telltales
from orthanc_plugins.deid.text.vocabulary import PAIRS, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

_GONE = "\0"
_JOINTS = frozenset("_-/+&")
_SIDES = frozenset("lr")


class _Kept(NamedTuple):
    """A chunk that stays, and where it stood."""

    text: str
    start: int
    stop: int


def cleaned_description(text: str, echoes: Callable[[str], bool], *, max_length: int) -> str:
    """Return the words of a description that may stay, in their order; empty when none may.

    What stood side by side keeps its separator; where something between was dropped, a space stands, so that
    nothing is joined into what was not written. Letters outside ASCII are written as two or without accent:
    the result fits every Specific Character Set.

    Parameters
    ----------
    echoes
        Whether a text repeats something of the patient's or the staff's identity.
    max_length
        Of the result, in characters; it is cut between words.

    >>> cleaned_description("t2_tse_tra Müller 5mm, 03.05.1961", lambda text: False, max_length=64)
    't2_tse_tra 5mm'
    """
    marked = without_telltales(text, _GONE)
    kept = _kept_chunks(marked)
    if echoes(_joined(kept, marked, max_length)):
        kept = [chunk for chunk in kept if not echoes(chunk.text)]
    if not any(_is_said(chunk.text) for chunk in kept):
        return ""
    cleaned = _joined(kept, marked, max_length)
    return "" if echoes(cleaned) else cleaned


def is_clean(text: str, echoes: Callable[[str], bool]) -> bool:
    """Return whether a text may stay as it is: every word of it is in the vocabulary, and it repeats nothing.

    >>> is_clean("Left lung", lambda text: False), is_clean("Left lung of Smith", lambda text: False)
    (True, False)
    """
    chunks = CHUNK.findall(text)
    kept = _kept_chunks(without_telltales(text, _GONE))
    return bool(kept) and [chunk.text for chunk in kept] == chunks and not echoes(text)


def _kept_chunks(marked: str) -> list[_Kept]:
    found = [_Kept(match[0], match.start(), match.end()) for match in CHUNK.finditer(marked)]
    paired = set[int]()
    for place, (one, other) in enumerate(pairwise(found)):
        between = marked[one.stop : other.start]
        if _GONE not in between and (folded(one.text), folded(other.text)) in PAIRS:
            paired |= {place, place + 1}
    return [
        chunk for place, chunk in enumerate(found) if place in paired or chunk_may_stay(chunk.text, _is_word)
    ]


def _is_word(letters: str) -> bool:
    word = folded(letters)
    return word in WORDS or word in _SIDES


def _is_said(chunk: str) -> bool:
    return any(letter.isalpha() for letter in chunk)


def _joined(kept: list[_Kept], marked: str, max_length: int) -> str:
    written = ""
    last = 0
    for chunk in kept:
        between = marked[last : chunk.start].strip()
        text = (
            (between if between in _JOINTS else " ") + in_ascii(chunk.text)
            if written
            else in_ascii(chunk.text)
        )
        if len(written) + len(text) > max_length:
            break
        written += text
        last = chunk.stop
    return written
