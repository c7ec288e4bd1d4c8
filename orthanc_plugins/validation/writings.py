"""How what identifies may be written, and how it is searched for: the thresholds of the search, in one place.

Decisions
---------
2026-11-30  Of six characters on (`ANYWHERE`) a value is searched for in every byte of a file, pixels too: six
            characters of letters of either case meet a random place once in 10^12. In fewer bytes than six
            (two ideographs in a legacy character set) it is searched for as text only.
2026-11-30  Parts of names of two letters on (`NAME_WORD`) and other values of four on (`VALUE_WORD`) are met
            as whole words of text; those in scripts without spaces as any part of it.
2026-11-30  Anything shorter is only held against the same element of the result (`same_element`): a patient
            identifier 1 says nothing elsewhere.
2026-11-30  Values of digits alone are met as whole numbers, zeros ahead of them left aside, never inside
            longer ones and never as a fraction: a new UID has 39 digits at random, contours have a million.
2026-11-30  Of institutions and addresses each word of six letters is searched for, too, but for those that
            many have (`NO_PLACES`): one such word is as telling as the whole.
2026-11-30  Words of technique that are as short as initials (`TECHNICAL`) are no names among words.
2026-11-30  Titles and words for nobody in particular are no names (`NO_NAMES`).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ANYWHERE = 6
"""So many characters, and bytes, a value must have to be searched for in every byte."""
NAME_WORD = 2
"""So many letters a part of a name must have to be met as a word of text."""
VALUE_WORD = 4
"""So many characters another value must have to be met as words of text."""
_NO_NAMES = """dr med prof mr mrs ms miss md phd jr sr ii iii iv herr frau von van der den del de di da la le
el al bin unknown anonymous anonymized anonymised none null patient physician doctor operator system admin
administrator technician technologist user default removed name not available radiologist radiology attending
chief physics physicist oncologist oncology referring reading performing nurse resident consultant"""
NO_NAMES = frozenset(_NO_NAMES.split())
_TECHNICAL = """ct mr pt us cr dx dr mg nm xa rf sc sr seg pet mrt cta mra cbct dsa drr rt ap pa lat ll rl cc
mlo obl ax sag cor tra ir se gre tse fse epi dwi adc swi tof fl fs bh km iv kv mm cm ml gy mu suv vmi mip mpr
art pv post pre low min arm leg hip eye rib lws bws hws bwk lwk oar gtv ctv ptv itv prv"""
TECHNICAL = frozenset(_TECHNICAL.split())
"""Words of technique that are as short as initials of operators; such as are surnames, too, are not here."""
_NO_PLACES = """hospital hospitals klinik klinikum clinic clinics clinica hopital ospedale universitat
university universitatsklinikum medical medicine center centre centrum institute institut department
abteilung division section radiology radiologie radiation oncology oncologie imaging diagnostic diagnostics
nuclear cancer health healthcare therapy radiotherapy strahlentherapie surgery cardiology neurology general
regional national
international central memorial childrens street strasse avenue boulevard platz square building campus floor
hospitalier centro north south eastern western northern southern practice praxis service services system
foundation college school research science sciences"""
NO_PLACES = frozenset(_NO_PLACES.split())
"""Words that many institutions and addresses have."""

_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "ß": "ss"})
_PARTS_OF_NAMES = re.compile(r"[\s,;.^=_'\u2019\-]+")
_WORDS = re.compile(r"[^\W_]+")
_NO_SPACES = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Thai, kana, ideographs, hangul."""
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip
_LETTERS_OF_A_MONTH = 3


