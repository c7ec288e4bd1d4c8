"""The picture of the figures: ``python draw.py figures.json rtstruct.svg``, with matplotlib."""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

_OURS = "ours"
_COLOURS = {_OURS: "#0b6e4f"}
_OTHER = "#9aa5b1"
_INK = "#24292f"
_LEAST_SHOWN = 1e-4


def main(source: str, target: str) -> None:
    """Draw seconds of the timed cases, and errors of the masks by case."""
    figures = json.loads(Path(source).read_text(encoding="utf-8"))
    mpl.rcParams.update({"svg.hashsalt": "rtstruct", "font.family": "sans-serif", "font.size": 9})
    timed = [case for case in figures.get("speed", {}) if figures["speed"][case]]
    judged = figures.get("errors", {})
    tall = [1.0] * bool(timed) + [1.5] * bool(judged)
    if not tall:
        return
    whole = plt.figure(figsize=(10, 3.6 * sum(tall)), layout="constrained", facecolor="white")
    bands = iter(whole.subfigures(len(tall), 1, height_ratios=tall, squeeze=False)[:, 0])
    if timed:
        axes = next(bands).subplots(1, len(timed), squeeze=False)[0]
        for place, case in zip(axes, timed, strict=True):
            _seconds(place, case, figures)
    if judged:
        _dice(next(bands).subplots(), judged)
    whole.savefig(target, metadata={"Date": None})


def _seconds(axes: plt.Axes, case: str, figures: dict[str, Any]) -> None:
    """Bars of the least seconds, on a logarithmic scale."""
    best = {
        name: min(run["seconds"] for run in runs) for name, runs in figures["speed"][case].items() if runs
    }
    names = sorted(best, key=best.__getitem__, reverse=True)
    colours = [_COLOURS[_OURS] if name.startswith(_OURS) else _OTHER for name in names]
    bars = axes.barh(names, [best[name] for name in names], color=colours)
    axes.bar_label(bars, [f"{best[name]:.3g} s" for name in names], padding=3, color=_INK)
    axes.set_xscale("log")
    axes.margins(x=0.25)
    size = figures["cases"][case]
    axes.set_title(
        f"{case}: {size['slices']} slices of {size['rows']}², {size['regions']} regions", color=_INK
    )
    axes.set_xlabel("seconds, least of all runs")
    axes.spines[["top", "right"]].set_visible(False)


def _dice(axes: plt.Axes, judged: dict[str, Any]) -> None:
    """What is missing from a Dice of 1, median and worst of the regions, by case and program."""
    names = list(dict.fromkeys(name for case in judged.values() for name in case if "regions" in case[name]))
    cases = list(judged)
    for place, name in enumerate(names):
        rows = [_missing(judged[case].get(name)) for case in cases]
        height = [index + (place - (len(names) - 1) / 2) * 0.11 for index in range(len(cases))]
        colour = _COLOURS.get(name, plt.get_cmap("tab10")((place + 2) % 10))
        axes.hlines(height, [row[0] for row in rows], [row[1] for row in rows], color=colour, alpha=0.5)
        size = 36 if name == _OURS else 14
        axes.scatter([row[1] for row in rows], height, color=colour, s=size, label=name, zorder=3)
    axes.set_yticks(range(len(cases)), cases)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(_LEAST_SHOWN, 1.3)
    axes.set_xlabel(
        "1 - Dice: line from the median to the worst region of at least 1 cm³ (dot); left is better"
    )
    axes.grid(axis="x", color="#e5e8eb")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=len(names), frameon=False, fontsize=8)


def _missing(found: dict[str, Any] | None) -> tuple[float, float]:
    """Return what is missing from 1 of the median and of the worst Dice."""
    dice = [row["dice"] for row in (found or {}).get("regions", ()) if row["true_ml"] >= 1]
    if not dice:
        return float("nan"), float("nan")
    return max(1 - statistics.median(dice), _LEAST_SHOWN), max(1 - min(dice), _LEAST_SHOWN)


if __name__ == "__main__":
    main(*sys.argv[1:])
