"""``pacs anonymize``, from arguments to exit codes, against a double of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE, main

if TYPE_CHECKING:
    from tests.unit.cli.suite_double import SuiteDouble

ANSWER: dict[str, Any] = {
    "status": "queued",
    "project": "trial",
    "profile": "research_rt",
    "dates": "moved by whole weeks",
    "job_id": "deidentify-study.x",
    "anonymized_patient_id": None,
    "instances": 0,
    "destination": None,
    "address": None,
    "certificate_url": None,
    "reason": None,
}
CERTIFIED = ANSWER | {
    "status": "certified",
    "anonymized_patient_id": "ANON00742",
    "instances": 3,
    "destination": "xnat:PACS_ANONYMIZED",
}


def run(suite: SuiteDouble, *arguments: str) -> int:
    return main(["anonymize", "1.2.3", "--url", suite.url, *arguments])


def test_a_study_is_asked_for(suite: SuiteDouble, capsys: pytest.CaptureFixture[str]) -> None:
    suite.say("/anonymize", ANSWER, 202)
    assert run(suite, "--project", "trial", "--keep-dates") == DONE
    assert capsys.readouterr().out == (
        "queued: project trial, job deidentify-study.x\nprofile research_rt: dates moved by whole weeks\n"
    )
    assert suite.bodies["/pacs/api/anonymize"] == {
        "study_id": "1.2.3",
        "project": "trial",
        "keep_series_date": True,
        "one_person": False,
        "wait_s": 0,
        "again": False,
    }


def test_waiting_ends_once_it_is_certified(suite: SuiteDouble, capsys: pytest.CaptureFixture[str]) -> None:
    suite.say("/anonymize", ANSWER, 202)
    suite.say("/anonymize", CERTIFIED)
    assert run(suite, "--wait") == DONE
    assert "patient ANON00742, 3 instances" in capsys.readouterr().out
    assert "again" not in suite.bodies["/pacs/api/anonymize"]


@pytest.mark.parametrize(("status", "code"), [(409, FAILED), (422, FAILED), (502, FAILED), (500, USAGE)])
def test_what_did_not_leave_is_told_with_its_reason(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], status: int, code: int
) -> None:
    suite.say("/anonymize", {"detail": "A person has to look."}, status)
    assert run(suite, "--wait") == code
    assert "A person has to look." in capsys.readouterr().err


@pytest.mark.parametrize("outcome", ["changed", "gone"])
def test_a_study_that_changed_meanwhile_is_not_done(suite: SuiteDouble, outcome: str) -> None:
    suite.say("/anonymize", ANSWER | {"status": outcome})
    assert run(suite, "--wait") == FAILED


def test_what_is_no_study_is_not_asked_for(suite: SuiteDouble) -> None:
    assert main(["anonymize", "Doe^Jane", "--url", suite.url]) == USAGE
    assert suite.bodies == {}


def test_again_is_asked_for_what_is_certified(suite: SuiteDouble) -> None:
    suite.say("/anonymize", CERTIFIED)
    assert run(suite, "--again") == DONE
    assert suite.bodies["/pacs/api/anonymize"]["again"] is True


def test_what_had_failed_is_begun_anew_without_a_word(suite: SuiteDouble) -> None:
    suite.say("/anonymize", {"detail": "XNAT did not take it."}, 502)
    suite.say("/anonymize", ANSWER, 202)
    assert run(suite) == DONE
    assert suite.bodies["/pacs/api/anonymize"]["again"] is True


@pytest.mark.parametrize(
    ("outcome", "code", "told"),
    [
        ("as_certified", DONE, ["as certified: job j1", "certificate: /c.json"]),
        (
            "otherwise",
            FAILED,
            ["otherwise than certified: job j1", "found: A value differs.", "certificate: /c.json"],
        ),
        (
            "changed",
            FAILED,
            ["not verified, as the original has changed since: job j1", "certificate: /c.json"],
        ),
    ],
)
def test_what_was_delivered_is_verified_again(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], outcome: str, code: int, told: list[str]
) -> None:
    asked = {"job_id": "j1", "release_id": "R1", "certificate_url": "/c.json"}
    suite.say("/anonymize/verify", asked, 202)
    suite.say("/jobs/j1", {"state": "succeeded", "result": {"outcome": outcome}})
    suite.say("/releases/R1", {"look_found": "A value differs."})
    assert run(suite, "--verify", "--project", "trial") == code
    assert capsys.readouterr().out.splitlines() == told
    assert suite.bodies["/pacs/api/anonymize/verify"]["project"] == "trial"


def test_what_was_never_certified_is_told(suite: SuiteDouble, capsys: pytest.CaptureFixture[str]) -> None:
    suite.say("/anonymize/verify", {"detail": "The study was not released."}, 404)
    assert run(suite, "--verify") == USAGE
    assert "was not released" in capsys.readouterr().err
