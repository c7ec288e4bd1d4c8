"""Pictures of a run as SVG: every sample a dot, medians with their intervals, and medians from run to run.

Nothing is drawn but lines, dots and text; colours come from the page's style sheet (classes ``orthanc`` and
``dcm4chee``), so that they fit a light and a dark page. No script.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH = 860
_LEFT, _RIGHT = 180, 150
_STRIP, _GAP, _TITLE, _AXIS = 30, 12, 22, 34
_SPREAD = 9.0
"""Dots lie so far above and below the middle of their strip, in pixels."""
_GOLDEN = 0.6180339887
_LOG_FROM = 25.0
"""Values further apart than by this factor are shown on a logarithmic axis."""
_HISTORY_HEIGHT, _HISTORY_TOP, _HISTORY_BOTTOM = 190, 26, 36
_LABEL_HEIGHT = 16
_TICKS = 5
_MOST_DATES = 6


@dataclass(frozen=True)
class Strip:
    """The samples of one archive: a line of dots.

    Parameters
    ----------
    series
        ``orthanc`` or ``dcm4chee``: which colour.
    label
        What stands at the left.
    values
        In the chart's unit.
    shown
        What stands at the right: the median for people.
    median, low, high
        Of the values, with its interval, None where there is none.
    """

    series: str
    label: str
    values: Sequence[float]
    shown: str
    median: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Group:
    """Strips to be compared with each other, under a title."""

    title: str
    strips: Sequence[Strip]


@dataclass(frozen=True)
class Point:
    """A median of one run, with its interval, None where there is none."""

    run: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Line:
    """The medians of one archive, which may be of fewer runs than there are."""

    series: str
    label: str
    points: Sequence[Point]


@dataclass(frozen=True)
class _Scale:
    """Turns a value into a place from left to right."""

    lowest: float
    highest: float
    is_log: bool

    def place(self, value: float) -> float:
        width = WIDTH - _LEFT - _RIGHT
        if self.is_log:
            share = math.log(max(value, self.lowest) / self.lowest) / math.log(self.highest / self.lowest)
        else:
            share = value / self.highest
        return round(_LEFT + width * min(1.0, share), 1)

    def ticks(self) -> list[float]:
        return _decades(self.lowest, self.highest) if self.is_log else _round_steps(self.highest)


def strip_chart(description: str, unit: str, groups: Sequence[Group]) -> str:
    """Return a picture of groups of strips on one axis, which begins at zero unless it is logarithmic.

    Parameters
    ----------
    description
        What is shown, for those who cannot see it.
    unit
        Of the values.
    """
    values = [value for group in groups for strip in group.strips for value in strip.values]
    if not values:
        return ""
    scale = _scale(values)
    pieces: list[str] = []
    top = 0.0
    for group in groups:
        top += _TITLE
        pieces.append(_text(0, top - 6, group.title, "group"))
        for strip in group.strips:
            pieces += _strip(strip, scale, top + _STRIP / 2)
            top += _STRIP
        top += _GAP
    grid = _grid(scale, top, unit)
    return _svg(description, WIDTH, top + _AXIS, [*grid, *pieces])


def history_chart(description: str, unit: str, lines: Sequence[Line]) -> str:
    """Return a picture of medians from run to run, the newest at the right; empty for fewer than two runs."""
    series = {line.series: line.points for line in lines}
    runs = sorted({point.run for points in series.values() for point in points})
    if len(runs) < 2:  # noqa: PLR2004 - a line needs two
        return ""
    highest = _nice_above(max(point.high or point.value for points in series.values() for point in points))
    bottom = _HISTORY_HEIGHT - _HISTORY_BOTTOM

    def down(value: float) -> float:
        return round(bottom - (bottom - _HISTORY_TOP) * value / highest, 1)

    step = (WIDTH - _LEFT - _RIGHT) / (len(runs) - 1)
    across = {run: round(_LEFT + place * step, 1) for place, run in enumerate(runs)}
    pieces = [
        piece
        for tick in _round_steps(highest)
        for piece in (
            f'<path class="grid" d="M{_LEFT} {down(tick)}H{WIDTH - _RIGHT}"/>',
            _text(_LEFT - 8, down(tick) + 4, f"{_number(tick)} {unit}", "tick end"),
        )
    ]
    every = max(1, math.ceil(len(runs) / _MOST_DATES))
    pieces += [
        _text(across[run], bottom + 20, run[:16].replace("T", " "), "tick middle")
        for place, run in enumerate(runs)
        if place % every == 0
    ]
    for line in lines:
        pieces += _line(line, across, down)
    pieces += _labels(lines, across, down)
    return _svg(description, WIDTH, _HISTORY_HEIGHT, pieces)


def _strip(strip: Strip, scale: _Scale, middle: float) -> list[str]:
    """Return a strip: label, dots, interval, median, and the median as a number at the right."""
    pieces = [_text(_LEFT - 14, middle + 4, strip.label, f"label end {strip.series}")]
    if not strip.values:
        return [*pieces, _text(_LEFT + 4, middle + 4, "nothing was answered rightly", "tick")]
    dots = "".join(
        f"M{scale.place(value)} {round(middle + _SPREAD * (2 * (place * _GOLDEN % 1) - 1), 1)}h0"
        for place, value in enumerate(strip.values)
    )
    pieces.append(f'<path class="dots {strip.series}" d="{dots}"/>')
    if strip.median is None:
        return pieces
    if strip.low is not None and strip.high is not None:
        pieces.append(
            f'<path class="interval {strip.series}" d="M{scale.place(strip.low)} {middle}'
            f'H{scale.place(strip.high)}"/>'
        )
    place = scale.place(strip.median)
    pieces.append(f'<path class="median {strip.series}" d="M{place} {middle - 12}V{middle + 12}"/>')
    pieces.append(_text(WIDTH - _RIGHT + 24, middle + 4, strip.shown, "number"))
    return pieces


def _grid(scale: _Scale, bottom: float, unit: str) -> list[str]:
    pieces = []
    for tick in scale.ticks():
        place = scale.place(tick)
        pieces.append(f'<path class="grid" d="M{place} {_TITLE - 4}V{bottom}"/>')
        pieces.append(_text(place, bottom + 18, f"{_number(tick)} {unit}", "tick middle"))
    if scale.is_log:
        pieces.append(_text(0, bottom + 18, "logarithmic axis", "tick"))
    return pieces


def _line(line: Line, across: dict[str, float], down: Callable[[float], float]) -> list[str]:
    """Return the medians of one archive as a line, with whiskers."""
    name, ordered = line.series, _in_order(line)
    if not ordered:
        return []
    path = "L".join(f"{across[point.run]} {down(point.value)}" for point in ordered)
    pieces = [f'<path class="line {name}" d="M{path}"/>']
    for point in ordered:
        place = across[point.run]
        if point.low is not None and point.high is not None:
            pieces.append(f'<path class="whisker {name}" d="M{place} {down(point.low)}V{down(point.high)}"/>')
        pieces.append(f'<circle class="point {name}" cx="{place}" cy="{down(point.value)}" r="4"/>')
    return pieces


def _labels(lines: Sequence[Line], across: dict[str, float], down: Callable[[float], float]) -> list[str]:
    """Return the names of lines at their ends, one below the other where they would meet."""
    ends = [(down(_in_order(line)[-1].value), line) for line in lines if line.points]
    pieces, lowest = [], float("-inf")
    for place, line in sorted(ends, key=lambda end: end[0]):
        lowest = max(place, lowest + _LABEL_HEIGHT)
        end = across[_in_order(line)[-1].run]
        pieces.append(_text(end + 10, lowest + 4, line.label, f"label {line.series}"))
    return pieces


def _in_order(line: Line) -> list[Point]:
    return sorted(line.points, key=lambda point: point.run)


def _scale(values: Sequence[float]) -> _Scale:
    smallest, largest = min(values), max(values)
    if smallest > 0 and largest / smallest > _LOG_FROM:
        lowest = 10 ** math.floor(math.log10(smallest))
        return _Scale(lowest, 10 ** math.ceil(math.log10(largest * 1.02)), is_log=True)
    return _Scale(0.0, _nice_above(largest), is_log=False)


def _nice_above(value: float) -> float:
    """Return a round number that is not below a value.

    >>> _nice_above(0.83), _nice_above(41), _nice_above(0)
    (1.0, 50.0, 1.0)
    """
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.9999)


def _round_steps(highest: float) -> list[float]:
    """Return ticks from zero on, some five of them, at round numbers."""
    rough = highest / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * 0.9999)
    return [place * step for place in range(math.floor(highest / step * 1.0001) + 1)]


def _decades(lowest: float, highest: float) -> list[float]:
    first, last = round(math.log10(lowest)), round(math.log10(highest))
    return [10.0**power for power in range(first, last + 1)]


def _number(value: float) -> str:
    """Return a number with three figures.

    >>> _number(1234.5), _number(0.01234), _number(5)
    ('1,234', '0.0123', '5')
    """
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(across: float, down: float, text: str, kind: str) -> str:
    return f'<text x="{across}" y="{down}" class="{kind}">{escape(text)}</text>'


def _svg(description: str, width: float, height: float, pieces: Sequence[str]) -> str:
    shown = escape(description)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{shown}">'
        f"<title>{shown}</title>{''.join(pieces)}</svg>"
    )
