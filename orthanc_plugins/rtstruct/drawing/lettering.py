"""Text in pictures: one line in a font that shows it, cut to the room there is.

Noto Sans, or FiraGO for a line of which it has more letters; both come from the package pymupdf-fonts.
A letter that neither has, such as a Chinese one, is drawn as a question mark, and so is one that runs from
right to left where Pillow cannot set it: a name in the wrong order would be another name.
"""

from __future__ import annotations

import io
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import TYPE_CHECKING

import pymupdf_fonts
from PIL import ImageFont, features

if TYPE_CHECKING:
    from PIL import ImageDraw

_SANS, _MORE = "notos", "figo"
_PROBE_PX = 14
_NOT_A_CHARACTER = "\uffff"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
_BOTH_WAYS = bool(features.check("raqm"))
"""Whether Pillow can set what runs from right to left."""
_DIRECTION = "ltr" if _BOTH_WAYS else None
"""The direction of a line as a whole: its number stands to the left."""
_INK, _EDGE = (240, 240, 240), (0, 0, 0)


@dataclass(frozen=True)
class Lettering:
    """How lines of light text are written on a picture.

    Parameters
    ----------
    size_px
        Size of the type.
    width_px
        A line that is wider ends in an ellipsis.
    edged
        Give the letters a dark edge, so that they show on any grey.
    """

    size_px: int
    width_px: float = inf
    edged: bool = False

    def write(
        self, draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, anchor: str = "lm"
    ) -> None:
        """Write a line at x and y in pixels, by default its left edge's middle (Pillow's anchors)."""
        font, line = _font_for(text, self.size_px)
        colours = draw.mode == "RGB"
        draw.fontmode = "L"
        draw.text(
            place,
            self._cut(line, font),
            fill=_INK if colours else _INK[0],
            font=font,
            anchor=anchor,
            direction=_DIRECTION,
            stroke_width=int(self.edged),
            stroke_fill=_EDGE if colours else _EDGE[0],
        )

    def _cut(self, line: str, font: ImageFont.FreeTypeFont) -> str:
        """Return as much of a line as there is room for."""
        if font.getlength(line) <= self.width_px:
            return line
        room = bisect_right(
            range(len(line)), self.width_px, key=lambda kept: font.getlength(f"{line[:kept]}…")
        )
        return f"{line[: max(0, room - 1)].rstrip()}…"


def _font_for(text: str, size_px: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """Return the font of a line, and the line as that font can show it."""
    code = max((_SANS, _MORE), key=lambda one: sum(_has(one, letter) for letter in text))
    return _font(code, size_px), "".join(letter if _has(code, letter) else "?" for letter in text)


@cache
def _font(code: str, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(pymupdf_fonts.myfont(code)), size_px)


@cache
def _has(code: str, letter: str) -> bool:
    """Return whether a font shows a letter, rather than the box that stands for what it lacks."""
    backwards = unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT
    if not letter.isprintable() or (backwards and not _BOTH_WAYS):
        return False
    font = _font(code, _PROBE_PX)
    return bytes(font.getmask(letter)) != bytes(font.getmask(_NOT_A_CHARACTER))
