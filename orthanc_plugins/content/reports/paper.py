"""Comparisons on paper: what was found, counts side by side, then each difference, as PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Spacer, Table

from orthanc_plugins.content.reports.records import CLASSES, class_name, grouped
from orthanc_plugins.pages import BAND
from orthanc_plugins.rtstruct.documents import report_page as page
from orthanc_plugins.rtstruct.documents.report_page import ReportDocument, faint, heading, shown, together
from orthanc_plugins.rtstruct.documents.report_table import NONE, PADDED, RULED
from orthanc_plugins.sync.differences import LEFT, RIGHT, DifferenceClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.content.reports.records import Report
    from orthanc_plugins.sync.differences import Comparison, Difference, StudyCounts

MOST_ROWS = 1_000
"""Paper holds no more differences: that many are fifty pages."""
_LONGEST_VALUE, _LONGEST_DETAIL = 130, 300
_HARMLESS = frozenset({DifferenceClass.COERCED, DifferenceClass.TRANSFER_SYNTAX_ONLY})
_GOOD, _GOOD_BAND, _BAD_BAND = HexColor("#1c6b3a"), HexColor("#e6f4ea"), HexColor("#fbeae8")
_COUNTS_WIDTHS = (0.0, 18 * mm, 16 * mm, 18 * mm, 16 * mm, 18 * mm, 19 * mm)
_DIFFERENCE_WIDTHS = (25 * mm, 38 * mm, 33 * mm, 33 * mm, 0.0)
_BEGIN_HEIGHT = 45 * mm
"""A table of differences begins no lower on a page than this above its end."""


def report_pdf(report: Report) -> bytes:
    """Return a report as PDF."""
    subjects = {one.study_uid for one in report.comparisons}
    studies = report.summary.studies if report.checked is None else report.checked.studies
    is_one = len(subjects) == 1 and report.checked is None
    subject = next(iter(subjects)) if is_one else f"{studies:,} {'study' if studies == 1 else 'studies'}"
    document = ReportDocument(subject, report.made_at, title=report.title, kind="Comparison of")
    return document.pdf(_story(report))


def _story(report: Report) -> list[Flowable]:
    story = [*_header(report), *_checked(report), *_classes(report)]
    differing = [one for one in report.shown if not one.equal]
    same = [one for one in report.shown if one.equal]
    if differing:
        story += together(
            [heading("Studies that differ or are not compared as a whole"), _counts(report, differing)]
        )
    if report.not_shown:
        story.append(faint(f"{report.not_shown:,} more studies are not printed: JSON and CSV have all."))
    room = MOST_ROWS
    for one in differing:
        story += _study(report, one, one.differences[:room])
        room -= len(one.differences[:room])
    if same:
        story += together([heading("Studies that are the same"), _counts(report, same[:MOST_ROWS])])
        story += [faint(f"{len(same) - MOST_ROWS:,} more are the same.")] if len(same) > MOST_ROWS else []
    return story


def _header(report: Report) -> list[Flowable]:
    """Return the title, when and of what, and what was found."""
    withheld = "" if report.with_identity else " Values that may tell who the patient is are withheld."
    made = f"Made {report.made_at:%Y-%m-%d %H:%M:%S} UTC. {LEFT} and {RIGHT} against each other.{withheld}"
    alike = report.checked is not None and not report.checked.all_differing and not report.comparisons
    band = _GOOD_BAND if report.is_clean else BAND if alike else _BAD_BAND
    verdict = Table(
        [[shown(report.verdict, page.ALARMED if band is _BAD_BAND else page.BODY, bold=True)]],
        colWidths=(page.WIDTH,),
        style=[*PADDED, ("BACKGROUND", (0, 0), (-1, -1), band)],
    )
    title = shown(report.title, page.TITLE, bold=True)
    return [title, Spacer(0, 3 * mm), faint(made), Spacer(0, 3 * mm), verdict]


def _checked(report: Report) -> list[Flowable]:
    """Return how far both archives were checked, of a report of everything."""
    if report.checked is None:
        return []
    rows = [[faint(name), shown(told)] for name, told in report.checked.rows]
    style = [*PADDED, ("VALIGN", (0, 0), (-1, -1), "TOP")]
    table = Table(rows, colWidths=(40 * mm, page.WIDTH - 40 * mm), style=style)
    return together([heading("What was checked"), table])


def _classes(report: Report) -> list[Flowable]:
    """Return the classes of differences that there are, in words."""
    counts = report.counts
    rows = [
        [shown(name, bold=True), shown(f"{counts[kind]:,}", page.NUMBER), shown(meaning)]
        for kind, (name, meaning) in CLASSES.items()
        if counts[kind]
    ]
    if not rows:
        return []
    widths = (40 * mm, 16 * mm, page.WIDTH - 56 * mm)
    table = Table(rows, colWidths=widths, style=[*PADDED, ("VALIGN", (0, 0), (-1, -1), "TOP")])
    return together([heading("Kinds of differences"), table])


def _counts(report: Report, comparisons: Sequence[Comparison]) -> Table:
    """Return the table of studies with what each side holds."""
    titles = (
        "Study",
        f"{LEFT} series",
        "instances",
        f"{RIGHT} series",
        "instances",
        "Compared",
        "Differences",
    )
    rows = [[faint(title, page.NUMBER_TITLE if place else page.NOTE) for place, title in enumerate(titles)]]
    marks = []
    for place, one in enumerate(comparisons, 1):
        name = report.names.get(one.study_uid)
        label = [shown(name)] if name else []
        numbers = (*_numbers(one.left), *_numbers(one.right), f"{one.instances_compared:,}", _found(one))
        rows.append([[*label, faint(one.study_uid)], *(shown(number, page.NUMBER) for number in numbers)])
        if one.left != one.right:
            marks.append(("BACKGROUND", (1, place), (4, place), _BAD_BAND))
    return Table(rows, colWidths=_filled(_COUNTS_WIDTHS), repeatRows=1, style=[*RULED, *marks])


def _numbers(counts: StudyCounts | None) -> tuple[str, str]:
    return (NONE, NONE) if counts is None else (f"{counts.series:,}", f"{counts.instances:,}")


def _found(one: Comparison) -> str:
    return f"{len(one.differences):,}{' +' if one.incomplete else ''}"


def _study(report: Report, one: Comparison, differences: Sequence[Difference]) -> list[Flowable]:
    """Return what a study differs in."""
    name = report.names.get(one.study_uid)
    story: list[Flowable] = [CondPageBreak(_BEGIN_HEIGHT)]
    story.append(heading(f"{name}, {one.study_uid}" if name else f"Study {one.study_uid}"))
    story += [shown(reason, page.ALARMED, longest=_LONGEST_DETAIL) for reason in one.incomplete]
    story += [faint(note) for note in one.notes]
    if differences:
        story += [Spacer(0, 1 * mm), _differences(differences)]
    if more := len(one.differences) - len(differences):
        story.append(faint(f"{more:,} more are not printed: JSON and CSV have all."))
    return story


def _differences(differences: Sequence[Difference]) -> Table:
    """Return the table of differences, below each other those of one study, series or instance."""
    rows: list[list[object]] = [[faint(title) for title in ("Kind", "Element", LEFT, RIGHT, "What differs")]]
    style = [*RULED, ("VALIGN", (0, 1), (-1, -1), "TOP")]
    for group in grouped(differences):
        place = len(rows)
        style += [("SPAN", (0, place), (-1, place)), ("BACKGROUND", (0, place), (-1, place), BAND)]
        style.append(("NOSPLIT", (0, place), (-1, place + 1)))
        rows.append([faint(f"{group.level} {group.uid}".rstrip()), "", "", "", ""])
        rows.extend(_row(difference) for difference in group.differences)
    return Table(rows, colWidths=_filled(_DIFFERENCE_WIDTHS), repeatRows=1, style=style)


def _row(difference: Difference) -> list[object]:
    harmless = difference.kind in _HARMLESS
    kind = shown(class_name(difference.kind), page.BODY if harmless else page.ALARMED)
    element = [shown(difference.keyword or (NONE if difference.tag else ""))]
    if difference.tag:
        element.append(faint(difference.tag))
    detail = shown(difference.detail, page.SMALL, longest=_LONGEST_DETAIL)
    values = (_value(difference, difference.left), _value(difference, difference.right))
    return [kind, element, *values, detail]


def _value(difference: Difference, value: str | None) -> Paragraph:
    if value is None:
        return faint("no value" if difference.tag else "")
    return shown(value, page.SMALL, longest=_LONGEST_VALUE)


def _filled(widths: tuple[float, ...]) -> list[float]:
    """Return the widths of columns, zero being what the others leave."""
    return [width or page.WIDTH - sum(widths) for width in widths]
