"""What the renderer writes for Orthanc, nginx and supervisor."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orthanc_plugins.settings import load_settings
from scripts.lib.environment import deployment_of
from scripts.lib.render import (
    REPOSITORY,
    Deployment,
    Ports,
    is_rendered,
    orthanc_configuration,
    render,
    render_settings,
)
from tests.unit.scripts.rendered import nginx_file, rendered_json, supervisor_file


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(data=tmp_path / "data of 100 %", ports=Ports(front=1, orthanc=2, dicom=3, ohif=4))


def test_committed_configuration_is_plain_json_without_paths_or_substitutions() -> None:
    text = (REPOSITORY / "orthanc-config" / "orthanc.json").read_text(encoding="utf-8")
    json.loads(text)
    assert "${" not in text
    assert not re.search(r'"/(?!dicom-web)', text)


def test_callbacks_never_hold_the_interpreter_lock_while_orthanc_works(deployment: Deployment) -> None:
    assert rendered_json(deployment)["Python"]["AllowThreads"] is True


def test_evaluation_runs_on_loopback_only(deployment: Deployment) -> None:
    configuration = rendered_json(deployment)
    assert configuration["HttpBindAddresses"] == ["127.0.0.1"]
    assert configuration["RemoteAccessAllowed"] is False
    listens = re.findall(r"listen ([^;]+);", nginx_file(deployment))
    assert listens == ["127.0.0.1:1", "127.0.0.1:4"]


def test_ports_reach_orthanc_and_nginx(deployment: Deployment) -> None:
    configuration = rendered_json(deployment)
    assert (configuration["HttpPort"], configuration["DicomPort"]) == (2, 3)
    assert "server 127.0.0.1:2;" in nginx_file(deployment)
    assert configuration["PacsSuite"]["OhifUrl"] == "http://localhost:1/ohif"


def test_paths_are_absolute_and_inside_the_data_folder(deployment: Deployment) -> None:
    configuration = rendered_json(deployment)
    assert configuration["StorageDirectory"] == str(deployment.data / "orthanc")
    assert configuration["PacsSuite"]["DataDirectory"] == str(deployment.data)
    assert Path(configuration["PythonScript"]) == REPOSITORY / "orthanc-config" / "pacs_suite.py"


def test_suite_accepts_what_is_rendered(deployment: Deployment) -> None:
    settings = load_settings(rendered_json(deployment), {})
    assert settings.exports == deployment.data / "exports"


def test_differences_are_merged_section_by_section(tmp_path: Path) -> None:
    deployment = Deployment(data=tmp_path, orthanc={"StableAge": 1, "PacsSuite": {"LogLevel": "DEBUG"}})
    configuration = orthanc_configuration(deployment)
    assert configuration["StableAge"] == 1
    assert configuration["PacsSuite"]["LogLevel"] == "DEBUG"
    assert configuration["PacsSuite"]["DataDirectory"] == str(tmp_path)


def test_what_is_committed_in_another_case_is_merged_too(tmp_path: Path) -> None:
    (tmp_path / "orthanc-config").mkdir()
    committed = {"PacsSuite": {"Dcm4Chee": {"Username": "suite", "Password": "secret"}}}
    (tmp_path / "orthanc-config" / "orthanc.json").write_text(json.dumps(committed), encoding="utf-8")
    url = "http://archive:8080/dcm4chee-arc/aets/MAIN/rs"
    deployment = replace(deployment_of({"DCM4CHEE_URL": url}, tmp_path), repository=tmp_path)
    settings = load_settings(orthanc_configuration(deployment), {})
    assert (str(settings.dcm4chee.url), settings.dcm4chee.username) == (url, "suite")


def test_rendered_files_are_for_their_owner_only(deployment: Deployment) -> None:
    render(deployment)
    for name in ("orthanc.json", "nginx.conf", "supervisord.conf"):
        assert stat.S_IMODE((deployment.run / name).stat().st_mode) == 0o600


def test_what_the_settings_say_now_is_told_apart_from_what_runs(deployment: Deployment) -> None:
    render(deployment)
    runs = deployment.orthanc_json.read_text(encoding="utf-8")
    render_settings(replace(deployment, orthanc={"PacsSuite": {"LogLevel": "DEBUG"}}))
    now = json.loads(deployment.settings_json.read_text(encoding="utf-8"))
    assert now["PacsSuite"]["LogLevel"] == "DEBUG"
    assert deployment.orthanc_json.read_text(encoding="utf-8") == runs
    assert stat.S_IMODE(deployment.settings_json.stat().st_mode) == 0o600


def test_rendering_twice_gives_the_same(deployment: Deployment) -> None:
    assert rendered_json(deployment) == rendered_json(deployment)
    assert {path.name for path in deployment.run.iterdir()} == {
        "orthanc.json",
        "nginx.conf",
        "supervisord.conf",
        "app-config.js",
    }


def test_a_change_of_any_setting_is_seen(deployment: Deployment) -> None:
    assert not is_rendered(deployment)
    render(deployment)
    assert is_rendered(deployment)
    assert not is_rendered(replace(deployment, ports=replace(deployment.ports, front=9)))
    assert not is_rendered(replace(deployment, orthanc={"PacsSuite": {"LogLevel": "DEBUG"}}))


def test_supervisor_keeps_paths_with_spaces_and_percent_signs(deployment: Deployment) -> None:
    parser = supervisor_file(deployment)
    assert parser["supervisord"]["logfile"] == str(deployment.logs / "supervisord.log")
    assert parser["program:orthanc"]["command"] == (
        f"/bin/bash {deployment.repository}/scripts/lib/orthanc.sh '{deployment.run}'/orthanc.json"
    )


@pytest.mark.parametrize(("workers", "programs"), [("embedded", 2), ("external", 3)])
def test_worker_is_a_program_only_when_external(tmp_path: Path, workers: Any, programs: int) -> None:
    parser = supervisor_file(Deployment(data=tmp_path, workers=workers))
    assert len([name for name in parser.sections() if name.startswith("program:")]) == programs


def test_control_socket_stays_within_what_linux_allows(tmp_path: Path) -> None:
    near = Deployment(data=Path("/srv/data"))
    far = Deployment(data=tmp_path / ("x" * 120))
    assert near.control_socket == Path("/srv/data/run/supervisor.sock")
    assert len(str(far.control_socket)) <= 100
    assert far.control_socket != Deployment(data=tmp_path / ("y" * 120)).control_socket


def test_no_log_of_nginx_holds_what_was_asked_for(deployment: Deployment) -> None:
    text = nginx_file(deployment)
    assert "access_log off;" in text
    assert "error_log stderr crit;" in text


def test_nginx_accepts_what_is_rendered(tmp_path: Path) -> None:
    deployment = Deployment(data=tmp_path / "data of 100 %", ohif=tmp_path)
    render(deployment)
    command = ["nginx", "-t", "-e", "stderr", "-c", str(deployment.run / "nginx.conf")]
    answer = subprocess.run(command, capture_output=True, check=False, text=True)
    assert answer.returncode == 0, answer.stderr


def test_every_own_script_of_ohif_is_served(deployment: Deployment) -> None:
    served = set(re.findall(r"location = /(\S+\.js) \{ root", nginx_file(deployment)))
    assert served == {script.name for script in (REPOSITORY / "ohif").glob("*.js")}
