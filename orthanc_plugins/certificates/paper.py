"""How a certificate looks on paper: its styles, tables, and the code for a camera.

A character that the type lacks shows as its code point, never as a blank: on a certificate nothing may be
there that is not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import getFont
from reportlab.platypus import Paragraph

from orthanc_plugins.pages import (
    ACCENT,
    ALARM,
    BAND,
    GREY,
    INK,
    RULE,
    SANS,
    CountedPages,
    register_sans,
    text_width,
)

if TYPE_CHECKING:
    from datetime import datetime

MARGIN = 18 * mm
WIDTH = text_width(MARGIN)


def _style(name: str, size: float, **changes: object) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=SANS, fontSize=size, leading=size * 1.32, textColor=INK, **changes)


TITLE_STYLE = _style("title", 20)
CLAIM_STYLE = _style("claim", 10)
FIGURE_STYLE = _style("figure", 15)
HEADING_STYLE = _style("heading", 11, spaceBefore=9, spaceAfter=3)
BODY = _style("body", 8)
LABEL = ParagraphStyle("label", BODY, textColor=GREY)
NOTE = ParagraphStyle("note", _style("small", 7), textColor=GREY)
ALARMED = ParagraphStyle("alarmed", BODY, textColor=ALARM)
FIGURE_ALARMED = ParagraphStyle("figure alarmed", FIGURE_STYLE, textColor=ALARM)

TABLE: list[tuple[object, ...]] = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 5),
    ("RIGHTPADDING", (0, 0), (-1, -1), 5),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
]
RULED: list[tuple[object, ...]] = [
    *TABLE,
    ("LINEABOVE", (0, 0), (-1, 0), 0.8, ACCENT),
    ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
]
BOXED: list[tuple[object, ...]] = [
    *TABLE,
    ("BACKGROUND", (0, 0), (-1, -1), BAND),
    ("LINEABOVE", (0, 0), (-1, 0), 1.4, ACCENT),
]


def shown(text: str, style: ParagraphStyle = BODY, *, bold: bool = False) -> Paragraph:
    """Return a paragraph that shows a text as it stands, markup and unknown characters included."""
    register_sans()
    known = getFont(SANS).face.charToGlyph
    safe = "".join(one if ord(one) in known else f"[U+{ord(one):04X}]" for one in text)
    return Paragraph(f"<b>{escape(safe)}</b>" if bold else escape(safe), style)


def qr_code(text: str, side: float) -> Drawing:
    """Return a QR code (ISO/IEC 18004) of a text, of a side in points."""
    drawing = Drawing(side, side)
    drawing.add(QrCodeWidget(text, barLevel="M", barWidth=side, barHeight=side, barBorder=0))
    return drawing


class CertificatePages(CountedPages):
    """The pages of a certificate.

    Parameters
    ----------
    issued
        The only time that stands in the file.
    feet
        Two lines.
    """

    def __init__(
        self, title: str, subject: str, author: str, issued: datetime, feet: tuple[str, str]
    ) -> None:
        super().__init__(
            title=title,
            subject=subject,
            author=author,
            margin=MARGIN,
            foot=16 * mm,
            feet=feet,
            stamp=f"D:{issued:%Y%m%d%H%M%S}Z",
        )
