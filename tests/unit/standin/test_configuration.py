"""The shim's configuration and its programme."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dcm4chee.standin.__main__ import main
from dcm4chee.standin.configuration import read_configuration
from scripts.lib.dcm4chee import Place, orthanc_configuration, shim_configuration

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_rendered_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "shim.json"
    path.write_text(
        json.dumps(shim_configuration(Place(tmp_path, 1, 2, 3), ClockSkewS=600)), encoding="utf-8"
    )
    configuration = read_configuration(path)
    assert (configuration.port, configuration.orthanc_url) == (1, "http://127.0.0.1:2")
    assert configuration.overwrite_policy == "SAME_SOURCE"
    assert configuration.qido_max_number_of_results == 1000
    assert configuration.clock_skew_s == 600


@pytest.mark.parametrize("changes", [{"Prot": 1}, {"Port": 0}, {"OverwritePolicy": "SOMETIMES"}])
def test_wrong_configuration_stops_the_start_without_showing_values(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
) -> None:
    path = tmp_path / "shim.json"
    content = {**shim_configuration(Place(tmp_path, 1, 2, 3)), **changes}
    path.write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["standin", str(path)])
    assert main() == 2
    said = capsys.readouterr().err
    assert next(iter(changes)) in said
    assert "SOMETIMES" not in said


def test_the_programme_says_how_to_use_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["standin"])
    assert main() == 2
    assert capsys.readouterr().err == "usage: python -m dcm4chee.standin CONFIG.json\n"


def test_orthanc_behind_it_overwrites_and_asks_the_scripts_first(tmp_path: Path) -> None:
    configuration = orthanc_configuration(Place(tmp_path, 1, 2, 3, "NEVER"), StableAge=1)
    assert configuration["OverwriteInstances"] is True
    assert configuration["StandIn"] == {"OverwritePolicy": "NEVER"}
    assert configuration["DicomWeb"]["Root"] == "/dcm4chee-arc/aets/DCM4CHEE/rs/"
    assert configuration["Python"]["AllowThreads"] is True
    assert configuration["StableAge"] == 1
