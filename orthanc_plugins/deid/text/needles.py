"""What to search for, of names and other values that tell who somebody is."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from orthanc_plugins.deid.text.folding import compact, folded, with_two_letters
from orthanc_plugins.deid.text.needle import Needle
from orthanc_plugins.deid.text.transliteration import in_latin, unmasked
from orthanc_plugins.deid.text.vocabulary import WORDS, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_CONTRACTED = re.compile("(a|o|u)e|(a)a")
_IDEOGRAPHIC = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f]")
_BETWEEN = r"[\W_]{0,2}"
_LETTER = r"[^\W\d_]"

SUBSTRING_SHORTEST = 4
"""A word of a name of as many letters is searched for inside others; a shorter one only as a whole word."""

SPREAD_SHORTEST = 6
"""A word of as many letters is searched for with something between them, too: spaces, or what is not seen."""

CUT_SHORTEST = 8
"""So many letters of the beginning of a longer word are searched for, where the word ends with them."""

_WORD_SHORTEST = 2
_NUMBER_SHORTEST = 4
_NUMBER_UNBOUND = 6
"""A number of as many digits is searched for inside longer ones."""

_NATIONAL_DIGITS = 7
_TELEPHONE_SHORTEST = 9
_LONGEST = 64
_SHORT_VALUE, _CUT_VALUE = 16, 12
"""Characters that a value of VR SH has, and so many of a longer identifier that are searched for."""
_POSTCODE = 5
_TELEPHONE = re.compile(r"[+0(][-+\d/(). ]*\d")

_NOBODY = words_of("anonym anonymous anonymized anonymised unknown unbekannt none null noname")
_PARTICLES = words_of(
    "dr prof med mr mrs ms sir von vom van der den de del della des di da do dos du la le el al ben"
    " bin ibn abu zu zur zum ter ten op und and dipl ing phd msc bsc jun sen iii"
)
_OF_INSTITUTIONS = words_of(
    "hospital klinik klinikum clinic clinique university universitat universitaet"
    " universitatsklinikum center centre zentrum institut institute department abteilung radiology"
    " radiologie radiotherapy strahlentherapie strasse street road avenue medical medizin medicine"
    " health praxis general city stadt public private sankt saint station ward room scanner console"
    " workstation main north south east west"
)


def of_names(names: Iterable[str]) -> Iterator[Needle]:
    """Yield what to search for, of person names, plain or of VR PN (PS3.5 6.2.1: groups of components)."""
    for name in names:
        for group in name.split("="):
            components = [words for part in re.split(r"[\^,]", group) if (words := _LETTERS.findall(part))]
            for words in components:
                yield from _of_component(words)
            whole = ["".join(words) for words in components]
            for one, other in pairwise(whole[:3]):
                yield from _of_joined([one, other])
                yield from _of_joined([other, one])


def _of_component(words: list[str]) -> Iterator[Needle]:
    for word in words:
        yield from _of_name_word(word)
    for one, other in pairwise(words):
        yield from _of_joined([one, other])


def _of_name_word(word: str) -> Iterator[Needle]:
    for form in _forms(word):
        if form in _PARTICLES or form in _NOBODY:
            continue
        if len(form) >= SPREAD_SHORTEST:
            yield Needle(form, _spread(form))
            yield from _of_cut(form)
        elif len(form) >= SUBSTRING_SHORTEST or (_IDEOGRAPHIC.search(form) and len(form) >= _WORD_SHORTEST):
            yield Needle(form, form)
        elif len(form) >= _WORD_SHORTEST and form not in WORDS and not _IDEOGRAPHIC.search(form):
            yield Needle(form, rf"(?<!{_LETTER}){form}(?!{_LETTER})")


def _of_cut(form: str) -> Iterator[Needle]:
    """Yield what to search for, of a long word that a value of few characters has no room for the end of."""
    beginnings = [form[:length] for length in range(len(form) - 1, CUT_SHORTEST - 1, -1)]
    personal = [one for one in beginnings if one not in WORDS]
    if personal and not _IDEOGRAPHIC.search(form):
        yield Needle(form[:CUT_SHORTEST], rf"(?<!{_LETTER})(?:{'|'.join(personal)})(?!{_LETTER})")


def _of_joined(words: list[str]) -> Iterator[Needle]:
    """Yield what to search for, of short words one after the other, which alone would not be searched for."""
    if sum(map(len, words)) < _WORD_SHORTEST or not all(words):
        return
    for one in _forms(words[0]):
        for other in _forms(words[1]):
            if _IDEOGRAPHIC.search(one):
                yield Needle(one + other, f"{one}{_BETWEEN}{other}")
            elif len(one) + len(other) >= SUBSTRING_SHORTEST and not {one, other} <= _PARTICLES | WORDS:
                yield Needle(one + other, rf"(?<!{_LETTER}){one}{_BETWEEN}{other}(?!{_LETTER})")


def _forms(word: str) -> list[str]:
    """Return the ways to write a word of a name: bare, umlauts as two letters and the reverse, in Latin."""
    plain, two = unmasked(folded(word)), unmasked(folded(with_two_letters(word)))
    return sorted({plain, two, _CONTRACTED.sub(lambda found: found[1] or found[2], plain), *in_latin(word)})


def of_initials(names: Iterable[str]) -> Iterator[Needle]:
    """Yield what to search for, of the initials of names, in both orders: ``J.D.``, ``JD``, ``D J``."""
    for name in names:
        components = [
            part for part in re.split(r"[\^,\s]+", unmasked(folded(name.split("=")[0]))) if part[:1].isalpha()
        ]
        for one, other in pairwise(components[:3]):
            if _IDEOGRAPHIC.search(one + other):
                continue
            for first, second in ((one[0], other[0]), (other[0], one[0])):
                between = r"[._\s-]{1,2}" if first + second in WORDS else r"[._\s-]{0,2}"
                yield Needle(first + second, rf"(?<![^\W_]){first}{between}{second}(?![^\W_])")


def of_values(values: Iterable[str]) -> Iterator[Needle]:
    """Yield what to search for, of identifiers, numbers to call, addresses and names of institutions.

    A value is searched for whatever separates its letters and digits, an identifier with and without leading
    zeros; of longer values each word that is neither in the vocabulary nor said of any institution, too.
    """
    for value in values:
        plain = unmasked(folded(value))
        core = compact(plain)
        if not core or core in _NOBODY:
            continue
        yield from _of_core(core)
        if _TELEPHONE.fullmatch(plain.strip()) and sum(map(str.isdigit, plain)) >= _TELEPHONE_SHORTEST:
            national = "".join(_DIGITS.findall(plain))[-_NATIONAL_DIGITS:]
            yield Needle(national, _spread(national))
        for digits in _DIGITS.findall(plain):
            if len(digits) >= _POSTCODE and digits != core:
                yield from _of_core(digits)
        for word in _LETTERS.findall(value):
            yield from _of_value_word(word)


def _of_core(core: str) -> Iterator[Needle]:
    stripped = core.lstrip("0") if core.isdigit() else core
    if core.isdigit() and len(stripped) < _NUMBER_SHORTEST:
        return
    if core.isalpha() and (core in WORDS or len(core) < SUBSTRING_SHORTEST):
        return
    if len(core) < SUBSTRING_SHORTEST:
        yield Needle(core, rf"(?<![^\W_]){_spread(core)}(?![^\W_])")
    elif core.isdigit() and len(stripped) < _NUMBER_UNBOUND:
        yield Needle(stripped, rf"(?<![1-9]){_spread(stripped)}(?!\d)")
    else:
        is_cut = len(stripped) > _SHORT_VALUE and any(letter.isdigit() for letter in stripped[:_CUT_VALUE])
        searched = stripped[: _CUT_VALUE if is_cut else _LONGEST]
        yield Needle(searched, _spread(searched))


def _of_value_word(word: str) -> Iterator[Needle]:
    if folded(word) in WORDS or folded(word) in _OF_INSTITUTIONS or folded(word) in _NOBODY:
        return
    for form in _forms(word):
        if len(form) >= SUBSTRING_SHORTEST:
            yield Needle(form, _spread(form) if len(form) >= SPREAD_SHORTEST else form)


def _spread(core: str) -> str:
    return _BETWEEN.join(core)
