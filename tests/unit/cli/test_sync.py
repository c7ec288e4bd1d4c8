"""``pacs sync``, from arguments to exit codes, against a double of the suite."""

from __future__ import annotations

from typing import Any

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE, main
from tests.unit.cli.suite_double import STUDIES, SuiteDouble, run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("../x",), "no Study Instance UID"),
        (("1.2", "--report", "x.doc"), "--report writes .json, .csv, .html, .pdf."),
        (("1.2", "1.3", "--report", "x.csv"), "one study"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert run(suite, "compare", *arguments) == USAGE
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("status", "code"), [("success", DONE), ("partial", FAILED), ("running", FAILED)])
def test_a_round_is_told_with_its_errors(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], status: str, code: int
) -> None:
    answer = {
        "status": status,
        "differing_studies": 2,
        "synced_studies": 1,
        "pending_studies": 1,
        "duration_seconds": 2.5,
        "errors": ["A transfer failed."],
        "notes": ["Not sent: 1 instance of 1 study."],
    }
    suite.say("/sync", answer)
    assert run(suite, "sync", "--full", "--wait", "5") == code
    assert suite.bodies["/pacs/api/sync"] == {"full": True, "wait_s": 5.0}
    shown, err = capsys.readouterr()
    assert (
        "2 studies differ in the instances or attributes listed, 1 copied and verified, 1 on their way, 2.5 s"
    ) in shown
    assert "pacs: A transfer failed." in err
    assert "pacs: WARNING: Not sent: 1 instance of 1 study.\n" in err


@pytest.mark.parametrize(
    ("number", "told"), [(None, "? studies differ"), (0, "0 studies differ"), (1, "1 study differs")]
)
def test_a_round_counts_in_words_that_agree(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], number: int | None, told: str
) -> None:
    numbers = {"synced_studies": 0, "pending_studies": 0, "duration_seconds": 1.0}
    answer: dict[str, Any] = {"status": "success", "errors": [], "notes": [], **numbers}
    answer["differing_studies"] = number
    suite.say("/sync", answer)
    assert run(suite, "sync") == DONE
    assert f"success: {told} in the instances or attributes listed, 0 copied" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("waiting", "told"), [(0, ""), (1, " (1 waits for its hours)"), (2, " (2 wait for their hours)")]
)
def test_the_standing_of_both_archives_is_told(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], waiting: int, told: str
) -> None:
    archive = {
        "state": "current",
        "studies": 7,
        "series": 8,
        "instances": 90,
        "updated_at": "2026-11-30T07:34:15.249661Z",
        "error": None,
    }
    away = {**archive, "state": "unreachable", "updated_at": None, "error": "dcm4chee does not answer."}
    status: dict[str, Any] = {"state": "idle", "direction": "both", "interval_s": 60.0}
    status["studies"] = {**STUDIES, "differing": 3, "by_content": 2}
    status["holds"] = [{"archive": "dcm4chee", "text": "60 studies disappeared."}]
    status["transfers"] = {"queued": 2, "running": 0, "verified": 3}
    status["waiting_for_hours"] = waiting
    suite.say("/sync/status", {**status, "archives": {"orthanc": archive, "dcm4chee": away}})
    assert run(suite, "sync", "--status") == DONE
    shown = capsys.readouterr().out
    assert "idle, direction both, every 60 s" in shown
    assert "dcm4chee does not answer." in shown
    assert "as of 2026-11-30T07:34:15Z\n" in shown
    assert "as of never\n" in shown
    assert "5 studies the same as far as is known, 3 differ (2 of them in content alone)" in shown
    assert f"transfers: 2 queued{told}, 3 verified\n" in shown
    assert "WARNING: 60 studies disappeared." in shown


def test_a_refusal_of_the_suite_is_told(suite: SuiteDouble, capsys: pytest.CaptureFixture[str]) -> None:
    suite.say("/sync", {"detail": "No second archive is set."}, 409)
    assert run(suite, "sync") == USAGE
    assert capsys.readouterr().err == "pacs: No second archive is set.\n"


def test_a_suite_that_does_not_answer_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", "--url", "http://127.0.0.1:9/pacs"]) == USAGE
    assert "scripts/status" in capsys.readouterr().err


def test_another_server_is_told_from_the_suite(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.say("/sync/status", b"<html>", 404)
    assert run(suite, "sync", "--status") == USAGE
    assert "is it the right address?" in capsys.readouterr().err


def test_an_orthanc_that_asks_for_a_user_is_told_with_whom_to_name(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.say("/sync/status", b"", 401)
    assert run(suite, "sync", "--status") == USAGE
    assert "Orthanc.Username and Orthanc.Password" in capsys.readouterr().err


def test_what_was_deleted_is_let_back_before_a_round(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    lifted = {"archive": "dcm4chee", "instances": 5, "kind": "rejected", "noted_at": "2026-11-30T06:00:00Z"}
    suite.say("/sync/tombstones/lift", {"tombstones": [lifted], "warnings": ["Revoke it there first."]})
    numbers = {"differing_studies": 0, "synced_studies": 1, "pending_studies": 0, "duration_seconds": 1.0}
    suite.say("/sync", {"status": "success", "errors": [], "notes": [], **numbers})
    assert run(suite, "sync", "--lift", "dcm4chee", "1.2") == DONE
    asked = suite.bodies["/pacs/api/sync/tombstones/lift"]
    assert asked == {"archive": "dcm4chee", "study_uid": "1.2"}
    out, err = capsys.readouterr()
    lifted_told = "lifted: 5 instances of study 1.2 may be sent to dcm4chee again (rejected, noted "
    assert f"{lifted_told}2026-11-30 06:00 UTC)\n" in out
    assert "pacs: WARNING: Revoke it there first.\n" in err
    assert suite.bodies["/pacs/api/sync"]["full"] is True


@pytest.mark.parametrize(
    ("then", "told"), [("refill", "they are copied back to"), ("bury", "they stay away from")]
)
def test_a_mass_loss_is_decided_before_a_round(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], then: str, told: str
) -> None:
    suite.say("/sync/holds", {"archive": "dcm4chee", "then": then, "studies": 60})
    numbers = {"differing_studies": 60, "synced_studies": 0, "pending_studies": 0, "duration_seconds": 1.0}
    suite.say("/sync", {"status": "success", "errors": [], "notes": [], **numbers})
    assert run(suite, "sync", f"--{then}", "dcm4chee") == DONE
    assert suite.bodies["/pacs/api/sync/holds"] == {"archive": "dcm4chee", "then": then}
    assert f"60 studies decided: {told} dcm4chee" in capsys.readouterr().out
