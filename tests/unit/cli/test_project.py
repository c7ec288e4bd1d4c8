"""``pacs project``, from arguments to exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE, main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = {
        "DataDirectory": str(tmp_path),
        "Deidentification": {
            "Projects": [
                {
                    "Name": "trial",
                    "Reversible": True,
                    "Destination": {"Kind": "folder", "Folder": str(tmp_path / "out")},
                }
            ]
        },
    }
    file = tmp_path / "suite.json"
    file.write_text(json.dumps({"PacsSuite": section}), encoding="utf-8")
    monkeypatch.setenv("PACS_SUITE_CONFIGURATION", str(file))


def test_a_project_is_made_as_the_settings_want_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["project", "create", "trial"]) == DONE
    told = capsys.readouterr().out
    assert "reversible" in told
    assert "certificates are signed by" in told
    assert sorted(path.name for path in (tmp_path / "custody").glob("*.key")) == [
        "suite.audit.key",
        "trial.mapping.key",
        "trial.pseudonyms.key",
    ]
    assert main(["project", "list"]) == DONE
    assert capsys.readouterr().out == "trial\n"
    assert main(["project", "show", "trial"]) == DONE
    assert "0 patients" in capsys.readouterr().out


def test_in_another_folder_a_project_is_a_key_and_a_register(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    assert main(["project", "--custody", str(folder), "create", "files"]) == DONE
    assert sorted(path.name for path in folder.iterdir()) == [
        "files.numbers.sqlite",
        "files.pseudonyms.key",
    ]


def test_a_project_that_is_not_there_is_told_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["project", "show", "trial"]) == FAILED
    assert "pacs project create trial" in capsys.readouterr().out


def test_nothing_is_destroyed_without_the_name_once_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["project", "create", "trial"])
    for action in ("destroy-mapping", "destroy-key"):
        assert main(["project", action, "trial"]) == USAGE
        assert main(["project", action, "trial", "--yes-destroy", "other"]) == USAGE
    assert len(list((tmp_path / "custody").glob("trial.*.key"))) == 2
    assert main(["project", "destroy-mapping", "trial", "--yes-destroy", "trial"]) == DONE
    assert main(["project", "destroy-key", "trial", "--yes-destroy", "trial"]) == DONE
    assert list((tmp_path / "custody").glob("trial.*.key")) == []
    assert "--yes-destroy trial" in capsys.readouterr().err


def test_a_name_that_leads_elsewhere_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["project", "create", "../trial"]) == USAGE
    assert "letters, digits" in capsys.readouterr().err


def test_files_are_not_deidentified_for_a_project_that_nobody_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    out = tmp_path / "out"
    assert main(["deidentify", str(tmp_path / "in"), str(out), "--project", "trial"]) == USAGE
    assert "pacs project create trial" in capsys.readouterr().err
    assert not (tmp_path / "custody" / "trial.pseudonyms.key").exists()
