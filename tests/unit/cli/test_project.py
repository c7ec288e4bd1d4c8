"""``pacs project``, from arguments to exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE, main
from orthanc_plugins.projects import Custodian

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = {
        "DataDirectory": str(tmp_path),
        "Deidentification": {
            "Projects": [
                {"Name": "sums", "Patients": "numbered"},
                {"Name": "publishing", "Profile": "strict"},
                {"Name": "publishing2", "Profile": "strict"},
                {
                    "Name": "trial",
                    "Reversible": True,
                    "Destination": {"Kind": "folder", "Folder": str(tmp_path / "out")},
                },
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


def _kinds(folder: Path) -> dict[str, str]:
    custodian = Custodian(folder / "custody")
    return {name: custodian.patient_form(name).kind for name in custodian.projects()}


def test_patients_are_called_as_the_command_or_the_settings_say_and_else_by_the_key(tmp_path: Path) -> None:
    for arguments in (
        ["asked", "--numbered"],
        ["plain"],
        ["sums"],
        ["publishing"],
        ["publishing2", "--keyed"],
    ):
        assert main(["project", "create", *arguments]) == DONE
    assert _kinds(tmp_path) == {
        "asked": "numbered",
        "plain": "keyed",
        "publishing": "numbered",
        "publishing2": "keyed",
        "sums": "numbered",
    }


def test_how_patients_are_called_is_not_changed_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["project", "create", "plain"]) == DONE
    assert main(["project", "create", "plain", "--numbered"]) == USAGE
    assert "are keyed, and numbered is asked for" in capsys.readouterr().err
    assert main(["project", "create", "sums", "--keyed"]) == USAGE
    assert "The settings say that patients of sums are numbered" in capsys.readouterr().err
    assert _kinds(tmp_path) == {"plain": "keyed"}
    assert main(["project", "show", "plain"]) == DONE
    assert "patients are keyed\n" in capsys.readouterr().out


def test_a_project_that_was_there_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    main(["project", "create", "plain"])
    assert capsys.readouterr().out.startswith("project plain: key ")
    assert main(["project", "create", "plain"]) == DONE
    assert capsys.readouterr().out.startswith("project plain was there already: key ")


def test_a_project_whose_way_back_was_destroyed_goes_on_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["project", "create", "trial"])
    assert main(["project", "destroy-mapping", "trial", "--yes-destroy", "trial"]) == DONE
    assert "not reversible any more: set Reversible to false" in capsys.readouterr().out
    assert main(["project", "create", "trial"]) == DONE
    told = capsys.readouterr().out
    assert "patients keyed\nnot reversible any more" in told
    assert main(["project", "create", "trial", "--reversible"]) == USAGE
    assert "destroyed for good" in capsys.readouterr().err
    assert main(["project", "show", "trial"]) == DONE
    assert "not reversible any more" in capsys.readouterr().out


def test_what_was_never_kept_is_not_destroyed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["project", "create", "plain"])
    assert main(["project", "destroy-mapping", "plain", "--yes-destroy", "plain"]) == USAGE
    assert "who is behind the pseudonyms of project plain was never kept" in capsys.readouterr().err


def test_a_name_whose_key_was_destroyed_is_not_used_again(capsys: pytest.CaptureFixture[str]) -> None:
    main(["project", "create", "trial"])
    assert main(["project", "destroy-key", "trial", "--yes-destroy", "trial"]) == DONE
    told = capsys.readouterr().out
    assert "Key and register are gone" in told
    assert "pacs project destroy-mapping ends that" in told
    assert main(["project", "create", "trial"]) == USAGE
    assert "a project of another name" in capsys.readouterr().err


def test_files_are_deidentified_as_the_project_was_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    arguments = ["deidentify", str(tmp_path / "in"), str(tmp_path / "out"), "--project", "plain"]
    main(["project", "create", "plain"])
    assert main([*arguments, "--profile", "strict"]) == USAGE
    assert "patients are numbered, and those of project plain are keyed" in capsys.readouterr().err
    assert main(arguments) == FAILED, "there is nothing to do"


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
