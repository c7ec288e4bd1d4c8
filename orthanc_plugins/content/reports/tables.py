"""Comparisons for programs and spreadsheets."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from orthanc_plugins import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.content.reports.records import Report

SCHEMA = "orthanc-pacs-suite/comparison"
SCHEMA_VERSION = 1
COLUMNS = (
    "study_uid",
    "series_uid",
    "sop_instance_uid",
    "level",
    "class",
    "tag",
    "keyword",
    "orthanc",
    "dcm4chee",
    "detail",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so is taken for a formula by spreadsheets."""


def report_json(report: Report) -> bytes:
    """Return a report as JSON: UTF-8, indented; each comparison as `Comparison.to_json` gives it."""
    counts = Counter({kind.value: count for kind, count in report.counts.items()})
    content: dict[str, Any] = {
        "schema": {"name": SCHEMA, "version": SCHEMA_VERSION},
        "software": {"name": "orthanc-pacs-suite", "version": __version__},
        "title": report.title,
        "made_at": report.made_at.isoformat(),
        "identity_withheld": not report.with_identity,
        "summary": {
            "verdict": report.verdict,
            "studies": len(report.comparisons),
            "studies_differing": report.differing,
            "studies_incomplete": report.incomplete,
            "differences": sum(counts.values()),
            "classes": dict(sorted(counts.items())),
        },
        "comparisons": [one.to_json() for one in report.shown],
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def report_csv(report: Report) -> bytes:
    """Return a report as CSV: UTF-8 without a byte order mark, one row a difference.

    What could not be compared has rows of the class ``incomplete``, so that no row at all means that
    everything was compared and nothing differs.
    """
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in _rows(report):
        table.writerow([_cell(value) for value in row])
    return out.getvalue().encode("utf-8", "replace")


def _rows(report: Report) -> Iterator[tuple[str | None, ...]]:
    for comparison in report.shown:
        for one in comparison.differences:
            yield (
                one.study_uid, one.series_uid, one.sop_instance_uid, one.level, one.kind.value,
                one.tag, one.keyword, one.left, one.right, one.detail,
            )  # fmt: skip
        for reason in comparison.incomplete:
            yield (comparison.study_uid, None, None, "study", "incomplete", None, None, None, None, reason)


def _cell(text: str | None) -> str:
    """Return a text that a spreadsheet shows and never runs."""
    text = text or ""
    return f"'{text}" if text.startswith(_FORMULA) else text
