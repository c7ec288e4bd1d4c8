"""Comparisons for programs and spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING, Any

import orjson

from orthanc_plugins import __version__
from orthanc_plugins.content.reports.records import shown_comparison, verdict_of
from orthanc_plugins.spreadsheets import harmless
from orthanc_plugins.sync.differences import LEFT, RIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from orthanc_plugins.content.reports.checked import Checked
    from orthanc_plugins.content.reports.records import Report, Summary
    from orthanc_plugins.sync.differences import Comparison

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


def report_json(report: Report) -> bytes:
    """Return a report as JSON: UTF-8, indented; each comparison as `Comparison.to_json` gives it."""
    out = io.BytesIO()
    written = JsonStream(
        out, report.title, report.made_at, with_identity=report.with_identity, checked=report.checked
    )
    for comparison in report.comparisons:
        written.add(comparison)
    written.end(report.summary)
    return out.getvalue()


def report_csv(report: Report) -> bytes:
    """Return a report as CSV: UTF-8 without a byte order mark, one row a difference.

    What could not be compared has rows of the class ``incomplete``, so that no row at all means that
    everything was compared and nothing differs.
    """
    out = io.BytesIO()
    written = CsvStream(out, with_identity=report.with_identity)
    for comparison in report.comparisons:
        written.add(comparison)
    return out.getvalue()


class JsonStream:
    """A report of any number of comparisons as JSON, each written as it comes and not kept.

    Parameters
    ----------
    out
        Where it is written.
    title, made_at, with_identity, checked
        Those of `Report`.
    """

    def __init__(
        self,
        out: IO[bytes],
        title: str,
        made_at: datetime,
        *,
        with_identity: bool = False,
        checked: Checked | None = None,
    ) -> None:
        self._out = out
        self._with_identity = with_identity
        self._between = b""
        self._checked = checked
        head: dict[str, Any] = {
            "schema": {"name": SCHEMA, "version": SCHEMA_VERSION},
            "software": {"name": "orthanc-pacs-suite", "version": __version__},
            "title": title,
            "made_at": made_at.isoformat(),
            "identity_withheld": not with_identity,
            "sides": {"left": LEFT, "right": RIGHT},
        }
        if checked is not None:
            head["checked"] = {"verdict": checked.verdict, **checked.to_json()}
        out.write(_indented(head).removesuffix(b"\n}") + b',\n  "comparisons": [')

    def add(self, comparison: Comparison) -> None:
        """Write a comparison."""
        shown = comparison if self._with_identity else shown_comparison(comparison)
        text = _indented(shown.to_json()).replace(b"\n", b"\n    ")  # in JSON no value holds a line's end
        self._out.write(self._between + b"\n    " + text)
        self._between = b","

    def end(self, summary: Summary) -> None:
        """Write what was found in all; ``studies`` are those compared, of everything all there are."""
        counts = {kind.value: count for kind, count in sorted(summary.counts.items())}
        content: dict[str, Any] = {
            "summary": {
                "verdict": verdict_of(summary, self._checked),
                "studies": summary.studies if self._checked is None else self._checked.studies,
                "studies_differing": summary.differing,
                "studies_incomplete": summary.incomplete,
                "differences": summary.counts.total(),
                "classes": counts,
            }
        }
        self._out.write(b"\n  ],\n" + _indented(content).removeprefix(b"{\n") + b"\n")


class CsvStream:
    """A report of any number of comparisons as CSV, each written as it comes and not kept."""

    def __init__(self, out: IO[bytes], *, with_identity: bool = False) -> None:
        self._out = out
        self._with_identity = with_identity
        self._write([COLUMNS])

    def add(self, comparison: Comparison) -> None:
        """Write a comparison's rows."""
        shown = comparison if self._with_identity else shown_comparison(comparison)
        self._write(_rows(shown))

    def _write(self, rows: Iterable[Iterable[str | None]]) -> None:
        text = io.StringIO(newline="")
        table = csv.writer(text, lineterminator="\n")
        table.writerows([harmless(value or "") for value in row] for row in rows)
        self._out.write(text.getvalue().encode("utf-8", "replace"))


def _rows(comparison: Comparison) -> Iterator[tuple[str | None, ...]]:
    for one in comparison.differences:
        yield (
            one.study_uid, one.series_uid, one.sop_instance_uid, one.level, one.kind.value,
            one.tag, one.keyword, one.left, one.right, one.detail,
        )  # fmt: skip
    for reason in comparison.incomplete:
        yield (comparison.study_uid, None, None, "study", "incomplete", None, None, None, None, reason)


def _indented(content: dict[str, Any]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)
