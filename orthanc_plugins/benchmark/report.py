"""The report of a run: one page of HTML with its pictures in it, for a light and a dark screen. No script."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from orthanc_plugins.benchmark import telling
from orthanc_plugins.benchmark.charts import Group, Line, Point, Strip, history_chart, strip_chart
from orthanc_plugins.benchmark.plan import Question
from orthanc_plugins.benchmark.samples import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jinja2 import Template

    from orthanc_plugins.benchmark.samples import Sample

TIMED = (Question.UPLOAD, Question.QUERY, Question.RETRIEVE, Question.USERS_10, Question.USERS_50)
"""The questions whose answers are times, in the order they are shown."""

_ARCHIVES = ("orthanc", "dcm4chee")
_IN_SECONDS_FROM_MS = 2000.0
_MINUTE_S = 60
_PERCENTILES = ("p50_ms", "p95_ms", "p99_ms")


def report_html(
    content: Mapping[str, Any], samples: Iterable[Sample], runs: Sequence[Mapping[str, Any]]
) -> bytes:
    """Return the report.

    Parameters
    ----------
    content
        What ``results.json`` holds.
    samples
        All of them; those of rounds that do not count are not shown.
    runs
        The results of comparable runs, oldest first, with this one.
    """
    called = telling.names(content)
    shown = _template().render(
        content=content,
        called=called,
        telling=telling,
        main=[row for row in content["rows"] if row["condition"] in telling.MAIN_CONDITIONS],
        cautions=telling.cautions(content),
        pictures=_pictures(content, samples, called),
        memory_picture=_memory_picture(content, called),
        histories=_histories(content, runs, called),
        runs=len(runs),
        percentiles=_PERCENTILES,
        archives=_ARCHIVES,
        took=_took(content),
    )
    return shown.encode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("orthanc_plugins.benchmark", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")


def _pictures(
    content: Mapping[str, Any], samples: Iterable[Sample], called: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return title and picture of each kind of request, cold and warm together."""
    durations: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for sample in samples:
        if sample.counts and sample.outcome is Outcome.OK:
            durations[sample.row, sample.condition, sample.archive].append(1000 * sample.duration_s)
    found = []
    for question in TIMED:
        rows = [row for row in content["rows"] if row["question"] == question]
        for key in dict.fromkeys(row["row"] for row in rows):
            same = [row for row in rows if row["row"] == key]
            picture = _picture(same, durations, called)
            if picture:
                found.append((f"{same[0]['title']} ({same[0]['protocol']})", picture))
    return found


def _picture(
    rows: Sequence[Mapping[str, Any]],
    durations: Mapping[tuple[str, str, str], list[float]],
    called: Mapping[str, str],
) -> str:
    all_ms = [
        one for row in rows for name in _ARCHIVES for one in durations[row["row"], row["condition"], name]
    ]
    in_seconds = max(all_ms, default=0.0) >= _IN_SECONDS_FROM_MS
    per_unit = 1000.0 if in_seconds else 1.0
    groups = []
    for row in rows:
        strips = [
            _strip(row, name, called[name], durations[row["row"], row["condition"], name], per_unit)
            for name in _ARCHIVES
        ]
        condition = "each opening" if row["condition"] == "session" else row["condition"]
        groups.append(Group(condition, strips))
    return strip_chart(f"All samples of {rows[0]['title']}", "s" if in_seconds else "ms", groups)


def _strip(
    row: Mapping[str, Any], name: str, label: str, durations: Sequence[float], per_unit: float
) -> Strip:
    median = row[name]["p50_ms"] or {"value": None, "low": None, "high": None}
    scaled = {part: None if number is None else number / per_unit for part, number in median.items()}
    values = [one / per_unit for one in durations]
    shown = telling.duration(median["value"])
    return Strip(name, label, values, shown, scaled["value"], scaled["low"], scaled["high"])


def _memory_picture(content: Mapping[str, Any], called: Mapping[str, str]) -> str:
    strips = []
    for name in _ARCHIVES:
        memory = content["archives"][name]["memory"]
        if memory is not None and memory["rounds"]:
            values = [count / 1e6 for count in memory["rounds"]]
            peak = telling.megabytes(max(memory["rounds"]))
            strips.append(Strip(name, called[name], values, peak, max(values)))
    return (
        strip_chart("Most memory in each round", "MB", [Group("most in each round", strips)])
        if strips
        else ""
    )


def _histories(
    content: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], called: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return title and picture of each main row's medians from run to run."""
    found = []
    for row in content["rows"]:
        if row["condition"] in telling.MAIN_CONDITIONS:
            picture = _history(row, runs, called)
            if picture:
                found.append((telling.row_title(row), picture))
    return found


def _history(row: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], called: Mapping[str, str]) -> str:
    found = {
        name: [
            (run["started"], same[name]["p50_ms"])
            for run in runs
            for same in run["rows"]
            if (same["row"], same["condition"]) == (row["row"], row["condition"]) and same[name]["p50_ms"]
        ]
        for name in _ARCHIVES
    }
    highest = max((median["value"] for points in found.values() for _, median in points), default=0.0)
    unit, per_unit = ("s", 1000.0) if highest >= _IN_SECONDS_FROM_MS else ("ms", 1.0)
    lines = [
        Line(name, called[name], [_point(run, median, per_unit) for run, median in points])
        for name, points in found.items()
    ]
    return history_chart(f"Medians of {row['title']} from run to run", unit, lines)


def _point(run: str, median: Mapping[str, float | None], per_unit: float) -> Point:
    value, low, high = (
        None if median[part] is None else (median[part] or 0.0) / per_unit
        for part in ("value", "low", "high")
    )
    return Point(run, value or 0.0, low, high)


def _took(content: Mapping[str, Any]) -> str:
    """Return how long the run took, in words: in minutes, a short one in seconds."""
    took = datetime.fromisoformat(content["ended"]) - datetime.fromisoformat(content["started"])
    seconds = took.total_seconds()
    if seconds < _MINUTE_S:
        return telling.counted(round(seconds), "second")
    return telling.counted(round(seconds / _MINUTE_S), "minute")
