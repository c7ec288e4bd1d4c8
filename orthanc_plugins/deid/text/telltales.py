"""What tells of a person by its form: dates, times, ages, telephone numbers, addresses, titles.

Of texts that machines write a version may look like a date or a number to call, so in these only the forms of
`reaches_somebody` count.
"""

from __future__ import annotations

import re
from functools import lru_cache

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_FROM = r"(?<![\d.,])"
_TO = r"(?!\d)"
_BETWEEN = r"\s?[-./_ ]\s?"
_MONTHS = (
    r"(?:jan(?:uary|uar|vier|v)?|jaen(?:ner)?|feb(?:ruary|ruar)?|fe?vr?(?:ier)?|mar(?:ch|s)?|m(?:ä|ae)rz|apr(?:il)?"
    r"|avr(?:il)?|may|mai|june?|juni|juin|july?|juli|juillet|aug(?:ust)?|ao[uû]t|sept?(?:ember|embre)?"
    r"|o[ck]t(?:ober|obre)?|nov(?:ember|embre)?|de[cz](?:ember|embre)?|d[ée]c(?:embre)?"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)"
)
_DATES = (
    rf"{_FROM}(?:19|20)\d\d{_BETWEEN}{_MONTH}{_BETWEEN}{_DAY}{_TO}",
    rf"{_FROM}{_DAY}{_BETWEEN}{_DAY}{_BETWEEN}(?:19|20)?\d\d{_TO}",
    rf"{_FROM}\d\d{_BETWEEN}{_MONTH}{_BETWEEN}{_DAY}{_TO}",
    rf"{_FROM}\d\d\.(?:0[1-9]|1[0-2])\.?(?![\d.]|\s?[a-z]*(?:gy|mm|cm)\b)",
    rf"{_FROM}{_DAY}\.{_MONTH}\.{_TO}",
    rf"{_FROM}\d{{1,4}}(?:st|nd|rd|th|er|º)?[-./_, ]*{_MONTHS}(?![^\W\d_])(?:[-./_, ]*\d{{2,4}}{_TO})?",
    rf"(?<![^\W\d_]){_MONTHS}[-./_, ]*\d{{1,4}}{_TO}(?:(?:st|nd|rd|th)?[-./_, ]+\d{{2,4}}{_TO})?",
)
_TIMES = (rf"{_FROM}[0-2]?\d:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?{_TO}", rf"{_FROM}[0-2]?\dh[0-5]\d{_TO}")
_AGES = (rf"{_FROM}\d{{1,3}}[- ]?(?:y|yo|y/o|yrs?|years?|j|jahre?|ans|anni|anos)(?![^\W\d_])",)
_CALLED = (r"\+?\d(?:[-/() ]{0,2}\d){6,}", r"\+?\d(?:[-/()_ ]{0,2}\d){8,}")
_ADDRESSES = (r"\S+@\S+", r"(?:https?://|ftp://|www\.)\S+", r"\\\\\S+", r"(?<![\d.])\d+(?:\.\d+){3,}")
_SMALL = re.compile("|".join((*_ADDRESSES, *_DATES, *_TIMES, *_AGES, *_CALLED)), re.IGNORECASE)

_TITLES = (
    r"(?:(?:Dr|Prof|Mrs|Mr|Ms|Herrn?|Frau|Mme|Mlle|Sra|Dott|Univ|Dipl)(?![^\W\d_])\.?"
    r"|(?:DR|PROF|MRS|dr|prof|mrs|mr|ms)\.)"
)
_TITLED = re.compile(
    rf"(?<![^\W\d_]){_TITLES}(?:[\s_]*(?:med|habil|rer|nat|{_TITLES})(?![^\W\d_])\.?)*[\s_]*[^\W\d_]*(?:-[^\W\d_]+)?"
)
"""A title and the word after it. DR without a dot is a modality, and so is MR: spelling counts."""


_REACHED = re.compile(
    r"[^\s@]+@[^\s@]+|(?:https?|ftp)://|www\.|(?:[a-z]:|\\)\\users\\|/(?:home|users)/"
    r"|(?<!\w)(?:tel|telephone|phone|fon|telefon|fax|mobile|mob)[.: ]+\+?[\d(]"
    r"|(?<![\w.])\+\d[\d /().-]{6,}\d"
    r"|(?<![\w.+-])(?=(?:\D?\D?\d){9})\(?0\d{1,4}\)?[ /-][\d /-]{4,}\d"
    r"|(?<![\w.+-])(?:\(\d{3}\) ?|\d{3}[ -])\d{3}[ -]\d{4}(?![\w.-])"
    r"|(?<![^\W\d_])(?:read|reviewed|approved|checked|drawn|contoured|created|signed|scanned|operated)"
    r"[ _]by[ _][^\W\d_]"
    r"|(?<![^\W\d_])(?:herrn?|frau|madame|monsieur|signora?|se[nñ]ora?)[ _.]+[^\W\d_]{2}"
    r"|[^\W\d_]{2,}\^[^\W\d_]{2}",
    re.IGNORECASE,
)
_TITLE_BEFORE_A_NAME = re.compile(
    r"(?<![^\W\d_])(?:(?:Dr|Prof|Mrs|Mr|Ms|Mme|Mlle|Sra|Dott)\.?[ _]*|(?:DR|PROF|MRS|dr|prof|mrs)\.[ _]*)"
    r"(?:(?:med|habil|rer|nat|[Dd]r|[Pp]rof)\.?[ _]+)*(?=[^\W\d_a-z])[^\W\d_]{2}"
)
_MIXED = re.compile(
    r"[A-Za-z](?:[\u0400-\u052f]|(?![\u03b1-\u03b4\u03bb\u03bc\u03c0\u03c3\u03a9\u0394])[\u0370-\u03ff])"
    r"|(?:[\u0400-\u052f]|(?![\u03b1-\u03b4\u03bb\u03bc\u03c0\u03c3\u03a9\u0394])[\u0370-\u03ff])[A-Za-z]"
)
"""Letters of two alphabets in one word, which nothing but a disguise has; Greek ones of formulas aside."""


@lru_cache(4096)
def reaches_somebody(text: str) -> bool:
    """Return whether a text that a machine writes tells of a person all the same.

    An address of mail or the web, a path of somebody's files, a number to call, a name after a title, after
    what people do or as a PN is written, a word disguised by letters of another alphabet.

    >>> [reaches_somebody(text) for text in ("syngo CT VA48A", "27.1.0.1234567", "Dr. Smith", "a@b.org")]
    [False, False, True, True]
    """
    return any(form.search(text) is not None for form in (_REACHED, _TITLE_BEFORE_A_NAME, _MIXED))


def has_telltale(text: str) -> bool:
    """Return whether a text holds a date, a time, an age, a number to call, an address, or somebody's title.

    >>> has_telltale("GTV 03.05.1961"), has_telltale("PTV_59.4Gy"), has_telltale("PTV Dr Hand")
    (True, False, True)
    """
    return _SMALL.search(text) is not None or _TITLED.search(text) is not None


def without_telltales(text: str, mark: str) -> str:
    """Return the text with a mark in place of everything that `has_telltale` finds.

    >>> without_telltales("CT Thorax 12-MAY-2024, Prof. Hand, 09:30", "#")
    'CT Thorax #, #, #'
    """
    return _SMALL.sub(mark, _TITLED.sub(mark, text))
