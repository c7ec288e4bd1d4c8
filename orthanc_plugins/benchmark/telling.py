"""What results say, in words and figures for people: for the report, the command line and the list of runs.

It takes what ``results.json`` holds, so that old results can be told as well as new ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MAIN_CONDITIONS = frozenset({"warm", "session"})
"""Of a question's rows, those that answer it first."""

_SECOND_MS = 1000.0


def names(content: Mapping[str, Any]) -> dict[str, str]:
    """Return what each archive is called: a stand-in always as one."""
    stand_in = content["archives"]["dcm4chee"]["stand_in"] is not None
    return {"orthanc": "Orthanc", "dcm4chee": "DCM4CHEE's stand-in" if stand_in else "DCM4CHEE"}


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return how many there are, in words that agree.

    >>> counted(1, "minute"), counted(1200, "study is", "studies are")
    ('1 minute', '1,200 studies are')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def what_the_ratio_is(called: Mapping[str, str]) -> str:
    """Return in a sentence or two what a performance_ratio is."""
    return (
        f"ratio: the median of {called['dcm4chee']} divided by that of {called['orthanc']}; above 1, "
        f"{called['orthanc']} is faster. It is withheld where the difference could be chance."
    )


def duration(milliseconds: float | None) -> str:
    """Return a duration with its unit.

    >>> duration(12.345), duration(1234.5), duration(None)
    ('12.3 ms', '1.23 s', '-')
    """
    if milliseconds is None:
        return "-"
    if milliseconds >= _SECOND_MS:
        return f"{_figures(milliseconds / 1000)} s"
    return f"{_figures(milliseconds)} ms"


def estimate(found: Mapping[str, float | None] | None) -> str:
    """Return a duration with its interval.

    >>> estimate({"value": 1500.0, "low": 1400.0, "high": 1700.0})
    '1.5 s (1.4 to 1.7)'
    """
    if found is None:
        return "-"
    value, low, high = found["value"], found["low"], found["high"]
    if value is None or low is None or high is None:
        return duration(value)
    scale = 1000 if value >= _SECOND_MS else 1
    return f"{duration(value)} ({_figures(low / scale)} to {_figures(high / scale)})"


def megabytes(count: int | None) -> str:
    """Return bytes as megabytes (10⁶).

    >>> megabytes(123_456_789)
    '123 MB'
    """
    return "-" if count is None else f"{_figures(count / 1e6)} MB"


def percent(share: float | None) -> str:
    """Return a percentage.

    >>> percent(99.5), percent(None)
    ('99.5 %', '-')
    """
    return "-" if share is None else f"{share:.4g} %"


def median_ms(row: Mapping[str, Any], name: str) -> float | None:
    """Return an archive's median of a row, None where it has none."""
    found = row[name]["p50_ms"]
    return None if found is None else float(found["value"])


def row_title(row: Mapping[str, Any]) -> str:
    """Return what a row is of, in a few words."""
    condition = "" if row["condition"] == "session" else f", {row['condition']}"
    return f"{row['title']} ({row['protocol']}{condition})"


def verdict(row: Mapping[str, Any], called: Mapping[str, str]) -> str:
    """Return in a sentence whether the archives differ in a row."""
    interval = row["ratio_interval"]
    if row["performance_ratio"] is None:
        between = ""
        if interval is not None and row["withheld"].startswith("not significant"):
            between = f"; it may be anything from {interval[0]:.2f} to {interval[1]:.2f}"
        return f"No ratio, {row['withheld']}{between}."
    ratio = row["performance_ratio"]
    faster = called["dcm4chee"] if ratio < 1 else called["orthanc"]
    times = max(ratio, 1 / ratio)
    return (
        f"{faster} is {times:.3g} times as fast: ratio {ratio:.3g} ({interval[0]:.2f} to {interval[1]:.2f})."
    )


