"""Names of regions (ROI Name, PS3.3 C.8.8.5) that may stay under Clean Descriptors, by AAPM TG-263.

``tg263.tsv`` holds the names of AAPM Report 263 (worksheet of 2017-08-15), in both orders of their words.
``region_words.txt`` holds what else structure sets carry, in Latin, German, French, English, Dutch, Italian
and Spanish: anatomy, sides, and the words of planning. A name may stay when it is made of these words and
those of the vocabulary, of targets, laterality and small numbers, whatever its separators. A suffix after a
caret is free text by TG-263, 7.1, so such a name does not stay.

The words were held against 4,500 names that regions have in published sets, and against lists of surnames
and given names of many countries: what many are called (Lang, Klein, Costa, Linke) is no word, unless
together with another one.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from orthanc_plugins.deid.text.chunks import CHUNK, chunk_may_stay
from orthanc_plugins.deid.text.folding import folded, in_ascii, with_two_letters
from orthanc_plugins.deid.text.telltales import has_telltale
from orthanc_plugins.deid.text.vocabulary import PAIRS, WORDS, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_LETTERS = re.compile(r"[^\W\d_]+")
_SEPARATORS = re.compile(r"[-_\s~+./,()&!:<>=%*\[\]]*")
_TARGET = re.compile(
    r"(?:[xzlr]|lt|rt)?(?:[im]|hr|ir|lr)?(?:gtv|ctv|ptv|itv|prv|btv|etv|tv)(?P<kind>sb|par|vas|ln|[pnvtmb])?",
    re.IGNORECASE,
)
_PREFIXED = re.compile(r"[xz](?=[A-Z])|[LRlr][tT]?(?=[A-Z][a-z]|[a-z]{6})|(?:[LR][tT]?)(?=[A-Z]{6})")
"""A mark of planning, or a side: before small letters only of a long word, which makes no surname."""
_SUFFIXED = re.compile(r"(?:prv|[cgip]tv)$", re.IGNORECASE)
_INITIALS = re.compile(r"(?<![^\W_])[^\W\d_lr][\W_]+[^\W\d_lr](?![^\W_])")
"""Two letters side by side, neither of which is a side: of a folded name."""

_NAMES_ALONE = words_of("foley hart crane")
"""A device of TG-263, the heart in Dutch and the skull in French: common surnames, so they stay by themselves
alone, and are no words of other names."""

_SPELT_HERE = words_of(
    "l r a p s i m n v x z b d g li re carina back large small main wall root ptv opt mid low high"
)
_TWO_LETTERS = re.compile("([aou])e")
_LONGEST = 64
_LONGEST_NUMBERS = 2
_DEFINED_TERMS = words_of(
    "EXTERNAL PTV CTV GTV TREATED_VOLUME IRRAD_VOLUME OAR BOLUS AVOIDANCE ORGAN MARKER REGISTRATION"
    " ISOCENTER CONTRAST_AGENT CAVITY BRACHY_CHANNEL BRACHY_ACCESSORY BRACHY_SRC_APP BRACHY_CHNL_SHLD"
    " SUPPORT FIXATION DOSE_REGION CONTROL DOSE_MEASUREMENT DEVICE"
)


def _listed() -> frozenset[str]:
    lines = files(__package__).joinpath("tg263.tsv").read_text("ascii").splitlines()[1:]
    return frozenset(name for line in lines for name in line.split("\t"))


TG263_NAMES = _listed()
"""Primary and reverse order names."""

_FOLDED_NAMES = frozenset(map(folded, TG263_NAMES)) | _NAMES_ALONE


def _read_words() -> tuple[frozenset[str], frozenset[frozenset[str]]]:
    """Return the words of ``region_words.txt``, and the pairs, each in both ways to write an umlaut."""
    lines = files(__package__).joinpath("region_words.txt").read_text("ascii").splitlines()
    entries = [entry for line in lines if not line.startswith("#") for entry in line.split()]
    both = {spelt for entry in entries for spelt in (entry, _TWO_LETTERS.sub(r"\1", entry))}
    pairs = {frozenset(entry.split("_")) for entry in both if "_" in entry}
    return frozenset(entry for entry in both if "_" not in entry), frozenset(pairs)


_REGION_WORDS, _REGION_PAIRS = _read_words()
_PAIRS = _REGION_PAIRS | frozenset(map(frozenset, PAIRS))
_WORDS = (
    WORDS
    | _SPELT_HERE
    | _REGION_WORDS
    | frozenset(word for name in _FOLDED_NAMES for word in _LETTERS.findall(name)) - _NAMES_ALONE
)


def allowed_region_name(name: str, echoes: Callable[[str], bool]) -> str | None:
    """Return a name of a region as it may be written, None if it may not stay.

    White space is written as one space, and letters outside ASCII as two or without accent, so that the name
    fits every Specific Character Set.

    Parameters
    ----------
    echoes
        Whether a text repeats something of the patient's or the staff's identity: then not even ``Heart``
        stays.

    >>> allowed_region_name("Lunge  links", lambda text: False)
    'Lunge links'
    >>> allowed_region_name("PTV Smith", lambda text: False) is None
    True
    """
    written = " ".join(name.split())
    if not written or len(written) > _LONGEST or echoes(written):
        return None
    if folded(written) not in _FOLDED_NAMES and not _is_made_of_words(written):
        return None
    plain = in_ascii(written)
    return plain if len(plain) <= _LONGEST else None


def _is_made_of_words(name: str) -> bool:
    chunks = CHUNK.findall(name)
    if has_telltale(name) or _INITIALS.search(folded(name)):
        return False
    if any(_SEPARATORS.fullmatch(between) is None for between in CHUNK.split(name)):
        return False
    if any(len(run) > _LONGEST_NUMBERS for run in _runs_of_numbers(chunks, CHUNK.split(name))):
        return False
    says = any(letter.isalpha() for letter in name)
    paired = _paired(chunks)
    return says and all(
        place in paired or chunk_may_stay(chunk, _is_word) for place, chunk in enumerate(chunks)
    )


def _runs_of_numbers(chunks: list[str], between: list[str]) -> list[str]:
    """Return a digit for each number, in runs with no word between; what a plus adds to one is none more."""
    numbers = [chunk[0].isdigit() and chunk[-1].isdigit() for chunk in chunks]
    added = [gap.strip() == "+" for gap in between]
    return "".join(
        " " if not number else "" if number_added else "0"
        for number, number_added in zip(numbers, added, strict=False)
    ).split()


def _paired(chunks: list[str]) -> frozenset[int]:
    """Return the places of those that may stay beside each other, though not each alone."""
    places = range(len(chunks) - 1)
    found = [place for place in places if frozenset(map(folded, chunks[place : place + 2])) in _PAIRS]
    return frozenset(found) | frozenset(place + 1 for place in found)


def _is_word(letters: str) -> bool:
    if folded(letters) in _WORDS or folded(with_two_letters(letters)) in _WORDS:
        return True
    if (target := _TARGET.match(letters)) is not None:
        return _is_rest(letters[target.end() :]) or _is_rest(letters[target.start("kind") :])
    if (suffix := _SUFFIXED.search(letters)) is not None:
        return _is_word(letters[: suffix.start()])
    prefix = _PREFIXED.match(letters)
    return prefix is not None and _is_word(letters[prefix.end() :])


def _is_rest(letters: str) -> bool:
    return not letters or folded(letters) in _WORDS


def replacement_region_name(number: int, interpreted_type: str, taken: Collection[str] = ()) -> str:
    """Return a name for a region whose own may not stay, made of its number and type (PS3.3 C.8.8.8).

    Parameters
    ----------
    number
        ROI Number (3006,0022), which is unique in its structure set, and so is the name among its like.
    interpreted_type
        RT ROI Interpreted Type (3006,00A4); what is no defined term is not repeated.
    taken
        Names that stay in the set, which the new one must not equal.

    >>> replacement_region_name(7, ""), replacement_region_name(7, "PTV", {"PTV_7"})
    ('ROI_7', 'PTV_ROI_7')
    """
    term = interpreted_type.strip().upper()
    if term not in _DEFINED_TERMS or f"{term}_{number}" in taken:
        term = f"{term}_ROI" if term in _DEFINED_TERMS else "ROI"
    return _untaken(f"{term}_{number}", f"_{number}", taken)


def replacement_segment_label(number: int, taken: Collection[str] = ()) -> str:
    """Return a label for a segment whose own may not stay (PS3.3 C.8.20.4).

    Parameters
    ----------
    number
        Segment Number (0062,0004), which is unique in the object.
    taken
        Labels that stay in the object, which the new one must not equal.

    >>> replacement_segment_label(2), replacement_segment_label(2, {"Segment 2"})
    ('Segment 2', 'Segment 2.2')
    """
    return _untaken(f"Segment {number}", f".{number}", taken)


def _untaken(name: str, more: str, taken: Collection[str]) -> str:
    """Return the name, with its number said once more as long as another has it."""
    while name in taken:
        name += more
    return name
