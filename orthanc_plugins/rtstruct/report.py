"""The results as ``report.pdf``: what was read, the overview, a table of regions, problems, pictures.

It speaks of UIDs and regions only; no patient's name or identifier is known here. The same results give the
same bytes: the time stands in the report only where the caller hands it in.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image as PillowImage
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Image,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from orthanc_plugins import __version__
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.rtstruct.fonts import SANS, SANS_BOLD, marked_up, register_fonts
from orthanc_plugins.rtstruct.pictures import region_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from reportlab.pdfgen.canvas import Canvas

    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.results import RegionResult, Results

REPORT_NAME = "report.pdf"
DISCLAIMER = "Not a medical device. Not for diagnosis or treatment."
_SOFTWARE = f"Orthanc PACS Suite {__version__}"
_MARGIN = 16 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_OVERVIEW_HIGHEST = 108 * mm
_OVERVIEW_PX = 1100
_PICTURE_PX = 360
_PICTURES_ACROSS = 3
_PICTURE_WIDTH = 56 * mm
_LONGEST_NAME = 64
_NONE = "–"
_PAGE_COUNT = "page_count"
_INK, _GREY, _RULE, _BAND, _ACCENT = map(
    HexColor, ("#1c2530", "#66717e", "#d5dae0", "#f3f5f7", "#1f5f8b")
)
_STATE_COLOURS = {"done": "#1c2530", "failed": "#b3261e"}
_METHODS = (
    "Volume: planimetric (area of the contours times the thickness of their slices), in cc = cm³ = ml.",
    "Surface: area of the smoothed surface mesh, in cm².",
    "Slices: planes the region is drawn on. Contours: closed contours that could be read.",
    "Mean ± SD: intensities of the voxels whose centres lie inside the contours, in the unit shown.",
    f"{_NONE} a value that could not be had. A region without a colour of its own has one of the suite's.",
    "Characters that no font here can show stand as their Unicode code points.",
)


def write_report(folder: Path, results: Results, created: datetime | None = None) -> None:
    """Write ``report.pdf``; it is there whole or not at all.

    Parameters
    ----------
    folder
        Folder of the results: pictures are found there by the paths that the results name.
    created
        When the results were made, shown at the top; left out when None.

    Raises
    ------
    OSError
        A picture that the results name cannot be read, or the report cannot be written.
    """
    register_fonts()
    stream = io.BytesIO()
    document = _Report(stream, created, results)
    document.build([
        *_header(results, created),
        *_overview(folder, results),
        *_regions(results),
        *_problems(results),
        *_pictures(folder, results.regions),
    ])  # fmt: skip
    write_whole(folder / REPORT_NAME, stream.getvalue())


class _Report(SimpleDocTemplate):  # type: ignore[misc] - reportlab is untyped
    """A4 pages with a foot that names the structure set and counts the pages."""

    def __init__(self, stream: io.BytesIO, created: datetime | None, results: Results) -> None:
        super().__init__(
            stream,
            pagesize=A4,
            leftMargin=_MARGIN,
            rightMargin=_MARGIN,
            topMargin=14 * mm,
            bottomMargin=20 * mm,
            title="Structure set report",
            author=_SOFTWARE,
            subject=results.sources.structure_set_uid,
            creator=_SOFTWARE,
            lang="en-GB",
            invariant=1,
        )
        self._created = created
        self._foot = f"Structure set {results.sources.structure_set_uid}"

    def build(self, story: list[Flowable]) -> None:
        super().build(story, onFirstPage=self._page, onLaterPages=self._page)

    def _page(self, canvas: Canvas, _: SimpleDocTemplate) -> None:
        if self._created is not None:
            stamp = f"D:{self._created:%Y%m%d%H%M%S}Z"
            canvas.setDateFormatter(lambda *_: stamp)
        canvas.saveState()
        canvas.setStrokeColor(_RULE)
        canvas.line(_MARGIN, 15 * mm, A4[0] - _MARGIN, 15 * mm)
        canvas.setFillColor(_GREY)
        canvas.setFont(SANS, 7)
        canvas.drawString(_MARGIN, 11 * mm, self._foot)
        canvas.drawString(_MARGIN, 7.5 * mm, f"{_SOFTWARE} · {DISCLAIMER}")
        canvas.drawRightString(A4[0] - _MARGIN - 12 * mm, 11 * mm, f"Page {canvas.getPageNumber()}")
        canvas.translate(A4[0] - _MARGIN - 11 * mm, 11 * mm)
        canvas.doForm(_PAGE_COUNT)
        canvas.restoreState()

    def afterDocument(self) -> None:  # noqa: N802 - reportlab's name
        """Draw how many pages there are where every page has left room for it."""
        self.canv.beginForm(_PAGE_COUNT, 0, -2 * mm, 12 * mm, 4 * mm)
        self.canv.setFillColor(_GREY)
        self.canv.setFont(SANS, 7)
        self.canv.drawString(0, 0, f"of {self.page}")
        self.canv.endForm()


def _style(name: str, size: float, **changes: object) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName=SANS, fontSize=size, leading=size * 1.3, textColor=_INK, **changes
    )


_TITLE = _style("title", 18)
_HEADING = _style("heading", 11, spaceBefore=9, spaceAfter=4)
_BODY = _style("body", 8)
_NUMBER = _style("number", 8, alignment=TA_RIGHT)
_SMALL = _style("small", 7)
_NOTE = _style("note", 7, leftIndent=2 * mm)


def _text(text: str, style: ParagraphStyle = _BODY, *, bold: bool = False, longest: int | None = None) -> Paragraph:
    """Return a paragraph that shows a text as it stands."""
    shown = marked_up(text, longest)
    return Paragraph(f"<b>{shown}</b>" if bold else shown, style)


def _label(text: str, style: ParagraphStyle = _SMALL) -> Paragraph:
    return Paragraph(f'<font color="{_GREY.hexval()}">{marked_up(text)}</font>', style)


def _header(results: Results, created: datetime | None) -> list[Flowable]:
    """Return the title and the table of what was read."""
    sources, grid = results.sources, results.grid
    rows = [
        ("Structure set", sources.structure_set_label or _NONE),
        ("SOP Instance UID", sources.structure_set_uid or _NONE),
        ("Series UID (structures)", sources.structure_series_uid or _NONE),
        ("Study UID", sources.study_uid or _NONE),
        ("Series UID (images)", sources.image_series_uid or "the images were not there"),
        ("Images", str(sources.images)),
    ]
    if grid is not None:
        spacing = " × ".join(f"{step:.4g}" for step in grid.spacing_mm)
        size = " × ".join(str(count) for count in grid.shape)
        rows.append(("Grid (slices × rows × columns)", f"{spacing} mm, {size} voxels, {grid.kind.replace('_', ' ')}"))
    rows.append(("Regions", _state_counts(results.regions)))
    if created is not None:
        rows.append(("Made", f"{created:%Y-%m-%d %H:%M:%S %Z}".rstrip()))
    rows.append(("Software", _SOFTWARE))
    table = Table(
        [[_label(name), _text(value, _SMALL, longest=120)] for name, value in rows],
        colWidths=(46 * mm, _WIDTH - 46 * mm),
        style=[
            ("BACKGROUND", (0, 0), (-1, -1), _BAND),
            ("LINEABOVE", (0, 0), (-1, 0), 1.2, _ACCENT),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ],
    )
    return [_text("Structure set report", _TITLE, bold=True), Spacer(0, 3 * mm), table]


def _state_counts(regions: Sequence[RegionResult]) -> str:
    """Return how many regions there are and how they ended, such as ``10: 9 done, 1 failed``."""
    states = [region.state for region in regions]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return f"{len(regions)}: {counts}" if regions else "0"


def _overview(folder: Path, results: Results) -> list[Flowable]:
    if results.overview_path is None:
        return []
    picture = _picture(folder / results.overview_path, _OVERVIEW_PX, _WIDTH, _OVERVIEW_HIGHEST)
    return [Spacer(0, 4 * mm), picture]


def _picture(path: Path, long_side_px: int, width: float, height: float) -> Image:
    """Return a picture no larger than a box, as JPEG: a page of PNGs would take seconds and megabytes."""
    with PillowImage.open(path) as opened:
        shown = opened.convert("RGB")
    shown.thumbnail((long_side_px, long_side_px))
    stream = io.BytesIO()
    shown.save(stream, "JPEG", quality=88, subsampling=0)
    zoom = min(width / shown.width, height / shown.height)
    return Image(stream, shown.width * zoom, shown.height * zoom)


def _regions(results: Results) -> list[Flowable]:
    """Return the table of regions and what its columns mean."""
    unit = next((region.statistics.unit for region in results.regions if region.statistics), "")
    titles = ("", "No.", "Name", "Volume\ncc", "Surface\ncm²", "Slices", "Contours", f"Mean ± SD\n{unit}", "State")
    rows = [[_label(title) for title in titles], *(_row(region, unit) for region in results.regions)]
    swatches = [
        ("BACKGROUND", (0, place), (0, place), _swatch(region)) for place, region in enumerate(results.regions, 1)
    ]
    widths = [4, 11, 57, 20, 18, 13, 16, 27]
    table = Table(
        rows,
        colWidths=[*(width * mm for width in widths), _WIDTH - sum(widths) * mm],
        repeatRows=1,
        style=[*_RULED, *swatches],
    )
    notes = KeepTogether([Spacer(0, 3 * mm), *(_label(note, _NOTE) for note in _METHODS)])
    if not results.regions:
        return [_heading("Regions"), _text("The structure set holds no regions.")]
    return [CondPageBreak(40 * mm), _heading("Regions"), table, notes]


_RULED: list[tuple[object, ...]] = [
    ("LINEBELOW", (0, 0), (-1, 0), 0.8, _ACCENT),
    ("LINEBELOW", (0, 1), (-1, -1), 0.4, _RULE),
    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
    ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
]


def _heading(text: str) -> Paragraph:
    return _text(text, _HEADING, bold=True)
