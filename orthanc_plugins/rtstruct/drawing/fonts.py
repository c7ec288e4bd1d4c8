"""Fonts of the report: region names are shown in the script they were written in.

Noto Sans (Latin, Greek, Cyrillic and more) is embedded, and FiraGO for what it lacks; both come from the
package pymupdf-fonts. Chinese, Japanese and Korean use the fonts that PDF defines by name and readers supply:
embedding them would take ten megabytes. A character that none of them has, or that runs from right to left,
which reportlab does not set, shows as its code point, never as a blank.
"""

from __future__ import annotations

import io
import unicodedata
from bisect import bisect_right
from functools import cache
from itertools import accumulate, groupby
from xml.sax.saxutils import escape

import pymupdf_fonts
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import getFont, registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont

from orthanc_plugins.pages import SANS, register_sans

_MORE = "PacsSans-More"
_CHINESE, _JAPANESE, _KOREAN = "STSong-Light", "HeiseiKakuGo-W5", "HYSMyeongJo-Medium"
_SCRIPTS = {"CJK": _CHINESE, "HIRAGANA": _JAPANESE, "KATAKANA": _JAPANESE, "HANGUL": _KOREAN}
"""The font of a script, by the first word of its characters' Unicode names."""
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
"""Bidirectional classes of scripts that run from right to left."""


@cache
def register_fonts() -> None:
    """Make the report's fonts known to reportlab, once for each process."""
    register_sans()
    registerFont(TTFont(_MORE, io.BytesIO(pymupdf_fonts.myfont("figo"))))
    for name in (_CHINESE, _JAPANESE, _KOREAN):
        registerFont(UnicodeCIDFont(name))


def marked_up(text: str, longest: int | None = None) -> str:
    """Return a text as paragraph markup in which every character has a font that shows it.

    Parameters
    ----------
    text
        Any text; what looks like markup is shown as it stands.
    longest
        Number of characters after which the text ends in an ellipsis.
    """
    register_fonts()
    if longest is not None and len(text) > longest:
        text = f"{text[: longest - 1].rstrip()}…"
    runs = groupby(text, _japanese_font if _has_kana(text) else _font)
    return "".join(_run(font, "".join(letters)) for font, letters in runs)


def fitted(text: str, width: float, size: float) -> str:
    """Return a text that is no wider than a line, its end an ellipsis where it had to be cut.

    Parameters
    ----------
    width, size
        Of the line and of the type, in points (1/72 inch).
    """
    register_fonts()
    room = width - stringWidth("…", SANS, size)
    ends = list(accumulate(_width(letter, size) for letter in text))
    if not ends or ends[-1] <= width:
        return text
    return f"{text[: bisect_right(ends, room)].rstrip()}…"


def _width(letter: str, size: float) -> float:
    font = _font(letter)
    width: float = stringWidth(_code_point(letter) if font is None else letter, font or SANS, size)
    return width


def _code_point(letter: str) -> str:
    return f"[U+{ord(letter):04X}]"


def _run(font: str | None, letters: str) -> str:
    """Return the markup of letters that share a font, of code points where there is none."""
    if font is None:
        return "".join(map(_code_point, letters))
    shown = escape(letters)
    return shown if font == SANS else f'<font name="{font}">{shown}</font>'


def _has_kana(text: str) -> bool:
    return any(_script(letter) in {"HIRAGANA", "KATAKANA"} for letter in text)


def _japanese_font(letter: str) -> str | None:
    """Return the font of a letter in a Japanese text, whose ideographs are drawn the Japanese way."""
    return _JAPANESE if _font(letter) == _CHINESE else _font(letter)


@cache
def _font(letter: str) -> str | None:
    if unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT:
        return None
    if not letter.isprintable():
        return None
    for font in (SANS, _MORE):
        if ord(letter) in getFont(font).face.charToGlyph:
            return font
    return _SCRIPTS.get(_script(letter)) if ord(letter) <= 0xFFFF else None  # noqa: PLR2004 - what they hold


def _script(letter: str) -> str:
    """Return the first word of a character's Unicode name, empty where it has none."""
    return unicodedata.name(letter, "").partition(" ")[0]
