"""Coded concepts (PS3.3 8.8): codes of standards stay with the meaning their standard gives them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from orthanc_plugins.deid.text.descriptions import cleaned_description, is_clean
from orthanc_plugins.deid.text.telltales import has_telltale

if TYPE_CHECKING:
    from collections.abc import Callable

_DIGITS = r"\d{1,9}"
_STANDARD = {
    "DCM": r"\d{5,6}",
    "SCT": r"\d{6,18}",
    "SRT": r"[A-Z][0-9A-Z]?-[0-9A-Z]{4,5}",
    "SNM3": r"[A-Z][0-9A-Z]?-[0-9A-Z]{4,5}",
    "99SDM": r"[A-Z][0-9A-Z]?-[0-9A-Z]{4,5}",
    "LN": r"(?:LP|LA)?\d{1,7}-\d",
    "UCUM": r"[!-~]{1,16}",
    "FMA": _DIGITS,
    "NCIt": r"C\d{1,7}",
    "RADLEX": r"R(?:P|DE)?ID\d{1,7}",
    "MDC": r"(?:\d{1,3}:)?\d{1,9}",
    "UMLS": r"C\d{7}",
    "IBSI": r"[0-9A-Z]{4}",
    "I9": r"[EV]?\d{2,3}(?:\.\d{1,2})?",
    "I9C": r"[EV]?\d{2,3}(?:\.\d{1,2})?",
    "I10": r"[A-Z]\d\d(?:\.[0-9A-Z]{1,4})?",
    "I10P": r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?",
    "ACR": r"\d{1,4}(?:\.\d{1,4})?",
    "UBERON": r"\d{7}",
    "BARI": r"\d{2,4}[a-z]?|[A-Z0-9-]{2,8}",
    "NEU": _DIGITS,
    "MSH": r"D\d{6,9}",
    "RXNORM": r"\d{1,7}",
    "NDC": r"\d{4,5}-\d{3,4}-\d{1,2}",
    "ITIS_TSN": _DIGITS,
    "PUBCHEM_CID": _DIGITS,
    "RO": r"[0-9A-Z]{1,8}",
    "SCPECG": r"\d{1,2}(?:[.-]\d{1,3}){1,6}",
    "RFC5646": r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,4}){0,2}",
    "RFC3066": r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,4}){0,2}",
    "ISO639_1": r"[a-z]{2}",
    "ISO639_2": r"[a-z]{3}",
}
"""Form of the values of each scheme that is no site's own (PS3.16 8)."""

_PRIVATE_SCHEME = re.compile(r"(?:99[A-Z0-9_]{0,14}|L)", re.IGNORECASE)
"""Of a site (PS3.16 8.2). A scheme of any other name may be called after somebody."""
_PRIVATE_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,15}|\d{1,4}(?:[.-]\d{1,2})?")
_LONG_NUMBER = re.compile(r"\d{5}")
_SEMANTIC_TAG = re.compile(r" \([a-z ]+\)$")
_LONGEST_MEANING = 64


class Code(NamedTuple):
    """A coded concept: Coding Scheme Designator, Code Value, Code Meaning."""

    scheme: str
    value: str
    meaning: str


def allowed_code(scheme: str, value: str, meaning: str, echoes: Callable[[str], bool]) -> bool:
    """Return whether a code may stay exactly as it is, its meaning included.

    Letters' case and white space do not count where the standard's own meaning is known.

    >>> allowed_code("SCT", "39607008", "Lung", lambda text: False)
    True
    >>> allowed_code("SCT", "39607008", "Lung of Smith", lambda text: False)
    False
    """
    cleaned = cleaned_code(scheme, value, meaning, echoes)
    return (
        cleaned is not None and " ".join(cleaned.meaning.split()).lower() == " ".join(meaning.split()).lower()
    )


def cleaned_code(scheme: str, value: str, meaning: str, echoes: Callable[[str], bool]) -> Code | None:
    """Return a code as it may be written, None if it may not stay.

    A code in pydicom's tables of PS3.16 keeps a meaning made of words of the vocabulary, such as another
    edition's or another language's, and gets the standard's in place of any other, which tells of nobody.
    Other values of a standard's scheme must have its form, and show it where their meaning may not stay as a
    whole: a part of it, such as "cm" of "mGy.cm", would say something else. Private codes (``99…``, ``L``)
    keep what `cleaned_description` leaves of their meaning, or show their value. A private value stays only
    where it looks like a code.

    Parameters
    ----------
    echoes
        Whether a text repeats something of the patient's or the staff's identity.
    """
    known = meaning_of(scheme, value)
    if known is not None:
        return Code(scheme, value, meaning if is_clean(meaning, echoes) else known)
    if not _looks_like_code(scheme, value) or echoes(scheme) or echoes(value):
        return None
    if is_clean(meaning, echoes):
        return Code(scheme, value, meaning)
    if scheme in _STANDARD:
        return Code(scheme, value, value)
    cleaned = cleaned_description(meaning, echoes, max_length=_LONGEST_MEANING)
    return Code(scheme, value, cleaned or value)


def is_scheme(name: str) -> bool:
    """Return whether a scheme is a standard's, or named as PS3.16 8.2 has a site name its own.

    >>> is_scheme("DCM"), is_scheme("99ACME"), is_scheme("Smith")
    (True, True, False)
    """
    return name in _STANDARD or name in _tables()[0] or _PRIVATE_SCHEME.fullmatch(name) is not None


def _looks_like_code(scheme: str, value: str) -> bool:
    if (form := _STANDARD.get(scheme)) is not None:
        return re.fullmatch(form, value) is not None
    return (
        _PRIVATE_SCHEME.fullmatch(scheme) is not None
        and _PRIVATE_VALUE.fullmatch(value) is not None
        and _LONG_NUMBER.search(value) is None
        and not has_telltale(value)
    )


def meaning_of(scheme: str, value: str) -> str | None:
    """Return the meaning that the standard gives a code, None where pydicom's tables do not have it.

    >>> meaning_of("DCM", "121071"), meaning_of("SRT", "T-28000"), meaning_of("DCM", "1")
    ('Finding', 'Lung structure', None)
    """
    meanings, successors = _tables()
    if scheme in {"SRT", "SNM3", "99SDM"}:
        scheme, value = "SCT", successors.get(value, "")
    meaning = meanings.get(scheme, {}).get(value)
    return meaning if meaning is None or scheme != "SCT" else _SEMANTIC_TAG.sub("", meaning)


@cache
def _tables() -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Return meanings by scheme and value, and codes of SNOMED CT by those of SNOMED-RT."""
    from pydicom.sr._concepts_dict import concepts as tables  # noqa: PLC0415 - megabytes that only reports need
    from pydicom.sr._snomed_dict import mapping  # noqa: PLC0415 - the same

    concepts: dict[str, dict[str, dict[str, tuple[str, list[int]]]]] = cast("Any", tables)
    meanings = {
        scheme: {value: entry[0] for entries in keywords.values() for value, entry in entries.items()}
        for scheme, keywords in concepts.items()
    }
    return meanings, dict(mapping["SRT"])
