"""Histograms as files: ``dose/NNN_name.json`` for programs, ``dose/dvh.png`` for people.

A region's file holds at the top ``schema`` (name and version), ``software``, ``region`` (number and name) and
``doses``: for each the UID, ``unit``, ``bin_width``, the volumes as in ``results.json``, and two lists.
``differential_cc[b]`` is the volume whose dose lies from b to b + 1 times the width; ``cumulative_cc[b]`` is
what receives at least b times the width.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import orjson
from PIL import Image, ImageDraw

from orthanc_plugins import __version__
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.drawing.lettering import Lettering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.rtstruct.dose.histogram import Histogram
    from orthanc_plugins.rtstruct.dose.records import DoseSummary, RegionDose
    from orthanc_plugins.rtstruct.drawing.pictures import Colour

SCHEMA = "orthanc-pacs-suite/rtstruct-dvh"
SCHEMA_VERSION = 1

_FINE_BINS = 5
"""Bins of the dose grid that make one of the file: 0.05 Gy as a rule."""
_DIGITS = 6
_SIZE_PX = (1000, 620)
_PLOT_PX = (70, 46, 720, 560)
"""Left, top, right and bottom of the plot; above it is the title, right of it the legend."""
_ZOOM = 2
"""Lines are drawn this much larger and then reduced, which smooths them."""
_BACK, _GRID, _AXIS = (18, 22, 27), (52, 59, 68), (150, 158, 168)
_LEGEND_ROW_PX, _LEGEND_LEFT_PX, _SWATCH_PX = 20, 736, 18
_STEPS = (1.0, 2.0, 5.0)
_MARKS = Lettering(13)
_TITLE = Lettering(15, _SIZE_PX[0] - _PLOT_PX[0] - 16)
_UID_END = 12
_NAMES = Lettering(13, _SIZE_PX[0] - _LEGEND_LEFT_PX - _SWATCH_PX - 16)


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Brief):
    """A region's histogram to draw, in its colour, with its caption."""

    histogram: Histogram
    colour: Colour
    caption: str


def histogram_file(number: int, name: str, found: Sequence[tuple[RegionDose, Histogram | None]]) -> bytes:
    """Return a region's histograms as JSON; the same histograms give the same bytes."""
    content = {
        "schema": {"name": SCHEMA, "version": SCHEMA_VERSION},
        "software": {"name": "orthanc-pacs-suite", "version": __version__},
        "region": {"number": number, "name": name},
        "doses": [
            {
                "dose_uid": dose.dose_uid,
                "unit": dose.unit,
                "volume_cc": dose.volume_cc,
                "volume_in_dose_cc": dose.volume_in_dose_cc,
                **_bins(histogram),
            }
            for dose, histogram in found
        ],
    }
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def _bins(histogram: Histogram | None) -> dict[str, float | list[float] | None]:
    if histogram is None:
        return {"bin_width": None, "differential_cc": [], "cumulative_cc": []}
    stride = _FINE_BINS * histogram.split
    used = math.floor(histogram.maximum / histogram.bin_width) + 1
    fine = histogram.volumes_ml[: max(used, int(np.flatnonzero(histogram.volumes_ml)[-1]) + 1)]
    volumes = np.add.reduceat(fine, np.arange(0, len(fine), stride))
    cumulative = np.append(np.cumsum(volumes[::-1])[::-1], 0.0)
    return {
        "bin_width": round(histogram.bin_width * stride, 12),
        "differential_cc": np.round(volumes, _DIGITS).tolist(),
        "cumulative_cc": np.round(cumulative, _DIGITS).tolist(),
    }


def curves_title(doses: Sequence[DoseSummary]) -> str:
    """Return which dose curves are of, by its kind and the end of its UID: the first of those there are."""
    dose, count = doses[0], len(doses)
    kinds = ", ".join(kind for kind in (dose.summation_type, dose.dose_type) if kind) or "of no stated kind"
    uid = dose.sop_instance_uid
    end = uid if len(uid) <= _UID_END else f"…{uid[-_UID_END:]}"
    return f"Dose {kinds}, UID {end}" + (f", 1 of {count} doses" if count > 1 else "")


