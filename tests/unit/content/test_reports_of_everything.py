"""Reports of everything: how far both archives were checked stands in their head, in every form."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orthanc_plugins.content.reports import (
    Checked,
    JsonStream,
    Report,
    Stock,
    Summary,
    report_html,
    report_json,
    report_pdf,
)
from orthanc_plugins.sync.differences import DifferenceClass
from tests.unit.content.test_reports import FOUND, NOW, Page, on_paper

LISTED, OLDEST = datetime(2026, 11, 29, 12, tzinfo=UTC), datetime(2026, 11, 2, 8, tzinfo=UTC)
STOCK = Stock(5, 40, LISTED)
CLEAN = Checked(STOCK, STOCK, 0, 0, 5, 0, 0, 5, 0, 0, 0, 0, 0, {}, OLDEST)
MIXED = replace(
    CLEAN,
    left=Stock(4, 30, LISTED, extra_studies=1),
    only_right=1,
    same_instances=3,
    other_instances=1,
    attributes=1,
    equal=1,
    unequal=1,
    changed=1,
    never=1,
    differing=2,
    by_class={DifferenceClass.PIXEL: 1},
)
EMPTY = replace(
    CLEAN,
    left=Stock(0, 0, LISTED),
    right=Stock(0, 0, LISTED),
    same_instances=0,
    equal=0,
    oldest_equal_at=None,
)

ALL_5 = "All 5 studies are the same in both archives, down to every element and pixel."
OF_BOTH = " {} compared by content and found equal; the content of 2 is not known."


def everything(checked: Checked) -> Report:
    return Report("Both archives", (), NOW, checked=checked)


@pytest.mark.parametrize(
    ("checked", "verdict"),
    [
        (CLEAN, ALL_5),
        (
            replace(CLEAN, same_instances=1, equal=1),
            "The only study is the same in both archives, down to every element and pixel.",
        ),
        (
            replace(CLEAN, equal=3, never=2),
            "All 5 studies have the same instances in both archives."
            + OF_BOTH.format("3 of the 5 that both hold were"),
        ),
        (
            replace(MIXED, left=STOCK),
            "3 of 5 studies are not the same in both archives."
            + OF_BOTH.format("1 of the 4 that both hold was"),
        ),
        (
            replace(CLEAN, right=replace(STOCK, extra_instances=2)),
            f"{ALL_5} DCM4CHEE counts 0 studies and 2 instances more than it lists, which were not compared.",
        ),
        (EMPTY, "Both archives were asked, and neither lists a study."),
        (replace(EMPTY, only_left=1), "1 of 1 study is not the same in both archives."),
    ],
)
def test_the_verdict_says_what_is_known_and_of_how_many(checked: Checked, verdict: str) -> None:
    assert checked.verdict == verdict
    assert verdict in Page(report_html(everything(checked))).text
    assert verdict in on_paper(everything(checked))
    assert json.loads(report_json(everything(checked)))["summary"]["verdict"] == verdict


@pytest.mark.parametrize("checked", [CLEAN, MIXED, EMPTY])
def test_a_page_and_paper_tell_every_count(checked: Checked) -> None:
    page, paper = Page(report_html(everything(checked))).text, on_paper(everything(checked))
    for name, told in checked.rows:
        assert name in page
        assert told in page
        assert name in paper
        assert told in paper
    assert "Nothing was compared" not in page + paper
    assert report_pdf(everything(checked)).startswith(b"%PDF")


def test_the_counts_say_when_and_how() -> None:
    rows = dict(MIXED.rows)
    assert rows["Orthanc holds"] == (
        "4 studies, 30 instances, as listed 2026-11-29 12:00:00 UTC; it counts 1 study and 0 instances "
        "more than it lists"
    )
    assert rows["Only one holds"] == "Orthanc: 0 studies; DCM4CHEE: 1 study"
    assert rows["Content equal"].endswith("the oldest comparison is of 2026-11-02 08:00:00 UTC")
    assert rows["Content not equal"] == "1 study; pixels in 1"
    assert rows["Content never compared"] == "1 study"
    partly = dict(replace(MIXED, by_class={}, partly=1).rows)
    assert partly["Content not equal"] == "1 study; not compared as a whole, and no difference found, 1"


def test_json_tells_them_before_the_comparisons_and_which_side_is_which() -> None:
    out = io.BytesIO()
    JsonStream(out, "Both archives", NOW, checked=MIXED).end(Summary())
    assert out.getvalue().index(b'"checked"') < out.getvalue().index(b'"comparisons"')
    told = json.loads(out.getvalue())
    assert told["sides"] == {"left": "Orthanc", "right": "DCM4CHEE"}
    assert told["checked"]["left"]["listed_at"] == LISTED.isoformat()
    assert told["checked"]["both"] == 4
    assert told["checked"]["content"] == {
        "equal": 1,
        "oldest_equal_at": OLDEST.isoformat(),
        "unequal": 1,
        "unequal_by_class": {"pixel": 1},
        "not_whole": 0,
        "changed_since": 1,
        "never_compared": 1,
    }
    assert told["summary"]["studies"] == 5


def test_a_page_is_good_only_where_everything_was_compared() -> None:
    def verdict(report: Report) -> str | None:
        return next(
            at["class"]
            for name, at in Page(report_html(report)).elements
            if name == "p" and (at.get("class") or "").startswith("verdict")
        )

    assert verdict(everything(CLEAN)) == "verdict good"
    assert verdict(everything(replace(CLEAN, equal=4, never=1))) == "verdict mild"
    assert verdict(everything(replace(CLEAN, left=replace(STOCK, extra_studies=1)))) == "verdict mild"
    assert not replace(CLEAN, attributes=1, differing=1).is_clean
    assert verdict(everything(EMPTY)) == "verdict mild"
    assert verdict(replace(everything(MIXED), comparisons=(FOUND,))) == "verdict bad"


def test_a_report_of_one_study_tells_nothing_of_the_archives() -> None:
    assert "What was checked" not in Page(report_html(Report("A study", (FOUND,), NOW))).text
    assert "checked" not in json.loads(report_json(Report("A study", (FOUND,), NOW)))
