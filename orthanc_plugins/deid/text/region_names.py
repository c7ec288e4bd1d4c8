"""Names of regions (ROI Name, PS3.3 C.8.8.5) that may stay under Clean Descriptors, by AAPM TG-263.

``tg263.tsv`` holds the names of AAPM Report 263 (worksheet of 2017-08-15), in both orders of their words. A
name may stay when it is made of their words and those of the vocabulary, of targets, laterality and small
numbers, whatever its separators. A suffix after a caret is free text by TG-263, 7.1, so such a name does not
stay.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from orthanc_plugins.deid.text.chunks import CHUNK, chunk_may_stay
from orthanc_plugins.deid.text.folding import folded, in_ascii
from orthanc_plugins.deid.text.telltales import has_telltale
from orthanc_plugins.deid.text.vocabulary import WORDS, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_LETTERS = re.compile(r"[^\W\d_]+")
_SEPARATORS = re.compile(r"[-_\s~+./,()&!:<>=%*\[\]]*")
_TARGET = re.compile(
    r"[xz]?(?:[im]|hr|ir|lr)?(?:gtv|ctv|ptv|itv|prv|btv|etv|tv)(?P<kind>sb|par|vas|ln|[pnvtmb])?",
    re.IGNORECASE,
)
_PREFIXED = re.compile(r"[xz](?=[A-Z])")
_INITIALS = re.compile(r"(?<![^\W_])[^\W\d_lr][\W_]+[^\W\d_lr](?![^\W_])")
"""Two letters side by side, neither of which is a side: of a folded name."""

_NAMES_ALONE = frozenset({"foley"})
"""A device of TG-263 whose name is a surname: it stays by itself, and is no word of other names."""

_SPELT_HERE = words_of(
    "l r a p s i m n v x z li re carina back large small main wall root ptv opt mid low high"
)
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

_FOLDED_NAMES = frozenset(map(folded, TG263_NAMES))
_WORDS = (
    WORDS
    | _SPELT_HERE
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
    numbers = "".join("0" if chunk[0].isdigit() and chunk[-1].isdigit() else " " for chunk in chunks)
    if any(len(run) > _LONGEST_NUMBERS for run in numbers.split()):
        return False
    says = any(letter.isalpha() for letter in name)
    return says and all(chunk_may_stay(chunk, _is_word) for chunk in chunks)


def _is_word(letters: str) -> bool:
    word = folded(letters)
    if word in _WORDS:
        return True
    if (target := _TARGET.match(letters)) is not None:
        return _is_rest(letters[target.end() :]) or _is_rest(letters[target.start("kind") :])
    return _PREFIXED.match(letters) is not None and _is_word(letters[1:])


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
    if term not in _DEFINED_TERMS:
        return f"ROI_{number}"
    name = f"{term}_{number}"
    return name if name not in taken else f"{term}_ROI_{number}"
