"""Fonts: each character gets a font that has it, or shows as its code point."""

from __future__ import annotations

import pytest
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph

from orthanc_plugins.pages import SANS
from orthanc_plugins.rtstruct.drawing.fonts import fitted, marked_up


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("Tumeur é œ", "Tumeur é œ"),
        ("Άλφα Гипофиз Żółć µ", "Άλφα Гипофиз Żółć µ"),
        ("PTV ≤ 3", 'PTV <font name="PacsSans-More">≤</font> 3'),
        ("漢字", '<font name="STSong-Light">漢字</font>'),
        ("さくら漢", '<font name="HeiseiKakuGo-W5">さくら漢</font>'),
        ("종양 1", '<font name="HYSMyeongJo-Medium">종양</font> 1'),
        ("שם", "[U+05E9][U+05DD]"),
        ("a\x1b\n", "a[U+001B][U+000A]"),
        ("🙂", "[U+1F642]"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("", ""),
    ],
)
def test_text_becomes_markup_that_shows_every_character(text: str, markup: str) -> None:
    assert marked_up(text) == markup


def test_long_text_ends_in_an_ellipsis() -> None:
    assert marked_up("x" * 70, 64) == "x" * 63 + "…"
    assert marked_up("<" * 64, 64) == "&lt;" * 64


def test_a_text_is_cut_to_the_width_of_its_line() -> None:
    assert fitted("short", 100, 8) == "short"
    assert fitted("", 10, 8) == ""
    for text in ("W" * 80, "i" * 200, "肺" * 80, "ש" * 80, "Опухоль " * 20):
        kept = fitted(text, 120, 8)
        assert kept.endswith("…")
        line = Paragraph(marked_up(kept), ParagraphStyle("", fontName=SANS, fontSize=8))
        line.wrap(1000, 1000)
        assert 80 < line.getActualLineWidths0()[0] <= 120.01
