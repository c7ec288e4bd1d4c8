"""Pages of documents that people read: A4, with feet that count them, in one set of colours and one type.

Noto Sans is embedded, from the package pymupdf-fonts. The same content gives the same bytes.
"""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

import pymupdf_fonts
from reportlab.lib.colors import HexColor
from reportlab.lib.fonts import addMapping
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import SimpleDocTemplate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reportlab.platypus import Flowable

INK, GREY, RULE, BAND, ACCENT, ALARM = map(
    HexColor, ("#1c2530", "#66717e", "#d5dae0", "#f3f5f7", "#1f5f8b", "#b3261e")
)
SANS, BOLD = "PacsSans", "PacsSans-Bold"
_EMBEDDED = {SANS: "notos", BOLD: "notosbo"}
"""Names of the fonts here and in pymupdf-fonts."""

TOP = 14 * mm
FRAME_PADDING = 6
"""What reportlab keeps free around the text of a page, in points."""
_ABOVE_FOOT = 4 * mm
_LINES = (3.5 * mm, 6.5 * mm)
"""How far the lines of a foot are below its rule."""
_FOOT_SIZE, _COUNT_WIDTH, _PAGE_COUNT = 6.5, 7 * mm, "page_count"


@cache
def register_sans() -> None:
    """Make the type known to reportlab, once for each process."""
    for name, code in _EMBEDDED.items():
        registerFont(TTFont(name, io.BytesIO(pymupdf_fonts.myfont(code))))
    for italic in (0, 1):
        addMapping(SANS, 0, italic, SANS)
        addMapping(SANS, 1, italic, BOLD)


def text_width(margin: float) -> float:
    """Return how wide text is between two margins, in points."""
    return float(A4[0] - 2 * margin)


def text_height(foot: float) -> float:
    """Return what a page holds above the rule of its foot, in points."""
    return float(A4[1] - TOP - foot - _ABOVE_FOOT - 2 * FRAME_PADDING)


class CountedPages(SimpleDocTemplate):  # type: ignore[misc] # reportlab is untyped
    """A document whose pages say at their feet what they are of, and how many there are.

    Parameters
    ----------
    margin, foot
        At the sides, and how high the rule of the foot stands, in points.
    feet
        Two lines below it.
    stamp
        The only time that stands in the file (PDF 7.9.4), None for none.
    """

    def __init__(  # noqa: PLR0913 - all that can differ between documents
        self,
        *,
        title: str,
        subject: str,
        author: str,
        margin: float,
        foot: float,
        feet: tuple[str, str],
        stamp: str | None,
    ) -> None:
        register_sans()
        self._stream = io.BytesIO()
        self._edge, self._rule, self._feet, self._stamp = margin, foot, feet, stamp
        super().__init__(
            self._stream,
            pagesize=A4,
            leftMargin=margin - FRAME_PADDING,
            rightMargin=margin - FRAME_PADDING,
            topMargin=TOP,
            bottomMargin=foot + _ABOVE_FOOT,
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
        if self._stamp is not None:
            canvas.setDateFormatter(lambda *_: self._stamp)
        self._foot(canvas, document)

    def _foot(self, canvas: Canvas, _: SimpleDocTemplate) -> None:
        right, height = A4[0] - self._edge, self._rule - _LINES[0]
        canvas.saveState()
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.4)
        canvas.line(self._edge, self._rule, right, self._rule)
        canvas.setFillColor(GREY)
        canvas.setFont(SANS, _FOOT_SIZE)
        for line, below in zip(self._feet, _LINES, strict=True):
            canvas.drawString(self._edge, self._rule - below, line)
        canvas.drawRightString(right - _COUNT_WIDTH, height, f"Page {canvas.getPageNumber()}")
        canvas.translate(right - _COUNT_WIDTH, height)
        canvas.doForm(_PAGE_COUNT)
        canvas.restoreState()


class _CountedCanvas(Canvas):  # type: ignore[misc] # reportlab is untyped
    """Draws how many pages there are where every page has left room for it."""

    def save(self) -> None:
        pages = self.getPageNumber() - 1
        self.beginForm(_PAGE_COUNT, 0, -2 * mm, _COUNT_WIDTH, 4 * mm)
        self.setFillColor(GREY)
        self.setFont(SANS, _FOOT_SIZE)
        self.drawString(1, 0, f" of {pages}")
        self.endForm()
        super().save()
