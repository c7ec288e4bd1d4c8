"""What the tables of the report share: their rules, titles, swatches and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportlab.lib.colors import Color
from reportlab.lib.units import mm

from orthanc_plugins.pages import ACCENT, RULE
from orthanc_plugins.rtstruct.documents import report_page as page
from orthanc_plugins.rtstruct.documents.report_page import faint
from orthanc_plugins.rtstruct.drawing.pictures import region_colour

if TYPE_CHECKING:
    from reportlab.platypus import Paragraph

    from orthanc_plugins.rtstruct.results import RegionResult

NONE = "\N{EN DASH}"
SWATCH_WIDTH = 4 * mm
TIMES = " \N{MULTIPLICATION SIGN} "
PADDED: list[tuple[object, ...]] = [
    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ("TOPPADDING", (0, 0), (-1, -1), 1.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
]
RULED: list[tuple[object, ...]] = [
    *PADDED,
    ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
    ("LINEBELOW", (0, 0), (-1, 0), 0.8, ACCENT),
    ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
]


def column_title(title: str) -> Paragraph:
    """Return the title of a column, above words to the left and above numbers to the right."""
    return faint(title, page.NOTE if title in {"", "Name", "State"} else page.NUMBER_TITLE)


def swatch(region: RegionResult) -> Color:
    """Return the colour that a region has in the pictures."""
    return Color(*(part / 255 for part in region_colour(region.colour, region.number)))


def decimals(value: float) -> int:
    """Return how many decimals of a number of this size mean something: about four figures."""
    return 3 if value < 1 else 2 if value < 100 else 1  # noqa: PLR2004 - where figures stop to mean much


def figure(value: float | None) -> str:
    """Return a measure as it is printed, a dash for none.

    >>> figure(0.01234), figure(38.8913), figure(12988.52)
    ('0.012', '38.89', '12988.5')
    """
    return NONE if value is None else f"{value:.{decimals(value)}f}"
