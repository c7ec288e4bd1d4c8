"""``pacs compare`` and ``pacs sync``, from arguments to exit codes, against a double of the suite."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE, main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STUDIES = {"same": 5, "differing": 0, "only_orthanc": 0, "only_dcm4chee": 0}
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


class SuiteDouble:
    """Answers each path with what is written down for it, one after the other, the last again and again."""

    def __init__(self) -> None:
        self.answers: defaultdict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self.bodies: dict[str, Any] = {}
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                double.answer(self)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                double.bodies[self.path] = json.loads(body)
                double.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/pacs"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def say(self, path: str, content: Any, status: int = 200) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.answers[f"/pacs/api{path}"].append((status, raw))

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        prepared = self.answers[request.path.partition("?")[0]]
        status, content = prepared.pop(0) if len(prepared) > 1 else prepared[0]
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def suite() -> Iterator[SuiteDouble]:
    double = SuiteDouble()
    yield double
    double.close()


def run(suite: SuiteDouble, *arguments: str) -> int:
    return main([arguments[0], "--url", suite.url, *arguments[1:]])


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


REPAIR = "0" * 32
PLAN = f"Repair of study 1.2\n\nState: planned. Repair {REPAIR}.\n"


def of_repair(suite: SuiteDouble, state: str) -> dict[str, Any]:
    """Have the suite know a repair, and return it."""
    repair = {"repair_id": REPAIR, "state": state, "ended_at": "T", "job_id": "j"}
    suite.say("/studies/1.2/repair", repair)
    for verb in ("apply", "undo", "actions/3/decide"):
        suite.say(f"/repairs/{REPAIR}/{verb}", repair)
    suite.say(f"/repairs/{REPAIR}", PLAN.encode())
    suite.say(f"/repairs/{REPAIR}", repair)
    return repair


def test_a_repair_is_planned_with_a_policy_and_shown(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    of_repair(suite, "planned")
    policy = tmp_path / "policy.json"
    policy.write_text('{"missing": "manual"}', encoding="utf-8")
    assert run(suite, "repair", "1.2", "--policy", str(policy)) == DONE
    body = suite.bodies["/pacs/api/studies/1.2/repair"]
    assert body == {"wait_s": 30, "policy": {"missing": "manual"}}
    assert capsys.readouterr().out == PLAN


@pytest.mark.parametrize(
    ("option", "state", "code"),
    [
        ("--apply", "verified", DONE),
        ("--apply", "partly", FAILED),
        ("--undo", "undone", DONE),
        ("--undo", "undo_failed", FAILED),
        ("--show", "failed", DONE),
    ],
)
def test_only_what_is_verified_or_undone_is_a_success(
    suite: SuiteDouble, option: str, state: str, code: int
) -> None:
    of_repair(suite, state)
    assert run(suite, "repair", REPAIR, option) == code


def test_a_repair_that_takes_long_is_waited_for(suite: SuiteDouble) -> None:
    suite.say(f"/repairs/{REPAIR}/apply", {"state": "applying", "ended_at": None, "job_id": "j"}, 202)
    suite.say("/jobs/j", {"state": "running", "error": None})
    suite.say("/jobs/j", {"state": "succeeded", "error": None})
    of_repair(suite, "verified")
    assert run(suite, "repair", REPAIR, "--apply") == DONE


def test_a_person_decides_whose_copy_stays(suite: SuiteDouble) -> None:
    of_repair(suite, "planned")
    assert run(suite, "repair", REPAIR, "--decide", "3", "orthanc") == DONE
    assert suite.bodies[f"/pacs/api/repairs/{REPAIR}/actions/3/decide"] == {"keep": "orthanc"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("1.2", "--apply"), "is no repair"),
        (("../x",), "no Study Instance UID"),
        ((REPAIR, "--undo", "--policy", "p.json"), "--policy goes with a plan."),
        ((REPAIR, "--decide", "x", "orthanc"), "the number of an action"),
        (("1.2", "--policy", "/nowhere/p.json"), "No such file"),
    ],
)
def test_what_cannot_be_repaired_so_is_refused(
    suite: SuiteDouble, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert run(suite, "repair", *arguments) == USAGE
    assert told in capsys.readouterr().err


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
