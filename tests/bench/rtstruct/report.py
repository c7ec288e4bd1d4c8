"""The figures as Markdown tables, as they stand in the README."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from tests.bench.rtstruct.speed import WARM
from tests.bench.rtstruct.tools import OURS, TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

type Figures = Mapping[str, Any]
type Rows = Sequence[Mapping[str, Any]]

_LARGE_CM3 = 10.0
_MANY_SLICES = 15
_NONE = "\N{EN DASH}"


def tables(figures: Figures) -> str:
    """Return every table there are figures for, with the machine and the date."""
    parts = [
        _about(figures["about"]),
        *_speed(figures),
        *_errors(figures),
        *_measures(figures),
        *_survival(figures),
        *_conformance(figures),
    ]
    return "\n\n".join(parts) + "\n"


def _about(about: Mapping[str, Any]) -> str:
    of = about["of"]
    machine = of["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in of["versions"].items() if " --" not in name)
    return (
        f"{about['began'][:10]}, {machine['cores']} cores of {machine['processor']}, "
        f"{machine['memory_gb']:.0f} GB, Python {machine['python']}. {versions}."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _tools(found: Mapping[str, Any]) -> list[str]:
    return [tool.name for tool in TOOLS if tool.name in found]


def best_s(figures: Figures, case: str, name: str) -> float | None:
    """Return the least seconds of a program's runs on a case, None where none ended well."""
    runs = figures.get("speed", {}).get(case, {}).get(name, ())
    return min((run["seconds"] for run in runs if run["code"] == 0), default=None)


def _speed(figures: Figures) -> Iterator[str]:
    """Least seconds, the ratio to ours, and peak memory of each program on each timed case."""
    cases = [case for case in figures.get("cases", {}) if case in figures.get("first", {})]
    if not cases:
        return
    heads = [f"{case}: {_size(figures['cases'][case])}" for case in cases]
    rows = []
    for name in (OURS, *WARM, *(tool.name for tool in TOOLS[1:])):
        cells = [cell for case in cases for cell in _timed(figures, case, name)]
        if any(cell != _NONE for cell in cells):
            rows.append([name, *cells])
    head = ["", *(text for one in heads for text in (one, "times ours", "peak MB", "runs"))]
    yield _table(head, rows)


def _size(case: Mapping[str, Any]) -> str:
    return (
        f"{case['slices']} x {case['rows']} x {case['columns']}, {case['regions']} regions, "
        f"{case['points']:,} points in {case['contours']:,} contours"
    )


def _timed(figures: Figures, case: str, name: str) -> list[str]:
    first = figures["first"][case].get(name)
    runs = figures.get("speed", {}).get(case, {}).get(name, ())
    seconds, ours = best_s(figures, case, name), best_s(figures, case, OURS)
    if first is not None and first["code"] != 0:
        return ["time-out" if first["code"] is None else f"failed ({first['code']})", _NONE, _NONE, "0"]
    if seconds is None or ours is None:
        return [_NONE, _NONE, _NONE, _NONE]
    peak_mb = max(run["peak_mb"] for run in (*runs, *((first,) if first else ())))
    ratio = "1" if name == OURS else f"{seconds / ours:.3g}"
    return [f"{seconds:.2f} s", ratio, f"{peak_mb:.0f}", f"{len(runs)}"]


def of_size(rows: Rows, least_ml: float = 1.0) -> Rows:
    """Return the regions of at least that volume."""
    return [row for row in rows if row["true_ml"] >= least_ml]


def _errors(figures: Figures) -> Iterator[str]:
    """Median and least Dice and the worst volume error, over regions of at least 1 cm³."""
    found = figures.get("errors", {})
    if not found:
        return
    names = _tools({name: None for case in found.values() for name in case})
    yield "Median Dice, least Dice and worst volume error of regions of at least 1 cm³:"
    rows = [[case, *(_error_cell(by_tool.get(name)) for name in names)] for case, by_tool in found.items()]
    yield _table(["", *names], rows)


def _error_cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return _NONE
    if "volumes" in found:
        return f"{_worst(of_size(found['volumes'])):+.1%}"
    rows = of_size(found["regions"])
    if not any(row["dice"] for row in rows):
        return "nothing" if found["code"] == 0 else "refused or failed"
    dice = [row["dice"] for row in rows]
    return f"{statistics.median(dice):.4f} {min(dice):.4f} {_worst(rows):+.1%}"