def finding(row: Mapping[str, Any], called: Mapping[str, str]) -> str:
    """Return what a row found, in a sentence or two."""
    medians = ", ".join(f"{called[name]} {duration(median_ms(row, name))}" for name in called)
    return f"{medians}. {verdict(row, called)}"


def findings(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each row's medians and performance_ratio, for a list of runs."""
    return [
        {
            "row": row["row"],
            "condition": row["condition"],
            "question": row["question"],
            "title": row_title(row),
            **{f"{name}_ms": median_ms(row, name) for name in ("orthanc", "dcm4chee")},
            "performance_ratio": row["performance_ratio"],
            "withheld": row["withheld"],
        }
        for row in content["rows"]
    ]


def memory_and_disk(content: Mapping[str, Any]) -> list[str]:
    """Return a line for each archive's memory and disk, of what was asked."""
    lines = []
    for name, called in names(content).items():
        facts = content["archives"][name]
        if memory := facts["memory"]:
            shim = f", its shim {megabytes(memory['shim_peak_bytes'])}" if memory["shim_peak_bytes"] else ""
            peak = memory["reason"] or f"{megabytes(memory['peak_bytes'])}{shim}"
            lines.append(f"Peak memory of {called}: {peak}")
        if disk := facts["disk_use"]:
            lines.append(f"Disk overhead of {called}: {_disk(disk)}")
    return lines


def left_there(studies: int) -> str:
    """Return how many studies of a run are still in an archive."""
    return counted(studies, "study of this run is still there", "studies of this run are still there")


def _disk(disk: Mapping[str, Any]) -> str:
    on_disk, told = disk["allocated_overhead_percent"], disk["told_overhead_percent"]
    parts = [] if on_disk is None else [f"{on_disk:+.1f} % on disk"]
    parts += [] if told is None else [f"{told:+.1f} % as it tells itself"]
    return ", ".join(parts) or f"withheld: {disk['reason']}"


def cautions(content: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know before any number."""
    found = [
        text for name, facts in content["archives"].items() for text in _of_archive(name, facts, content)
    ]
    found += content["notes"]
    if content["scale"] != 1:
        found.append(
            f"Scale {content['scale']:g}: less data than the seven questions ask for. Times are of this "
            "scale alone."
        )
    machine = content["hardware"]
    if machine["load_before"] > machine["cores"] / 2:
        found.append(
            f"The machine was busy before the run began (load {machine['load_before']:g} on "
            f"{machine['cores']} cores): times are longer and vary more than on a quiet one."
        )
    near = [row_title(row) for row in content["rows"] if is_client_bound(row)]
    if near:
        found.append(
            "The client itself takes more than half of an archive's time here, so that the two look more "
            f"alike than they are: {'; '.join(near)}."
        )
    return found


def is_client_bound(row: Mapping[str, Any]) -> bool:
    """Return whether the client alone takes more than half of what one of the archives takes."""
    alone = row["client_alone_ms"]
    medians = (median_ms(row, name) for name in ("orthanc", "dcm4chee"))
    return alone is not None and any(found is not None and 2 * alone > found for found in medians)


def _of_archive(name: str, facts: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    called = names(content)[name]
    found = []
    if facts["stand_in"] is not None:
        found.append(
            f"DCM4CHEE was played by a stand-in ({facts['stand_in']}): its times say nothing of DCM4CHEE."
        )
    if facts["cleaning"] or facts["left_behind"]:
        left = facts["cleaning"] or f"{left_there(facts['left_behind'])}."
        found.append(f"{called} is not clean: {left} Run the benchmark with --clean.")
    elif facts["changed"]:
        changed = ", ".join(f"{count:+d} {what}" for what, count in facts["changed"].items())
        found.append(
            f"{called} holds something else than before ({changed}), though nothing of this run: others "
            "worked with it meanwhile, and so disturbed the times."
        )
    return found


def _figures(value: float) -> str:
    """Return a number with three figures, without an exponent."""
    if value >= _SECOND_MS:
        return f"{value:,.0f}"
    return f"{value:.3g}"
