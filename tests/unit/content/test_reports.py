"""Reports: all that was found, nothing that runs, and no patient's name unless it was asked for."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from reportlab.platypus import Paragraph

from orthanc_plugins.content.reports import Report, report_csv, report_html, report_json, report_pdf
from orthanc_plugins.content.reports import page as page_module
from orthanc_plugins.content.reports import paper as paper_module
from orthanc_plugins.content.reports.paper import _story
from orthanc_plugins.content.reports.records import CLASSES, without_identity
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.sync.differences import Comparison, Difference, DifferenceClass, StudyCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
STUDY, SERIES, INSTANCE = StudyUid("1.2.3"), SeriesUid("1.2.3.4"), SopInstanceUid("1.2.3.4.5")
EQUAL = Comparison(STUDY, "content", NOW, StudyCounts(2, 40), StudyCounts(2, 40), 40)
HOSTILE = "<script>alert('Müller')</script>&amp;"


def difference(tag: str | None, left: str | None, right: str | None, kind: str = "metadata") -> Difference:
    return Difference(
        DifferenceClass(kind),
        "instance",
        STUDY,
        SERIES,
        INSTANCE,
        tag,
        None,
        left,
        right,
        "The values differ.",
    )


EVERY_CLASS = tuple(difference("00181030", f"left {kind}", f"right {kind}", kind) for kind in DifferenceClass)
FOUND = replace(
    EQUAL,
    right=StudyCounts(2, 39),
    differences=(*EVERY_CLASS, difference("30060020[3].30060026", HOSTILE, None)),
    incomplete=("DCM4CHEE broke off after 39 instances.",),
    notes=("Instance 1.2.3.4.6: both copies are damaged.",),
)
REPORT = Report("A study", (FOUND,), NOW)


class Page(HTMLParser):
    """What a page holds: its elements, and its text."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def on_paper(report: Report) -> str:
    """Return the text of every paragraph of the report's story."""

    def texts(part: object) -> Iterator[str]:
        if isinstance(part, Paragraph):
            yield part.getPlainText()
        for held in getattr(part, "_content", None) or getattr(part, "_cellvalues", None) or ():
            yield from texts(held)
        if isinstance(part, list | tuple):
            for held in part:
                yield from texts(held)

    return "\n".join(texts(_story(report)))


def test_json_holds_the_comparisons_and_a_summary() -> None:
    content = json.loads(report_json(REPORT))
    assert content["summary"]["differences"] == 8
    assert content["summary"]["classes"]["metadata"] == 2
    assert content["identity_withheld"] is True
    assert Comparison.from_json(content["comparisons"][0]) == FOUND


def test_csv_has_one_row_a_difference() -> None:
    rows = list(csv.DictReader(io.StringIO(report_csv(REPORT).decode())))
    assert [row["class"] for row in rows] == [
        *(kind.value for kind in DifferenceClass),
        "metadata",
        "incomplete",
    ]
    assert rows[7]["orthanc"] == HOSTILE
    assert rows[7]["sop_instance_uid"] == INSTANCE
    assert rows[8]["detail"] == "DCM4CHEE broke off after 39 instances."
    assert report_csv(Report("Equal", (EQUAL,), NOW)).count(b"\n") == 1, "no row: nothing differs"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\nx"])
def test_no_cell_is_a_formula(text: str) -> None:
    found = replace(EQUAL, differences=(difference("00181030", text, "harmless"),))
    rows = list(csv.DictReader(io.StringIO(report_csv(Report("A", (found,), NOW)).decode(), newline="")))
    assert rows[0]["orthanc"] == f"'{text}"
    assert rows[0]["dcm4chee"] == "harmless"


def test_the_page_shows_every_difference_and_what_its_class_means() -> None:
    shown = Page(report_html(REPORT)).text
    for kind in DifferenceClass:
        assert f"left {kind.value}" in shown
        assert f"right {kind.value}" in shown
        assert CLASSES[kind][1] in shown
    assert HOSTILE in shown, "it is shown as it stands"
    assert "DCM4CHEE broke off after 39 instances." in shown
    assert "Instance 1.2.3.4.6: both copies are damaged." in shown
    assert "8 differences; 1 of 1 could not be compared as a whole." in shown


