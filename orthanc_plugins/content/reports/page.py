"""Comparisons as one page of HTML: no script, no address; for a light and a dark screen, and for paper.

What comes from DICOM is text: the template escapes everything, and the page's policy allows its style alone.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from orthanc_plugins import __version__
from orthanc_plugins.content.reports.records import CLASSES, grouped
from orthanc_plugins.sync.differences import LEFT, RIGHT

if TYPE_CHECKING:
    from jinja2 import Template

    from orthanc_plugins.content.reports.records import Report
    from orthanc_plugins.sync.differences import Comparison, Difference

MOST_ROWS = 5_000
"""A page holds no more differences; browsers take seconds for more."""
_MOST_SAME = 500
"""Of studies that are the same, no more are listed."""


class Shown(NamedTuple):
    """A study of the page: its comparison, as many of its differences as fit, and how many more there are."""

    comparison: Comparison
    differences: tuple[Difference, ...]
    more: int


def report_html(report: Report) -> bytes:
    """Return a report as HTML, UTF-8."""
    style = (Path(__file__).parent / "page.css").read_text("utf-8")
    policy = f"default-src 'none'; style-src 'sha256-{_hash(style)}'; base-uri 'none'; form-action 'none'"
    differing = [one for one in report.shown if not one.equal]
    same = [one for one in report.shown if one.equal]
    counts = report.counts
    content = _template().render(
        report=report,
        style=style,
        policy=policy,
        software=f"Orthanc PACS Suite {__version__}",
        left=LEFT,
        right=RIGHT,
        grouped=grouped,
        classes=[(kind, *CLASSES[kind], counts[kind]) for kind in CLASSES if counts[kind]],
        names=CLASSES,
        differing=_cut(differing),
        same=same[:_MOST_SAME],
        same_not_listed=max(0, len(same) - _MOST_SAME),
        most_rows=MOST_ROWS,
        differences=sum(counts.values()),
    )
    return content.encode("utf-8", "replace")


def _cut(comparisons: list[Comparison]) -> list[Shown]:
    """Return the studies with no more differences in all than a page holds."""
    shown, room = [], MOST_ROWS
    for one in comparisons:
        kept = one.differences[:room]
        room -= len(kept)
        shown.append(Shown(one, kept, len(one.differences) - len(kept)))
    return shown


def _hash(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("orthanc_plugins.content.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja")
