"""Fonts: each character gets a font that has it, or shows as its code point."""

from __future__ import annotations

import pytest

from orthanc_plugins.rtstruct.fonts import marked_up


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