def curves_picture(curves: Sequence[Curve], unit: str, title: str = "") -> bytes:
    """Return a PNG of cumulative curves: share of the volume over dose, a title and a legend."""
    highest = max((curve.histogram.maximum for curve in curves), default=0.0) or 1.0
    width, height = _SIZE_PX
    height = max(height, 2 * _PLOT_PX[1] + _LEGEND_ROW_PX * len(curves))
    large = Image.new("RGB", (width * _ZOOM, height * _ZOOM), _BACK)
    draw = ImageDraw.Draw(large)
    doses, shares = _ticks(highest), np.arange(0.0, 101.0, 20.0).tolist()
    for dose in doses:
        draw.line(_enlarged([_point(dose, 0, highest), _point(dose, 100, highest)]), _GRID, _ZOOM)
    for share in shares:
        draw.line(_enlarged([_point(0, share, highest), _point(highest, share, highest)]), _GRID, _ZOOM)
    for curve in curves:
        draw.line(_enlarged(_line(curve.histogram, highest)), curve.colour, 2 * _ZOOM, joint="curve")
    axes = [_point(0, 100, highest), _point(0, 0, highest), _point(highest, 0, highest)]
    draw.line(_enlarged(axes), _AXIS, _ZOOM)
    picture = large.reduce(_ZOOM)
    _letter(picture, doses, shares, highest, unit)
    _TITLE.write(ImageDraw.Draw(picture), (_PLOT_PX[0], _PLOT_PX[1] / 2), title)
    _legend(picture, curves)
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _ticks(highest: float) -> list[float]:
    """Return round doses, five to twelve of them.

    >>> _ticks(66.4)
    [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    """
    decade = 10.0 ** math.floor(math.log10(highest / 5))
    step = max((one * decade for one in _STEPS if one * decade <= highest / 5), default=decade)
    return [round(step * place, 10) for place in range(int(highest / step + 1e-9) + 1)]


def _point(dose: float, share: float, highest: float) -> tuple[float, float]:
    """Return where a dose and a share in per cent lie on the picture, in pixels."""
    left, top, right, bottom = _PLOT_PX
    return (left + dose / highest * (right - left), bottom - share / 100 * (bottom - top))


def _enlarged(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x * _ZOOM, y * _ZOOM) for x, y in points]


def _line(histogram: Histogram, highest: float) -> list[tuple[float, float]]:
    """Return a curve with no more points than the plot has pixels."""
    cumulative = 100 * histogram.cumulative_ml / histogram.volume_ml
    last = min(len(cumulative) - 1, math.ceil(histogram.maximum / histogram.bin_width))
    stride = max(1, last // ((_PLOT_PX[2] - _PLOT_PX[0]) * _ZOOM))
    edges = [*range(0, last, stride), last]
    doses = [min(edge * histogram.bin_width, highest) for edge in edges]
    return [_point(dose, float(cumulative[edge]), highest) for dose, edge in zip(doses, edges, strict=True)]


def _letter(
    picture: Image.Image, doses: Sequence[float], shares: Sequence[float], highest: float, unit: str
) -> None:
    """Write the numbers along the axes and what they are."""
    draw = ImageDraw.Draw(picture)
    for dose in doses:
        x, y = _point(dose, 0, highest)
        _MARKS.write(draw, (x, y + 6), f"{dose:g}", "ma")
    for share in shares:
        x, y = _point(0, share, highest)
        _MARKS.write(draw, (x - 8, y), f"{share:g}", "rm")
    left, top, right, bottom = _PLOT_PX
    _MARKS.write(draw, ((left + right) / 2, bottom + 26), f"dose received at least [{unit}]", "ma")
    upright = Image.new("RGB", (bottom - top, 20), _BACK)
    _MARKS.write(ImageDraw.Draw(upright), (upright.width / 2, upright.height / 2), "volume [%]", "mm")
    picture.paste(upright.transpose(Image.Transpose.ROTATE_90), (10, top))


def _legend(picture: Image.Image, curves: Sequence[Curve]) -> None:
    draw = ImageDraw.Draw(picture)
    for place, curve in enumerate(curves):
        middle = _PLOT_PX[1] + (place + 0.5) * _LEGEND_ROW_PX
        draw.line((_LEGEND_LEFT_PX, middle, _LEGEND_LEFT_PX + _SWATCH_PX, middle), fill=curve.colour, width=3)
        _NAMES.write(draw, (_LEGEND_LEFT_PX + _SWATCH_PX + 8, middle), curve.caption)
