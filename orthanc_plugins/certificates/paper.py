"""How a certificate looks on paper: pages with their feet, type, tables, and the code for a camera.

Noto Sans is embedded, from the package pymupdf-fonts. A character that it lacks shows as its code point,
never as a blank: on a certificate nothing may be there that is not seen.
"""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pymupdf_fonts
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.fonts import addMapping
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import getFont, registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from reportlab.platypus import Flowable

MARGIN = 18 * mm
WIDTH = A4[0] - 2 * MARGIN
INK, GREY, RULE, BAND, ACCENT, ALARM = map(
    HexColor, ("#1c2530", "#66717e", "#d5dae0", "#f3f5f7", "#1f5f8b", "#b3261e")
)
_SANS, _BOLD = "CertificateSans", "CertificateSans-Bold"
_FACES = {_SANS: "notos", _BOLD: "notosbo"}
"""Names of the fonts here and in pymupdf-fonts."""
_TOP, _BOTTOM, _PADDING = 14 * mm, 20 * mm, 6
_FOOT_SIZE, _COUNT_WIDTH, _PAGE_COUNT = 6.5, 5.2 * mm, "page_count"


def _style(name: str, size: float, **changes: object) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=_SANS, fontSize=size, leading=size * 1.32, textColor=INK, **changes)


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


@cache
def _register_fonts() -> None:
    for name, code in _FACES.items():
        registerFont(TTFont(name, io.BytesIO(pymupdf_fonts.myfont(code))))
    for italic in (0, 1):
        addMapping(_SANS, 0, italic, _SANS)
        addMapping(_SANS, 1, italic, _BOLD)


def shown(text: str, style: ParagraphStyle = BODY, *, bold: bool = False) -> Paragraph:
    """Return a paragraph that shows a text as it stands, markup and unknown characters included."""
    _register_fonts()
    known = getFont(_SANS).face.charToGlyph
    safe = "".join(one if ord(one) in known else f"[U+{ord(one):04X}]" for one in text)
    return Paragraph(f"<b>{escape(safe)}</b>" if bold else escape(safe), style)


def qr_code(text: str, side: float) -> Drawing:
    """Return a QR code (ISO/IEC 18004) of a text, of a side in points."""
    drawing = Drawing(side, side)
    drawing.add(QrCodeWidget(text, barLevel="M", barWidth=side, barHeight=side, barBorder=0))
    return drawing


class CertificatePages(SimpleDocTemplate):  # type: ignore[misc] # reportlab is untyped
    """A4 pages whose feet say what they are of, and count the pages; the same content gives the same bytes.

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
        _register_fonts()
        self._stream = io.BytesIO()
        self._stamp = f"D:{issued:%Y%m%d%H%M%S}Z"
        self._feet = feet
        super().__init__(
            self._stream,
            pagesize=A4,
            leftMargin=MARGIN - _PADDING,
            rightMargin=MARGIN - _PADDING,
            topMargin=_TOP,
            bottomMargin=_BOTTOM,
            title=title,
            subject=subject,
            author=author,
            creator=author,
            lang="en-GB",
            invariant=1,
        )

    def pdf(self, story: Sequence[Flowable]) -> bytes:
        """Return the document of a story."""
        self.build(list(story), onFirstPage=self._first, onLaterPages=self._foot, canvasmaker=_CountedCanvas)
        return self._stream.getvalue()

    def _first(self, canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.setDateFormatter(lambda *_: self._stamp)
        self._foot(canvas, document)

    def _foot(self, canvas: Canvas, _: SimpleDocTemplate) -> None:
        right = A4[0] - MARGIN
        canvas.saveState()
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.4)
        canvas.line(MARGIN, 16 * mm, right, 16 * mm)
        canvas.setFillColor(GREY)
        canvas.setFont(_SANS, _FOOT_SIZE)
        for line, height in zip(self._feet, (12.5, 9.5), strict=True):
            canvas.drawString(MARGIN, height * mm, line)
        canvas.drawRightString(right - _COUNT_WIDTH, 12.5 * mm, f"Page {canvas.getPageNumber()}")
        canvas.translate(right - _COUNT_WIDTH, 12.5 * mm)
        canvas.doForm(_PAGE_COUNT)
        canvas.restoreState()


class _CountedCanvas(Canvas):  # type: ignore[misc] # reportlab is untyped
    """Draws how many pages there are where every page has left room for it."""

    def save(self) -> None:
        pages = self.getPageNumber() - 1
        self.beginForm(_PAGE_COUNT, 0, -2 * mm, _COUNT_WIDTH, 4 * mm)
        self.setFillColor(GREY)
        self.setFont(_SANS, _FOOT_SIZE)
        self.drawString(1, 0, f" of {pages}")
        self.endForm()
        super().save()