def _worst(rows: Rows) -> float:
    worst: float = max((row["volume_error"] for row in rows), key=abs)
    return worst


def _measures(figures: Figures) -> Iterator[str]:
    """What the engine measures: the largest error of each kind, and how many meshes are closed."""
    found = {
        case: by_tool[OURS]["measures"]
        for case, by_tool in figures.get("errors", {}).items()
        if OURS in by_tool
    }
    if not found:
        return
    yield "The engine's measures, largest error (surface: median and largest, regions of at least 10 cm³):"
    head = (
        "",
        "planimetry, of the contours",
        f"planimetry, of the solid ({_MANY_SLICES} slices and more)",
        "mesh volume, of the contours",
        "mesh surface, of the solid",
        "closed",
    )
    yield _table(head, [[case, *_measured(rows)] for case, rows in found.items()])


def _measured(rows: Rows) -> list[str]:
    tall = [row for row in rows if row["slices"] >= _MANY_SLICES and row["analytic_ml"] is not None]
    large = [row for row in rows if row["contours_ml"] >= _LARGE_CM3 and row["true_surface_cm2"] is not None]
    return [
        _largest(rows, lambda row: _off(row, "planimetric_ml", "contours_ml")),
        _largest(tall, lambda row: _off(row, "planimetric_ml", "analytic_ml")),
        _largest(rows, lambda row: _off(row, "mesh_ml", "contours_ml")),
        _spread([_off(row, "surface_cm2", "true_surface_cm2") for row in large]),
        f"{sum(row['closed'] for row in rows)} of {len(rows)}",
    ]


def _off(row: Mapping[str, Any], said: str, true: str) -> float:
    return -1.0 if row[said] is None else float(row[said] / row[true] - 1)


def _largest(rows: Rows, error: Callable[[Mapping[str, Any]], float]) -> str:
    """Return the largest error and whose it is."""
    if not rows:
        return _NONE
    worst = max(rows, key=lambda row: abs(error(row)))
    return f"{error(worst):+.2%} {worst['region']}"


def _spread(errors: Sequence[float]) -> str:
    if not errors:
        return _NONE
    return f"{statistics.median(map(abs, errors)):.2%}, {max(errors, key=abs):+.2%}"


def _survival(figures: Figures) -> Iterator[str]:
    """How many of five regions come out right, and how the program ended."""
    found = figures.get("survival", {})
    if not found:
        return
    names = _tools({name: None for kind in found.values() for name in kind})
    yield "Five regions of which one, or the set, is spoilt: how many come out right."
    rows = [
        [kind.replace("_", " "), *(_survival_cell(by_tool.get(name)) for name in names)]
        for kind, by_tool in found.items()
    ]
    whole = [
        str(
            sum(kind.get(name, {}).get("right") == kind.get(name, {}).get("of", 0) for kind in found.values())
        )
        for name in names
    ]
    yield _table(["", *names], [*rows, [f"all right, of {len(found)} kinds", *whole]])


def _survival_cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return _NONE
    ended = "hangs" if found["code"] is None else "" if found["code"] == 0 else f"ends with {found['code']}"
    if found["wanted"] == "refusal" and found["right"]:
        return "refuses"
    outside = "**writes outside**" if found["outside"] else ""
    return ", ".join(part for part in (f"{found['right']}/{found['of']}", ended, outside) if part)


def _conformance(figures: Figures) -> Iterator[str]:
    """RTMaskConformanceTest: how many of its regions pass, and the least Dice."""
    found = figures.get("conformance", {})
    if not found:
        return
    yield "RTMaskConformanceTest (analytic, 200 slices of 512 x 512):"
    names = _tools(found)
    regions = [row["region"] for row in found[names[0]]["regions"]]
    rows = []
    for name in names:
        by_region = {row["region"]: row for row in found[name]["regions"]}
        passed = sum(row["status"] == "PASS" for row in by_region.values())
        dice = [f"{by_region[region]['dice'] or 0:.4f}" for region in regions]
        rows.append([name, f"{passed} of {len(regions)}", *dice])
    yield _table(["", "passed", *regions], rows)
