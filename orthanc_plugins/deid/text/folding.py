"""Texts made comparable: one writing for letters that differ in case, accents, width or kana."""

from __future__ import annotations

import re
import unicodedata

_UNDECOMPOSED = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ħ": "h",
    }
)
"""Latin letters that Unicode does not take apart, though people without them write these."""

_KATAKANA_TO_HIRAGANA = {letter: letter - 0x60 for letter in range(0x30A1, 0x30F7)}
_TWO_LETTERS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "å": "aa",
        "ø": "oe",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "Å": "Aa",
        "Ø": "Oe",
    }
)

_SEPARATOR = re.compile(r"[\W_]+")
_SMALL_ASCII = bytes(range(256)).lower()
_SEPARATORS_ASCII = bytes(code for code in range(128) if not chr(code).isalnum())


def folded(text: str) -> str:
    """Return the text in small letters without accents, full width letters as half, katakana as hiragana.

    >>> folded("MÜLLER Straße"), folded("ヤマダ") == folded("やまだ")
    ('muller strasse', True)
    """
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare).translate(_UNDECOMPOSED).translate(_KATAKANA_TO_HIRAGANA)


def in_hiragana(text: str) -> str:
    """Return the text with its katakana as hiragana.

    >>> in_hiragana("ヤマダ")
    'やまだ'
    """
    return text.translate(_KATAKANA_TO_HIRAGANA)


def compact(text: str) -> str:
    """Return the letters and digits of a text, folded, with nothing between them.

    >>> compact("12-345/6 Müller")
    '123456muller'
    """
    if text.isascii():
        return text.encode("ascii").translate(_SMALL_ASCII, _SEPARATORS_ASCII).decode("ascii")
    return _SEPARATOR.sub("", folded(text))


def with_two_letters(text: str) -> str:
    """Return the text with the umlauts and the Nordic vowels as two letters, as passports write them.

    >>> with_two_letters("Müller"), with_two_letters("Søren")
    ('Mueller', 'Soeren')
    """
    return unicodedata.normalize("NFC", text).translate(_TWO_LETTERS)


def in_ascii(text: str) -> str:
    """Return the text in letters that every character set of DICOM has (PS3.5 6.1.2).

    What has no such letter is left out; only texts of known words are written so.

    >>> in_ascii("Rückenmark"), in_ascii("Œsophage")
    ('Rueckenmark', 'Oesophage')
    """
    if text.isascii():
        return text
    latin = with_two_letters(text).replace("œ", "oe").replace("Œ", "Oe").replace("æ", "ae").replace("ß", "ss")
    return unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode("ascii")
