"""The report's page of dose: the curves of all regions, and what each receives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from orthanc_plugins.rtstruct.documents import report_page as page
from orthanc_plugins.rtstruct.documents.report_page import faint, heading, line, picture, shown, together
from orthanc_plugins.rtstruct.documents.report_table import NONE, RULED, column_title

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.rtstruct.dose import RegionDose
    from orthanc_plugins.rtstruct.results import RegionResult, Results

_CURVES_PX, _CURVES_HIGHEST = 1400, 110 * mm
_NUMBER_WIDTH, _NAME_WIDTH = 11 * mm, 38 * mm
_WIDE = 99.99
_MOST_METRICS = 9
"""Columns that a page has room for; results.json has them all."""


def dose_part(folder: Path, results: Results) -> list[Flowable]:
    """Return the curves and the table of the first dose, the whole plan's where there is one; none without.

    Raises
    ------
    OSError
        The picture that the results name cannot be read.
    """
    if not results.doses:
        return []
    dose = results.doses[0]
    received = [
        (region, one)
        for region in results.regions
        for one in region.dose
        if one.dose_uid == dose.sop_instance_uid
    ]
    if not received:
        return []
    others = f"; {len(results.doses) - 1} more in results.json" if len(results.doses) > 1 else ""
    what = f"{dose.summation_type or NONE}, {dose.dose_type or NONE}"
    unit = "of a value that the file does not state" if dose.unit == "relative" else dose.unit
    note = (
        f"RT Dose {dose.sop_instance_uid}: {what}, highest value {dose.maximum:.2f} {unit}{others}. "
        "Cells of each region are weighted by the share that it covers; dose is linear between the values of "
        "its grid. Beyond the grid nothing is known: all values are of the part inside, whose share is told."
    )
    parts: list[Flowable] = [heading("Dose"), faint(note), Spacer(0, 2 * mm)]
    if results.dvh_picture_path is not None:
        curves = picture(folder / results.dvh_picture_path, _CURVES_PX, page.WIDTH, _CURVES_HIGHEST)
        parts = [*together([*parts, curves]), Spacer(0, 3 * mm)]
    return [*parts, _table(received)]


def _table(received: list[tuple[RegionResult, RegionDose]]) -> Table:
    first = received[0][1]
    metrics = first.metrics[:_MOST_METRICS]
    titles = ["No.", "Name", "Inside [%]", *(_titled(name, first.unit) for name in ("Min", "Mean", "Max"))]
    titles += [_titled(metric.name, metric.unit) for metric in metrics]
    rows = [[column_title(title) for title in titles]]
    rows.extend(_row(region, dose) for region, dose in received)
    rest = (page.WIDTH - _NUMBER_WIDTH - _NAME_WIDTH) / (len(titles) - 2)
    return Table(
        rows, colWidths=[_NUMBER_WIDTH, _NAME_WIDTH, *[rest] * (len(titles) - 2)], repeatRows=1, style=RULED
    )


def _titled(name: str, unit: str) -> str:
    """Return a column's title in words that a column has room for; that a dose is relative is told above.

    >>> _titled("D95%", "Gy"), _titled("V20Gy[cc]", "cc"), _titled("Mean", "relative")
    ('D95% [Gy]', 'V20Gy [cc]', 'Mean')
    """
    return name if unit == "relative" else f"{name.removesuffix('[cc]')} [{unit}]"


def _row(region: RegionResult, dose: RegionDose) -> list[Paragraph]:
    numbers = (dose.min, dose.mean, dose.max, *(metric.value for metric in dose.metrics[:_MOST_METRICS]))
    inside = f"{100 * dose.volume_in_dose_cc / dose.volume_cc:.0f}"
    return [
        shown(str(region.number), page.NUMBER),
        line(region.name or NONE, _NAME_WIDTH - 6),
        shown(inside, page.NUMBER),
        *(shown(_number(number), page.NUMBER) for number in numbers),
    ]


def _number(value: float | None) -> str:
    """Return a dose or share with as many decimals as a column has room for.

    >>> _number(8.6726), _number(99.996)
    ('8.67', '100.0')
    """
    return NONE if value is None else f"{value:.{1 if value > _WIDE else 2}f}"
