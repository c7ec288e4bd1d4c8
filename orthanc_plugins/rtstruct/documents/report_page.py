"""How the report looks: its pages with their feet, its type, its pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image as PillowImage
from reportlab import rl_config
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, Paragraph

from orthanc_plugins import __version__
from orthanc_plugins.pages import ALARM, GREY, INK, SANS, CountedPages, text_height, text_width
from orthanc_plugins.rtstruct.drawing.fonts import fitted, marked_up
from orthanc_plugins.rtstruct.drawing.pictures import LEGEND_TOP

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from reportlab.lib.colors import Color

rl_config.useA85 = (
    0  # streams as bytes: as text they take more than half of the report's time, and a quarter more room
)

SOFTWARE = f"Orthanc PACS Suite {__version__}"
DISCLAIMER = "Not a medical device. Not for diagnosis or treatment."
MARGIN = 16 * mm
_FOOT = 15 * mm
WIDTH, HEIGHT = text_width(MARGIN), text_height(_FOOT)
"""What a page holds, in points."""

_DOT = "●"
_RAGGED = 0.3
"""The share of a line that words broken over lines may leave free."""
_ROWS_TOGETHER = 3
"""A table does not leave fewer rows than this alone on a page."""


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
MARKED = ParagraphStyle("marked", NOTE, textColor=ALARM)


class _Jpeg(ImageReader):  # type: ignore[misc] # reportlab is untyped
    """A JPEG that is told from others by its bytes; reportlab would decode each to compare its pixels."""

    _dataA = None  # noqa: N815 - reportlab's name
    """No transparency."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self._content = content

    def getRGBData(self) -> bytes:  # noqa: N802 - reportlab's name
        """Return what the picture is known by; only the file's own bytes are drawn."""
        return self._content


class Picture(Flowable):  # type: ignore[misc] # reportlab is untyped
    """A JPEG of a width and a height in points."""

    def __init__(self, jpeg: bytes, width: float, height: float) -> None:
        super().__init__()
        self.width, self.height = width, height
        self.hAlign = "CENTER"
        self._reader = _Jpeg(jpeg)

    def draw(self) -> None:
        """Draw the picture where reportlab has moved the origin to."""
        self.canv.drawImage(self._reader, 0, 0, self.width, self.height)


class ReportDocument(CountedPages):
    """A4 pages whose feet name what they are about, and count the pages.

    Parameters
    ----------
    subject
        Identifier of what the report is about.
    created
        When it was made, None where that is not to stand in the file.
    title
        Of the document.
    kind
        What the identifier is one of.
    """

    def __init__(
        self,
        subject: str,
        created: datetime | None,
        *,
        title: str = "Structure set report",
        kind: str = "Structure set",
    ) -> None:
        super().__init__(
            title=title,
            subject=subject,
            author=SOFTWARE,
            margin=MARGIN,
            foot=_FOOT,
            feet=(f"{kind} {subject}", f"{SOFTWARE} · {DISCLAIMER}"),
            stamp=None if created is None else f"D:{created:%Y%m%d%H%M%S}",
        )


def shown(
    text: str, style: ParagraphStyle = BODY, *, bold: bool = False, longest: int | None = None
) -> Paragraph:
    """Return a paragraph that shows a text as it stands, cut to ``longest`` characters."""
    markup = marked_up(text, longest)
    return Paragraph(f"<b>{markup}</b>" if bold else markup, style)


def line(
    text: str, width: float, style: ParagraphStyle = BODY, *, lines: int = 1, dot: Color | None = None
) -> Paragraph:
    """Return a text that is cut to so many lines of a width in points, behind a dot of a colour."""
    room = width * (1 if lines == 1 else lines - _RAGGED)
    mark = "" if dot is None else f'<font color="{dot.hexval()}">{marked_up(_DOT)}</font> '
    kept = fitted(text, room - (2 * style.fontSize if mark else 0), style.fontSize)
    return Paragraph(f"{mark}{marked_up(kept)}", style)


def faint(text: str, style: ParagraphStyle = NOTE) -> Paragraph:
    """Return a paragraph in grey, such as a label or a note."""
    return Paragraph(f'<font color="{GREY.hexval()}">{marked_up(text)}</font>'.replace("\n", "<br/>"), style)


def heading(text: str) -> Paragraph:
    """Return the heading of a part of the report."""
    return shown(text, HEADING, bold=True)


def together(parts: Sequence[Flowable]) -> list[Flowable]:
    """Return parts that stay on one page where a page holds them.

    Where it does not, the last of them is a table: the others stay with its first rows. Of a table with a
    head, no few rows stand alone at either end either.
    """
    *above, table = parts
    above_height = sum(
        part.wrap(WIDTH, HEIGHT)[1] + part.getSpaceBefore() + part.getSpaceAfter() for part in above
    )
    if above_height + table.wrap(WIDTH, HEIGHT)[1] <= HEIGHT:
        return [KeepTogether(list(parts))]
    rows: list[float] = table._rowHeights  # noqa: SLF001 - reportlab has no other way to ask
    first, last = rows[: _ROWS_TOGETHER + 1], rows[-_ROWS_TOGETHER:]
    fits = max(above_height + sum(first), rows[0] + sum(last)) <= HEIGHT
    if not (table.repeatRows and fits and len(rows) >= len(first) + len(last)):
        return [CondPageBreak(above_height + rows[0]), *above, table]
    table.setStyle([("NOSPLIT", (0, 0), (0, _ROWS_TOGETHER)), ("NOSPLIT", (0, -_ROWS_TOGETHER), (0, -1))])
    return [CondPageBreak(above_height + sum(first)), *above, table]


def picture(path: Path, long_side_px: int, width: float, height: float) -> Picture:
    """Return a picture no larger than a box, as JPEG: a page of PNGs would take seconds and megabytes.

    The legend of an overview is left out: the report has one that can be read and searched.

    Raises
    ------
    OSError
        The file is not there or is no picture.
    """
    with PillowImage.open(path) as opened:
        legend_top = int(opened.info.get(LEGEND_TOP, opened.height))
        pixels = opened.convert("RGB").crop((0, 0, opened.width, legend_top))
    pixels.thumbnail((long_side_px, long_side_px))
    stream = io.BytesIO()
    pixels.save(stream, "JPEG", quality=88, subsampling=0)
    zoom = min(width / pixels.width, height / pixels.height)
    return Picture(stream.getvalue(), pixels.width * zoom, pixels.height * zoom)
