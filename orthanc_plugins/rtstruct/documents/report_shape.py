"""The report's table of shapes: extents, diameters, axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportlab.lib.colors import white
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Table

from orthanc_plugins.rtstruct.documents import report_page as page
from orthanc_plugins.rtstruct.documents.report_page import heading, line, shown, together
from orthanc_plugins.rtstruct.documents.report_table import (
    NONE,
    RULED,
    SWATCH_WIDTH,
    TIMES,
    column_title,
    swatch,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reportlab.platypus import Paragraph

    from orthanc_plugins.rtstruct.results import RegionResult, Shape

_TITLES = (
    "", "No.", "Name", "Extent in x, y, z [mm]", "Longest in 3D [mm]", "In a slice [mm]",
    "Principal axes [mm]", "Sphericity",
)  # fmt: skip
_NAME_WIDTH = 39 * mm
_WIDTHS = (SWATCH_WIDTH, 11 * mm, _NAME_WIDTH, 35 * mm, 15 * mm, 24 * mm, 35 * mm, 15 * mm)
SHAPE_METHODS = (
    "Extent: of the sections, each as thick as its slice. Principal axes: of the same, 4 √ variance (IBSI).",
    "Longest in 3D, sphericity: of the surface mesh. Shell, bar and disc are less than 1, a ball is 1.",
    "In a slice: the longest diameter of an outline, and the longest chord perpendicular to it.",
)


def shape_table(regions: Sequence[RegionResult]) -> list[Flowable]:
    """Return the table of those regions that have a shape, nothing where none has."""
    formed = [(region, region.shape) for region in regions if region.shape is not None]
    if not formed:
        return []
    swatches = [
        ("BACKGROUND", (0, place), (0, place), swatch(region)) for place, (region, _) in enumerate(formed, 1)
    ]
    table = Table(
        [[column_title(title) for title in _TITLES], *(_row(region, shape) for region, shape in formed)],
        colWidths=_WIDTHS,
        repeatRows=1,
        style=[*RULED, ("LINEBELOW", (0, 1), (0, -1), 2, white), *swatches],
    )
    return together([heading("Shape"), table])


def _row(region: RegionResult, shape: Shape) -> list[Paragraph | str]:
    across = shape.diameter_in_slice
    numbers = (
        _lengths(shape.extent_lps_mm),
        NONE if shape.diameter_3d is None else _lengths([shape.diameter_3d.length_mm]),
        _lengths((across.length_mm, across.short_axis_mm)),
        _lengths((shape.major_axis_mm, shape.minor_axis_mm, shape.least_axis_mm)),
        NONE if shape.sphericity is None else f"{shape.sphericity:.2f}",
    )
    name = line(region.name or NONE, _NAME_WIDTH - 6)
    return [
        "",
        shown(str(region.number), page.NUMBER),
        name,
        *(shown(number, page.NUMBER) for number in numbers),
    ]


def _lengths(values_mm: Iterable[float]) -> str:
    """Return lengths as they are printed.

    >>> _lengths((97.699,)), _lengths((8.04, 3.96)).split()[::2]
    ('97.7', ['8.0', '4.0'])
    """
    return TIMES.join(f"{value:.1f}" for value in values_mm)