def folded(text: str) -> str:
    """Return text without case and accents.

    >>> folded("Müller-Ålesund"), folded("STRAẞE")
    ('muller-alesund', 'strasse')
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def spellings(text: str) -> set[str]:
    """Return how a text may be spelt: composed and decomposed, without accents, and as ASCII in German.

    >>> sorted(spellings("Bär")) == sorted({"bär", unicodedata.normalize("NFD", "bär"), "bar", "baer"})
    True
    """
    lower = unicodedata.normalize("NFC", text.lower())
    return {lower, unicodedata.normalize("NFD", lower), folded(text), lower.translate(_GERMAN)}


def name_parts(name: str) -> set[str]:
    """Return the parts of a person name in all of its representations (PS3.5 6.2.1).

    >>> sorted(name_parts("Adams-Li^John R.^^Dr.=小東"))
    ['adams', 'adams-li', 'john', 'john r.', 'li', '小東']
    """
    components = {part.strip() for part in re.split(r"[\^=]", name.lower())}
    parts = components | {part for one in components for part in _PARTS_OF_NAMES.split(one)}
    return {part for part in parts if _is_name(part)}


def _is_name(part: str) -> bool:
    letters = sum(letter.isalpha() for letter in part)
    return letters >= NAME_WORD and part.strip(".") not in NO_NAMES


def name_orders(name: str) -> Iterator[str]:
    """Yield a name as DICOM writes it, and with the first two components as people write them.

    >>> list(name_orders("Wu^Li"))
    ['wu^li', 'wu li', 'li wu', 'wu, li', 'wu,li', 'wu_li', 'li_wu', 'wuli', 'liwu', 'li.wu', 'wu.li']
    """
    for representation in filter(None, name.lower().split("=")):
        yield representation.rstrip("^ ")
        first, second = [*representation.split("^"), ""][:2]
        if first and second:
            yield from (f"{first} {second}", f"{second} {first}", f"{first}, {second}", f"{first},{second}")
            yield from (f"{first}_{second}", f"{second}_{first}", f"{first}{second}", f"{second}{first}")
            yield from (f"{second}.{first}", f"{first}.{second}")


def dates_written(day: str) -> set[str]:
    """Return how a day, YYYYMMDD, is commonly written, in lower case; nothing for what is no day.

    >>> {"1950-02-03", "3.2.1950", "02/03/1950", "3 feb 1950"} <= dates_written("19500203")
    True
    >>> dates_written("19501399")
    set()
    """
    try:
        month_name = _MONTHS[date(int(day[:4]), int(day[4:6]), int(day[6:])).month - 1]
    except ValueError:
        return set()
    y, m, d = day[:4], day[4:6], day[6:]
    months = (month_name, month_name[:_LETTERS_OF_A_MONTH])
    numbers = {(m, d), (m.lstrip("0"), d.lstrip("0"))}
    found = {f"{y}{m}{d}", f"{d}{m}{y}", f"{m}{d}{y}"}
    for month, of_month in numbers:
        for mark in "-/.":
            found |= {mark.join(one) for one in ((y, month, of_month), (of_month, month, y))}
            found.add(mark.join((month, of_month, y)))
    for month in months:
        for of_month in {d, d.lstrip("0")}:
            found |= {f"{of_month} {month} {y}", f"{of_month}-{month}-{y}", f"{of_month}{month}{y}"}
            found |= {f"{month} {of_month}, {y}", f"{month} {of_month} {y}", f"{of_month}. {month} {y}"}
    return found


def pieces(text: str) -> set[str]:
    """Return a text and its lines and parts between commas; of a telephone number also its digits.

    >>> sorted(pieces("Elm Street 7, Springfield")), sorted(pieces("+49 30 1234567"))
    (['Elm Street 7', 'Elm Street 7, Springfield', 'Springfield'], ['+49 30 1234567', '49301234567'])
    """
    found = {text.strip()} | {part.strip() for part in re.split(r"[,;^\r\n\\]+", text)}
    digits = re.sub(r"\D", "", text)
    if len(digits) >= ANYWHERE and len(digits) * 2 > len(text):
        found.add(digits)
    return {part for part in found if part and not is_common(part)}


def is_common(text: str) -> bool:
    """Return whether a text is one word that many institutions and departments have.

    >>> is_common("Radiology"), is_common("Radiology Nordheim"), is_common("")
    (True, False, False)
    """
    return folded(text.strip()) in NO_PLACES


def telling_words(text: str) -> set[str]:
    """Return the words of an institution or address that tell it from others.

    >>> sorted(telling_words("Universitätsklinikum Nordheim, Elmstreet 7"))
    ['elmstreet', 'nordheim']
    """
    found = re.findall(r"[^\W\d_]+", text.lower())
    return {word for word in found if len(word) >= ANYWHERE and folded(word) not in NO_PLACES}


def words(text: str) -> list[str]:
    """Return the words of a text, folded.

    >>> words("Lung_L of MÜLLER")
    ['lung', 'l', 'of', 'muller']
    """
    return _WORDS.findall(folded(text))


def has_no_spaces(text: str) -> bool:
    """Return whether a text is in a script that does not part words."""
    return _NO_SPACES.search(text) is not None
