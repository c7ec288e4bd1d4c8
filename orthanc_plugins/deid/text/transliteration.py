"""Names in another script than they are known in: Cyrillic, Greek and kana in Latin letters, and look-alikes.

``transliteration.tsv`` says of folded letters which Latin one they look like, small or capital (Unicode's
confusables, UTS 39), and how they are written in Latin: by ICAO 9303 as in passports, and in the usual
English and German ways. Kana are written by Hepburn and Kunrei, with long vowels and without.
"""

from __future__ import annotations

import re
import unicodedata
from importlib.resources import files

from orthanc_plugins.deid.text.folding import folded, in_hiragana

_KANA = re.compile("[\u3041-\u3096\u30fc]")
_OTHER_LETTER = re.compile("[\u0370-\u052f\u3041-\u3096\u30fc]")
_KUNREI_TO_HEPBURN = (
    *(("sy", "sh"), ("ty", "ch"), ("zy", "j"), ("dy", "j")),
    *(("si", "shi"), ("ti", "chi"), ("tu", "tsu"), ("hu", "fu"), ("zi", "ji"), ("di", "ji"), ("du", "zu")),
)
_LONG_VOWELS = re.compile("(o)[ou]|(u)u")
_LETTER_OF_KANA = "HIRAGANA LETTER "
_SMALL = "SMALL "


def _tables() -> tuple[dict[int, str], ...]:
    """Return what stands for each letter: the one it looks like, and the ways to write it."""
    lines = files(__package__).joinpath("transliteration.tsv").read_text("utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    alike = {ord(letter): latin for letter, latin, *_ in rows if latin}
    return alike, *({ord(row[0]): row[way] for row in rows} for way in (2, 3, 4))


_ALIKE, *_WAYS = _tables()


def unmasked(text: str) -> str:
    r"""Return a folded text with the Cyrillic and Greek letters that look like Latin ones as these.

    >>> unmasked("iv\N{CYRILLIC SMALL LETTER A}nov")
    'ivanov'
    """
    return text if text.isascii() else text.translate(_ALIKE)


def in_latin(text: str) -> list[str]:
    """Return the ways to write a text of another alphabet in Latin letters, folded; none for a Latin one.

    >>> in_latin("Шевченко"), in_latin("ヤマダ"), in_latin("Lung")
    (['shevchenko', 'schewtschenko'], ['yamada'], [])
    """
    letters = in_hiragana(unicodedata.normalize("NFKC", text).casefold())
    if _OTHER_LETTER.search(letters) is None:
        return []
    if not _KANA.search(letters):
        return list(dict.fromkeys(folded(letters.translate(way)).translate(way) for way in _WAYS))
    kunrei = hepburn = folded(_romanised(letters))
    for other, ours in _KUNREI_TO_HEPBURN:
        hepburn = hepburn.replace(other, ours)
    both = [kunrei, hepburn]
    return list(dict.fromkeys([*both, *(_LONG_VOWELS.sub(_short, one) for one in both)]))


def _short(found: re.Match[str]) -> str:
    return found[1] or found[2]


def _romanised(text: str) -> str:
    """Return hiragana as Unicode names them, which is Kunrei; what is none stays."""
    written = ""
    double = False
    for letter in text:
        name = unicodedata.name(letter, "")
        if not name.startswith(_LETTER_OF_KANA):
            written += "" if letter == "ー" else letter
            continue
        sound = name.removeprefix(_LETTER_OF_KANA).lower()
        if sound == "small tu":
            double = True
            continue
        if sound.startswith("small y"):
            written = written.removesuffix("i")
        sound = sound.removeprefix(_SMALL.lower())
        written += sound[0] + sound if double else sound
        double = False
    return written
