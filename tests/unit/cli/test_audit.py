"""``pacs audit``, from arguments to exit codes."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE, audit, main
from orthanc_plugins.projects import Custodian

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _ann(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "account", lambda: "ann")


@pytest.fixture
def trail_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the trail of the installation whose settings are read; nothing is made yet."""
    file = tmp_path / "suite.json"
    file.write_text(json.dumps({"PacsSuite": {"DataDirectory": str(tmp_path)}}), encoding="utf-8")
    monkeypatch.setenv("PACS_SUITE_CONFIGURATION", str(file))
    return tmp_path / "audit"


@pytest.fixture
def trail(tmp_path: Path, trail_folder: Path) -> Path:
    """The folder of a trail of two records."""
    Custodian(tmp_path / "custody", trail_folder).create("trial")
    for _ in range(2):
        assert main(["audit", "show"]) == DONE
    return trail_folder


def only_file(trail: Path) -> Path:
    (segment,) = trail.glob("trail-*.jsonl")
    return segment


def cut(trail: Path) -> None:
    segment = only_file(trail)
    segment.write_bytes(segment.read_bytes().splitlines(keepends=True)[0])


def test_a_whole_trail_is_told(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["audit", "verify"]) == DONE
    assert capsys.readouterr().out == "whole: 2 records\n"


def test_a_cut_trail_is_told_with_what_to_do(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(trail)
    capsys.readouterr()
    assert main(["audit", "verify"]) == FAILED
    told = capsys.readouterr()
    assert told.out == "broken at record 2: truncated\n"
    assert "pacs audit begin-anew" in told.err


@pytest.mark.parametrize(
    ("gone", "fault"),
    [
        ("audit", "1: folder_missing"),
        ("custody/audit.head.json", "3: head_missing"),
        ("custody/suite.audit.key", "1: key_missing"),
    ],
)
def test_what_is_gone_is_told(
    trail: Path, tmp_path: Path, gone: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / gone
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    capsys.readouterr()
    assert main(["audit", "verify"]) == FAILED
    assert capsys.readouterr().out == f"broken at record {fault}\n"
    assert main(["audit", "begin-anew", "--reason", "lost"]) == DONE
    assert main(["audit", "verify"]) == DONE
    assert capsys.readouterr().out.endswith("whole: 1 records\n")


@pytest.mark.usefixtures("trail_folder")
def test_a_trail_that_was_never_begun_is_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify"]) == USAGE
    assert "pacs project create" in capsys.readouterr().err
    assert main(["audit", "begin-anew", "--reason", "none"]) == USAGE


def test_records_are_shown_and_that_is_recorded(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["audit", "show", "--limit", "9"]) == DONE
    records = json.loads(capsys.readouterr().out)["records"]
    assert [one["sequence"] for one in records] == [3, 2, 1]
    assert records[0]["event"]["participants"][0]["user_id"] == "ann"
    assert main(["audit", "show", "--format", "xml", "--limit", "1"]) == DONE
    assert capsys.readouterr().out.count("<AuditMessage>") == 1
    assert main(["audit", "show", "--since", "2999-01-01"]) == DONE
    assert json.loads(capsys.readouterr().out) == {"records": []}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["--actor", "ann"], 3),
        (["--actor", "bob"], 0),
        (["--kind", "audit_log_used"], 3),
        (["--kind", "export"], 0),
        (["--until", "2999-01-01"], 3),
        (["--until", "2000-01-01"], 0),
        (["--study", "2.25.64467579050708218332770016808972538783"], 0),
    ],
)
def test_records_are_asked_for_by_what_they_say(
    trail: Path, capsys: pytest.CaptureFixture[str], asked: list[str], found: int
) -> None:
    capsys.readouterr()
    assert main(["audit", "show", *asked]) == DONE
    assert len(json.loads(capsys.readouterr().out)["records"]) == found


def test_what_is_no_time_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["audit", "show", "--since", "gestern"])
    assert "argument --since: 'gestern' is no time; write it as 2026-11-30" in capsys.readouterr().err


def test_a_broken_trail_is_not_shown(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(trail)
    capsys.readouterr()
    assert main(["audit", "show"]) == USAGE
    assert "pacs audit verify" in capsys.readouterr().err


def test_a_broken_trail_is_begun_anew(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(trail)
    capsys.readouterr()
    assert main(["audit", "begin-anew", "--reason", "disk_failure"]) == DONE
    assert str(trail / "broken-") in capsys.readouterr().out
    assert main(["audit", "show"]) == DONE
    first = json.loads(capsys.readouterr().out)["records"][-1]
    assert (first["sequence"], first["event"]["reason"]) == (1, "disk_failure")
    assert [one["user_id"] for one in first["event"]["participants"]] == ["orthanc-pacs-suite", "ann"]


def test_a_whole_trail_is_not_begun_anew(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = only_file(trail).read_bytes()
    assert main(["audit", "begin-anew", "--reason", "tidying"]) == USAGE
    assert "is whole" in capsys.readouterr().err
    assert only_file(trail).read_bytes() == before