def test_the_page_runs_nothing_and_loads_nothing() -> None:
    content = report_html(REPORT)
    page = Page(content)
    names = {name for name, _ in page.elements}
    assert not names & {"script", "link", "img", "iframe", "object", "form", "a", "base"}
    keys = {key for _, found in page.elements for key in found}
    assert not any(key.startswith("on") or key in {"src", "href", "style"} for key in keys)
    policy = next(found["content"] for name, found in page.elements if found.get("http-equiv"))
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'",
        policy,
    )
    assert b"url(" not in content
    assert b"http://" not in content


def test_equal_copies_are_said_to_be_the_same() -> None:
    report = Report("A study", (EQUAL,), NOW)
    assert report.verdict == "Both copies are the same, down to every element and pixel."
    assert 'class="verdict good"' in report_html(report).decode()
    listed = Report("A study", (replace(EQUAL, depth="instance"),), NOW)
    assert listed.verdict == "Both copies are the same, in which instances there are."


def test_what_could_not_be_compared_is_never_said_to_be_the_same() -> None:
    report = Report("A study", (replace(EQUAL, incomplete=("Cut short.",)),), NOW)
    assert report.verdict == "1 of 1 could not be compared as a whole."
    assert 'class="verdict mild"' in report_html(report).decode()
    assert "are the same" not in report.verdict
    assert Report("Nothing", (), NOW).verdict == "Nothing was compared."


def test_many_studies_are_counted() -> None:
    studies = [replace(EQUAL, study_uid=StudyUid(f"1.2.{k}")) for k in range(600)]
    studies[7] = replace(FOUND, study_uid=StudyUid("1.2.7"), incomplete=())
    report = Report("Both archives", tuple(studies), NOW)
    assert report.verdict == "8 differences in 1 of 600 studies."
    shown = Page(report_html(report)).text
    assert "99 more are the same." in shown
    assert len(report_pdf(report)) > 20_000


IDENTITY = {
    "00100010": "Müller^Anna",
    "00101000[2].00100020": "ID-99",
    "00081032[0].00080090": "Meier^Arzt",
    "0029[SIEMENS]10": "Schulz",
    "00080096[0]": "item with PersonName=Meier",
}


@pytest.mark.parametrize("tag", IDENTITY)
def test_values_that_tell_who_the_patient_is_are_withheld_unless_asked_for(tag: str) -> None:
    value = IDENTITY[tag]
    found = replace(EQUAL, differences=(difference(tag, value, None),))
    quiet, asked = Report("A study", (found,), NOW), Report("A study", (found,), NOW, with_identity=True)
    for made in (report_json, report_csv, report_html):
        assert value not in made(quiet).decode()
        assert "withheld" in made(quiet).decode()
        assert value in made(asked).decode()
    assert without_identity(found.differences[0]).left == "withheld"
    assert without_identity(found.differences[0]).right is None


@pytest.mark.parametrize("tag", ["00081030", "30060020[3].30060026", "00081032[0]", None, "7FE00010"])
def test_other_values_are_shown(tag: str | None) -> None:
    one = difference(tag, "item with CodeValue=T1", "other")
    assert without_identity(one) == one


def test_names_of_studies_stand_where_they_were_given() -> None:
    report = Report("A patient", (FOUND,), NOW, names={STUDY: "Müller^Anna, CT"}, with_identity=True)
    assert "Müller^Anna, CT" in Page(report_html(report)).text
    assert report_pdf(report) != report_pdf(REPORT)


def test_paper_shows_every_difference_and_what_its_class_means() -> None:
    shown = on_paper(REPORT)
    for kind in DifferenceClass:
        assert f"left {kind.value}" in shown
        assert CLASSES[kind][1] in shown
    assert HOSTILE in shown
    assert "DCM4CHEE broke off after 39 instances." in shown
    assert "Instance 1.2.3.4.6: both copies are damaged." in shown
    assert "withheld" in shown


def test_paper_is_the_same_for_the_same_report() -> None:
    content = report_pdf(REPORT)
    assert content.startswith(b"%PDF-")
    assert content == report_pdf(REPORT)


def test_what_a_page_or_paper_does_not_hold_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "MOST_ROWS", 3)
    monkeypatch.setattr(paper_module, "MOST_ROWS", 3)
    shown = Page(report_html(REPORT)).text
    assert "5 more differences of this study are not listed here: a page holds 3." in shown
    assert "left count" in shown
    assert "left pixel" not in shown
    assert "5 more are not printed: JSON and CSV have all." in on_paper(REPORT)
    assert "left pixel" not in on_paper(REPORT)
