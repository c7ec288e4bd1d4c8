"""``pacs repair``, from arguments to exit codes, against a double of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE
from tests.unit.cli.suite_double import SuiteDouble, run

if TYPE_CHECKING:
    from pathlib import Path

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
