"""How the report looks: its pages with their feet, its type, its pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image as PillowImage
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate

from orthanc_plugins import __version__
from orthanc_plugins.rtstruct.fonts import SANS, marked_up, register_fonts

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

SOFTWARE = f"Orthanc PACS Suite {__version__}"
DISCLAIMER = "Not a medical device. Not for diagnosis or treatment."
MARGIN = 16 * mm
WIDTH = A4[0] - 2 * MARGIN
INK, GREY, RULE, BAND, ACCENT, ALARM = map(
    HexColor, ("#1c2530", "#66717e", "#d5dae0", "#f3f5f7", "#1f5f8b", "#b3261e")
)

_FOOT_SIZE = 6.5
_PAGE_COUNT = "page_count"
_COUNT_WIDTH = 7 * mm
_FRAME_PADDING = 6
"""What reportlab keeps free around the text of a page."""


def _style(name: str, size: float, **changes: object) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=SANS, fontSize=size, leading=size * 1.3, textColor=INK, **changes)


TITLE = _style("title", 18)
HEADING = _style("heading", 11, spaceBefore=10, spaceAfter=4)
BODY = _style("body", 8)
NUMBER = _style("number", 8, alignment=TA_RIGHT)
SMALL = _style("small", 7.5)
CAPTION = _style("caption", 7.5, spaceBefore=2)
NOTE = _style("note", 7)
NUMBER_TITLE = _style("number title", 7, alignment=TA_RIGHT)
ALARMED = ParagraphStyle("alarmed", BODY, textColor=ALARM)


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


class ReportDocument(SimpleDocTemplate):  # type: ignore[misc] # reportlab is untyped
    """A4 pages whose feet name the structure set and count the pages."""

    def __init__(self, structure_set_uid: str, created: datetime | None) -> None:
        register_fonts()
        self._stream = io.BytesIO()
        self._structure_set_uid = structure_set_uid
        self._created = created
        super().__init__(
            self._stream,
            pagesize=A4,
            leftMargin=MARGIN - _FRAME_PADDING,
            rightMargin=MARGIN - _FRAME_PADDING,
            topMargin=14 * mm,
            bottomMargin=19 * mm,
            title="Structure set report",
            author=SOFTWARE,
            subject=structure_set_uid,
            creator=SOFTWARE,
            lang="en-GB",
            invariant=1,
        )

    def pdf(self, story: list[Flowable]) -> bytes:
        """Return the document that shows a story."""
        self.build(story, onFirstPage=self._begin, onLaterPages=self._foot, canvasmaker=_CountedCanvas)
        return self._stream.getvalue()

    def _begin(self, canvas: Canvas, document: SimpleDocTemplate) -> None:
        if self._created is not None:
            stamp = f"D:{self._created:%Y%m%d%H%M%S}"
            canvas.setDateFormatter(lambda *_: stamp)
        self._foot(canvas, document)

    def _foot(self, canvas: Canvas, _: SimpleDocTemplate) -> None:
        right = A4[0] - MARGIN
        canvas.saveState()
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.4)
        canvas.line(MARGIN, 15 * mm, right, 15 * mm)
        canvas.setFillColor(GREY)
        canvas.setFont(SANS, _FOOT_SIZE)
        canvas.drawString(MARGIN, 11.5 * mm, f"Structure set {self._structure_set_uid}")
        canvas.drawString(MARGIN, 8.5 * mm, f"{SOFTWARE} · {DISCLAIMER}")
        canvas.drawRightString(right - _COUNT_WIDTH, 11.5 * mm, f"Page {canvas.getPageNumber()}")
        canvas.translate(right - _COUNT_WIDTH, 11.5 * mm)
        canvas.doForm(_PAGE_COUNT)
        canvas.restoreState()


def shown(
    text: str, style: ParagraphStyle = BODY, *, bold: bool = False, longest: int | None = None
) -> Paragraph:
    """Return a paragraph that shows a text as it stands, cut to ``longest`` characters."""
    markup = marked_up(text, longest)
    return Paragraph(f"<b>{markup}</b>" if bold else markup, style)


def faint(text: str, style: ParagraphStyle = NOTE) -> Paragraph:
    """Return a paragraph in grey, such as a label or a note."""
    return Paragraph(f'<font color="{GREY.hexval()}">{marked_up(text)}</font>'.replace("\n", "<br/>"), style)


def heading(text: str) -> Paragraph:
    """Return the heading of a part of the report."""
    return shown(text, HEADING, bold=True)


def picture(path: Path, long_side_px: int, width: float, height: float) -> Image:
    """Return a picture no larger than a box, as JPEG: a page of PNGs would take seconds and megabytes.

    Raises
    ------
    OSError
        The file is not there or is no picture.
    """
    with PillowImage.open(path) as opened:
        pixels = opened.convert("RGB")
    pixels.thumbnail((long_side_px, long_side_px))
    stream = io.BytesIO()
    pixels.save(stream, "JPEG", quality=88, subsampling=0)
    zoom = min(width / pixels.width, height / pixels.height)
    return Image(stream, pixels.width * zoom, pixels.height * zoom)
