"""``pacs profile``, from arguments to exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from orthanc_plugins.cli import DONE, USAGE, main
from orthanc_plugins.deid.profile import load_profile, shipped_profiles

if TYPE_CHECKING:
    from pathlib import Path

OWN = {
    "name": "own",
    "summary": "of this house",
    "exceptions": [{"attribute": "Manufacturer", "action": "X", "reason": "there is but one \x1b[31mof it"}],
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A profile of a site's own, in a file."""
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(OWN), encoding="utf-8")
    return file


def test_all_shipped_profiles_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "list"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped_profiles())
    assert lines[0] == f"basic        {load_profile('basic').summary}"


def test_a_profile_is_shown_with_its_policy_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "show", "strict"]) == DONE
    told = capsys.readouterr().out
    assert told.startswith(f"strict, policy {load_profile('strict').digest}\n")
    assert "  dates: removed\n" in told
    assert "  exception: SequenceName X: sites give sequences names of their own\n" in told
    assert "attributes of the dictionary (PS3.6), of which" in told


def test_a_profile_of_ones_own_is_shown_and_does_nothing_to_a_terminal(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", "show", str(own)]) == DONE
    told = capsys.readouterr().out
    assert "  for whom: of this house\n" in told
    assert "  exception: Manufacturer X: there is but one ?[31mof it\n" in told


def test_profiles_of_the_sites_folder_are_named_like_those_shipped(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = own.with_name("suite.json")
    section = {"Deidentification": {"ProfilesDirectory": str(own.parent)}}
    settings.write_text(json.dumps({"PacsSuite": section}), encoding="utf-8")
    monkeypatch.setenv("PACS_SUITE_CONFIGURATION", str(settings))
    assert main(["profile", "list"]) == DONE
    assert "own          of this house\n" in capsys.readouterr().out
    assert main(["profile", "show", "own"]) == DONE
    assert "  for whom: of this house\n" in capsys.readouterr().out


def test_attributes_are_explained(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "explain", str(own), "Manufacturer", "0010,0010"]) == DONE
    told = capsys.readouterr().out
    assert "Manufacturer (0008,0070) Manufacturer, LO\n" in told
    assert "  under own: X, removed" in told
    assert "PatientName (0010,0010) Patient's Name, PN\n" in told


def test_nothing_is_told_where_one_keyword_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "explain", "basic", "PatientName", "PatientNaem"]) == USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("pacs profile: The dictionary has no attribute 'PatientNaem'. Do you mean ")


@pytest.mark.parametrize("keyword", ["roiname", "ROINAME", "Roiname"])
def test_a_keyword_in_other_letters_is_recognised(keyword: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "explain", "basic", keyword]) == USAGE
    assert f"no attribute '{keyword}'. Do you mean ROIName" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["basik", "missing.yaml"])
def test_what_is_no_profile_is_told(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "show", name]) == USAGE
    assert name in capsys.readouterr().err


def test_a_fault_in_a_profile_is_told_by_its_field(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text(yaml.safe_dump({**OWN, "faces": "remove"}), encoding="utf-8")
    assert main(["profile", "show", str(own)]) == USAGE
    assert "pacs profile: The profile own.yaml cannot be used: faces" in capsys.readouterr().err


def test_who_reads_only_the_beginning_is_told_of_no_error() -> None:
    command = [sys.executable, "-m", "orthanc_plugins", "profile", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.close()
        _, errors = running.communicate()
    assert (running.returncode, errors) == (DONE, b"")


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "schema"]) == DONE
    assert json.loads(capsys.readouterr().out)["required"] == ["name", "summary"]
