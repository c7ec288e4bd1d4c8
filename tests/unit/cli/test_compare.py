"""``pacs compare``, from arguments to exit codes, against a double of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE
from tests.unit.cli.suite_double import STUDIES, SuiteDouble, run

if TYPE_CHECKING:
    from pathlib import Path

EQUAL: dict[str, Any] = {
    "study_uid": "1.2",
    "equal": True,
    "current": True,
    "compared_at": "2026-11-29T19:14:20.512345+00:00",
    "left": {"series": 1, "instances": 2},
    "right": {"series": 1, "instances": 2},
    "instances_compared": 2,
    "differences": [],
    "incomplete": [],
    "notes": [],
}


def test_a_study_that_is_equal_is_told_so(suite: SuiteDouble, capsys: pytest.CaptureFixture[str]) -> None:
    suite.say("/studies/1.2/comparison", EQUAL)
    assert run(suite, "compare", "1.2") == DONE
    shown = capsys.readouterr().out
    assert "1.2  equal  (2 instances compared 2026-11-29T19:14:20Z)" in shown
    assert "no longer" not in shown
    assert "Orthanc: 1 series, 2 instances / DCM4CHEE: 1 series, 2 instances" in shown


@pytest.mark.parametrize(
    ("current", "code", "told"), [(False, FAILED, "no longer list"), (None, DONE, "not known")]
)
def test_what_was_compared_and_may_be_otherwise_by_now_is_told_so(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], current: bool | None, code: int, told: str
) -> None:
    suite.say("/studies/1.2/comparison", {**EQUAL, "current": current})
    assert run(suite, "compare", "1.2") == code
    assert told in capsys.readouterr().out


def test_differences_are_named_without_values(suite: SuiteDouble, capsys: pytest.CaptureFixture[str]) -> None:
    difference = {
        "kind": "metadata",
        "level": "instance",
        "study_uid": "1.2",
        "series_uid": "1.2.3",
        "sop_instance_uid": "1.2.3.4",
        "tag": "00100010",
        "keyword": "PatientName",
        "left": "DOE^JANE",
        "right": "ROE^RICHARD",
        "detail": "The values differ.",
    }
    found = {"equal": False, "right": None, "differences": [difference] * 25}
    told = {"incomplete": ["Cut."], "notes": ["Why it is missing."]}
    suite.say("/studies/1.2/comparison", {**EQUAL, **found, **told})
    assert run(suite, "compare", "1.2") == FAILED
    shown = capsys.readouterr().out
    assert "DIFFERS" in shown
    assert "instance 1.2.3.4 PatientName: The values differ." in shown
    assert "DOE" not in shown
    assert "and 5 more" in shown
    assert "DCM4CHEE: not there" in shown
    assert "not compared: Cut." in shown
    assert "Why it is missing." in shown


def test_a_comparison_that_takes_long_is_waited_for(suite: SuiteDouble) -> None:
    suite.say("/studies/1.2/comparison", {"status": "running", "job_id": "j", "job_url": "/x"}, 202)
    suite.say("/studies/1.2/comparison", EQUAL)
    suite.say("/jobs/j", {"state": "running", "error": None})
    suite.say("/jobs/j", {"state": "succeeded", "error": None})
    assert run(suite, "compare", "1.2") == DONE


def test_a_comparison_that_fails_says_why(suite: SuiteDouble, capsys: pytest.CaptureFixture[str]) -> None:
    suite.say("/studies/1.2/comparison", {"status": "running", "job_id": "j", "job_url": "/x"}, 202)
    suite.say("/jobs/j", {"state": "failed", "error": {"message": "dcm4chee does not answer."}})
    assert run(suite, "compare", "1.2") == USAGE
    assert "pacs: dcm4chee does not answer." in capsys.readouterr().err


def test_everything_is_compared_and_what_differs_is_named(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    suite.say("/comparisons/generate", {"job_id": "j"}, 202)
    suite.say("/jobs/j", {"state": "succeeded", "error": None})
    found = {
        "studies": {**STUDIES, "only_orthanc": 1},
        "compared": 4,
        "known": 1,
        "incomplete": 0,
        "classes": {"pixel": 1},
    }
    suite.say("/comparisons/generated/j", found)
    suite.say("/comparisons/generated/j/differences.csv", b"study\n1.9\n")
    suite.say("/studies", {"studies": [{"study_uid": "1.9", "differences": []}], "total": 1})
    report = tmp_path / "all.csv"
    assert run(suite, "compare", "--content", "--report", str(report)) == FAILED
    assert suite.bodies["/pacs/api/comparisons/generate"] == {"depth": "content", "again": False}
    shown, said = capsys.readouterr()
    assert f"pacs: report: {report}\n" in said
    assert "5 studies the same, 0 differ, 1 only in Orthanc, 0 only in DCM4CHEE" in shown
    assert "content: 4 studies compared now, 1 known from before, 0 not wholly; " in shown
    assert "studies with differences: 1 pixel\n" in shown
    assert "1.9  only in Orthanc" in shown
    assert report.read_bytes() == b"study\n1.9\n"


def test_archives_that_are_the_same_are_a_success(suite: SuiteDouble) -> None:
    suite.say("/comparisons/generate", {"job_id": "j"}, 202)
    suite.say("/jobs/j", {"state": "succeeded", "error": None})
    nothing = {"studies": STUDIES, "compared": 0, "known": 0, "incomplete": 0, "classes": {}}
    suite.say("/comparisons/generated/j", nothing)
    suite.say("/studies", {"studies": [], "total": 0})
    assert run(suite, "compare") == DONE


@pytest.mark.parametrize("arguments", [(), ("--content",)])
def test_differences_known_from_before_are_no_success(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    suite.say("/comparisons/generate", {"job_id": "j"}, 202)
    suite.say("/jobs/j", {"state": "succeeded", "error": None})
    found = {"studies": STUDIES, "compared": 0, "known": 5, "incomplete": 0, "classes": {"metadata": 1}}
    suite.say("/comparisons/generated/j", found)
    suite.say("/studies", {"studies": [], "total": 0})
    assert run(suite, "compare", *arguments) == FAILED
    assert "0 studies compared now, 5 known from before" in capsys.readouterr().out
