"""What the renderer writes for Orthanc, nginx and supervisor."""

from __future__ import annotations

import configparser
import json
import re
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dcm4chee.standin.configuration import read_configuration
from orthanc_plugins.settings import ENVIRONMENT_PREFIX, load_settings, settings_table
from scripts.lib.environment import VARIABLES, deployment_of, read_environment_file
from scripts.lib.render import (
    REPOSITORY,
    Deployment,
    DeploymentError,
    Ports,
    is_rendered,
    orthanc_configuration,
    render,
    this_deployment,
)
from scripts.lib.suite_variables import PREFIX, put_into

EXAMPLE = REPOSITORY / ".env.example"


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(data=tmp_path / "data of 100 %", ports=Ports(front=1, orthanc=2, dicom=3, ohif=4))


def rendered_json(deployment: Deployment) -> Any:
    render(deployment)
    return json.loads(deployment.orthanc_json.read_text(encoding="utf-8"))


def supervisor_file(deployment: Deployment) -> configparser.ConfigParser:
    render(deployment)
    parser = configparser.ConfigParser()
    parser.read(deployment.run / "supervisord.conf", encoding="utf-8")
    return parser


def nginx_file(deployment: Deployment) -> str:
    render(deployment)
    return (deployment.run / "nginx.conf").read_text(encoding="utf-8")


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
    assert configuration["PacsSuite"]["OhifUrl"] == "http://localhost:4"


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


def test_rendering_twice_gives_the_same(deployment: Deployment) -> None:
    assert rendered_json(deployment) == rendered_json(deployment)
    assert {path.name for path in deployment.run.iterdir()} == {
        "orthanc.json",
        "nginx.conf",
        "supervisord.conf",
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
    (pattern,) = re.findall(r'location ~ "([^"]+)" \{ root', nginx_file(deployment))
    for script in (REPOSITORY / "ohif").glob("*.js"):
        assert re.fullmatch(pattern, f"/{script.name}")


def test_example_documents_every_variable_and_its_default(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    names = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))
    assert names == VARIABLES
    assert deployment_of(read_environment_file(EXAMPLE), tmp_path).ports == Ports()


def test_environment_file_changes_ports_workers_and_settings(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nFRONT_PORT=9001\n\nWORKERS = external\nDATABASE_URL='postgresql://u:p@h/d'\n")
    deployment = deployment_of(read_environment_file(path), tmp_path)
    assert deployment.ports.front == 9001
    assert deployment.workers == "external"
    settings = load_settings(orthanc_configuration(deployment), {})
    assert settings.store_url == "postgresql://u:p@h/d"


def test_url_of_orthanc_can_be_another(tmp_path: Path) -> None:
    deployment = deployment_of({"ORTHANC_URL": "http://other:8042"}, tmp_path)
    assert orthanc_configuration(deployment)["PacsSuite"]["Orthanc"] == {"Url": "http://other:8042"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"FRONT_PROT": "1"}, "FRONT_PROT"),
        ({"FRONT_PORT": "http"}, "FRONT_PORT is http"),
        ({"FRONT_PORT": "70000"}, "1 to 65535"),
        ({"FRONT_PORT": "8042"}, "are the same"),
        ({"WORKERS": "many"}, "embedded or external"),
    ],
)
def test_wrong_settings_are_refused_by_name(values: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=said):
        deployment_of(values, tmp_path)


def test_any_setting_of_the_suite_may_stand_in_the_environment_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "LOG_LEVEL=ERROR\nORTHANC_URL=http://other:8042\n"
        "ORTHANC__PACS_SUITE__LOG_LEVEL=DEBUG\nORTHANC__PACS_SUITE__ORTHANC__TIMEOUT_S=5\n"
        'ORTHANC__PACS_SUITE__STRUCTURES__FORMATS=["nifti", "json"]\n'
        "ORTHANC__PACS_SUITE__STRUCTURES__COMPARE_REGIONS=false\n"
        'ORTHANC__PACS_SUITE__XNAT={"Aet": "THERE"}\nORTHANC__PACS_SUITE__XNAT__DICOM_PORT=104\n'
    )
    settings = load_settings(orthanc_configuration(deployment_of(read_environment_file(path), tmp_path)), {})
    assert (settings.log_level, settings.orthanc.timeout_s) == ("DEBUG", 5.0)
    assert str(settings.orthanc.url) == "http://other:8042/"
    assert settings.structures.formats == ("nifti", "json")
    assert settings.structures.compare_regions is False
    assert (settings.xnat.aet, settings.xnat.dicom_port) == ("THERE", 104)


def test_every_variable_of_the_suite_is_the_key_of_the_same_setting() -> None:
    assert PREFIX == ENVIRONMENT_PREFIX
    wrong = []
    for row in settings_table().splitlines()[2:]:
        key, variable = re.findall(r"`([^`]+)`", row)[:2]
        section: dict[str, Any] = {}
        try:
            put_into(section, {variable: "x"})
        except DeploymentError:
            wrong.append(key)
            continue
        *places, last = key.split(".")
        for place in places:
            section = section[place]
        assert section == {last: "x"}
    assert wrong == ["DataDirectory", "Workers", "PythonExecutable", "Dcm4chee.Url", "Xnat.Url"]


def test_what_stands_in_the_environment_wins_and_a_running_suite_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_DATA", str(tmp_path))
    before = this_deployment()
    render(before)
    monkeypatch.setenv("ORTHANC__PACS_SUITE__SWEEP_INTERVAL_S", "7")
    after = this_deployment()
    assert orthanc_configuration(after)["PacsSuite"]["SweepIntervalS"] == "7"
    assert is_rendered(before)
    assert not is_rendered(after)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ORTHANC__PACS_SUITE__WORKERS", "external", "it takes WORKERS"),
        ("ORTHANC__PACS_SUITE__XNAT__URL", "https://secret", "it takes XNAT_URL"),
        ("ORTHANC__PACS_SUITE__STRUCTURES__FORMATS", '["secret"', "must hold JSON"),
        ("ORTHANC__PACS_SUITE__LOG_LEVEL__SECRET", "secret", "given as a whole"),
    ],
)
def test_a_setting_that_cannot_stand_there_is_named_and_not_shown(
    name: str, value: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(DeploymentError, match=said) as caught:
        deployment_of({"LOG_LEVEL": "INFO", name: value}, tmp_path)
    assert name in str(caught.value)
    assert "secret" not in str(caught.value)


def test_line_without_a_value_is_named_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("FRONT_PORT=1\nsecret-without-a-name\n")
    with pytest.raises(DeploymentError, match="line 2") as caught:
        read_environment_file(path)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"FRONT_PORT=\xff\n")
    with pytest.raises(DeploymentError, match="cannot be read"):
        read_environment_file(path)


def test_machine_without_an_environment_file_has_the_defaults(tmp_path: Path) -> None:
    assert deployment_of(read_environment_file(tmp_path / ".env"), tmp_path) == Deployment(
        data=tmp_path, orthanc={"PacsSuite": {}}, stand_in=True, xnat_stand_in=True
    )


# DCM4CHEE


@pytest.fixture
def with_stand_in(tmp_path: Path) -> Deployment:
    return deployment_of({}, tmp_path / "data of 100 %")


def test_stand_in_has_files_programs_and_a_folder_of_its_own(with_stand_in: Deployment) -> None:
    parser = supervisor_file(with_stand_in)
    assert {"program:dcm4chee", "program:dcm4chee-shim"} <= set(parser.sections())
    inner = json.loads((with_stand_in.run / "dcm4chee.json").read_text(encoding="utf-8"))
    assert (inner["DicomAet"], inner["DicomPort"], inner["HttpPort"]) == ("DCM4CHEE", 11112, 8043)
    assert Path(inner["StorageDirectory"]).parent == with_stand_in.data / "dcm4chee"
    assert (with_stand_in.data / "dcm4chee").is_dir()
    shim = read_configuration(with_stand_in.run / "dcm4chee-shim.json")
    assert (shim.port, shim.orthanc_url) == (8080, "http://127.0.0.1:8043")


def test_stand_in_listens_on_loopback_but_for_dicom(with_stand_in: Deployment) -> None:
    render(with_stand_in)
    inner = json.loads((with_stand_in.run / "dcm4chee.json").read_text(encoding="utf-8"))
    assert inner["HttpBindAddresses"] == ["127.0.0.1"]
    assert inner["RemoteAccessAllowed"] is False
    assert "listen 127.0.0.1:8080" not in nginx_file(with_stand_in)


def test_suite_is_told_where_the_stand_in_is(with_stand_in: Deployment) -> None:
    settings = load_settings(rendered_json(with_stand_in), {})
    assert str(settings.dcm4chee.url) == "http://127.0.0.1:8080/dcm4chee-arc/aets/DCM4CHEE/rs"
    assert (settings.dcm4chee.dicom_host, settings.dcm4chee.dicom_port) == ("127.0.0.1", 11112)


def test_only_to_the_stand_in_something_is_sent_without_being_asked_for(
    with_stand_in: Deployment, tmp_path: Path
) -> None:
    settings = load_settings(rendered_json(with_stand_in), {})
    assert [rule.name for rule in settings.forwarding.rules] == ["everything"]
    assert settings.synchronisation.direction == "both"
    real = deployment_of({"DCM4CHEE_URL": "http://archive/dcm4chee-arc/aets/A/rs"}, tmp_path)
    settings = load_settings(orthanc_configuration(real), {})
    assert settings.forwarding.rules == ()
    assert settings.synchronisation.direction == "none"


def test_what_the_administrator_says_of_rules_and_direction_counts_for_a_stand_in_too(
    with_stand_in: Deployment, tmp_path: Path
) -> None:
    suite = {
        "Forwarding": {"Rules": [{"Name": "MR only", "Modalities": ["MR"]}]},
        "Synchronisation": {"Direction": "none"},
    }
    (tmp_path / "orthanc-config").mkdir()
    (tmp_path / "orthanc-config" / "orthanc.json").write_text(
        json.dumps({"PacsSuite": suite}), encoding="utf-8"
    )
    settings = load_settings(orthanc_configuration(replace(with_stand_in, repository=tmp_path)), {})
    assert [rule.name for rule in settings.forwarding.rules] == ["MR only"]
    assert settings.synchronisation.direction == "none"


def test_a_configuration_that_is_no_json_is_named(with_stand_in: Deployment, tmp_path: Path) -> None:
    (tmp_path / "orthanc-config").mkdir()
    (tmp_path / "orthanc-config" / "orthanc.json").write_text('{"PacsSuite": {,}}', encoding="utf-8")
    with pytest.raises(DeploymentError, match=r"orthanc-config/orthanc\.json is no JSON: .*line 1 column 16"):
        orthanc_configuration(replace(with_stand_in, repository=tmp_path))


def test_how_archives_are_kept_in_step_can_be_set(tmp_path: Path) -> None:
    chosen = {"SYNC_INTERVAL": "300", "SYNC_DIRECTION": "orthanc_to_dcm4chee"}
    settings = load_settings(orthanc_configuration(deployment_of(chosen, tmp_path)), {})
    assert settings.synchronisation.interval_s == 300
    assert settings.synchronisation.direction == "orthanc_to_dcm4chee"


def test_real_archive_takes_the_stand_ins_place(tmp_path: Path) -> None:
    url = "https://archive.example/dcm4chee-arc/aets/MAIN/rs"
    deployment = deployment_of({"DCM4CHEE_URL": url, "DCM4CHEE_DICOM_PORT": "104"}, tmp_path)
    assert len([name for name in supervisor_file(deployment).sections() if "dcm4chee" in name]) == 0
    assert not (deployment.run / "dcm4chee-shim.json").exists()
    settings = load_settings(orthanc_configuration(deployment), {})
    assert str(settings.dcm4chee.url) == url
    assert settings.dcm4chee.aet == "MAIN"
    assert (settings.dcm4chee.dicom_host, settings.dcm4chee.dicom_port) == ("archive.example", 104)


REAL = "https://archive.example/dcm4chee-arc/aets/MAIN/rs"


def test_who_the_suite_is_for_a_real_archive_stands_in_the_environment_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        f"DCM4CHEE_URL={REAL}\nDCM4CHEE_USERNAME=suite\nDCM4CHEE_PASSWORD='s3 cr=t'\nDCM4CHEE_AET=OTHER\n"
        "DCM4CHEE_DICOM_HOST=dicom.example\nDCM4CHEE_CA_FILE=dcm4chee/ca.pem\nDCM4CHEE_CALLING_AET=SUITE\n",
        encoding="utf-8",
    )
    deployment = deployment_of(read_environment_file(path), tmp_path / "data")
    chosen = load_settings(rendered_json(deployment), {}).dcm4chee
    assert (chosen.username, chosen.aet, chosen.dicom_host) == ("suite", "OTHER", "dicom.example")
    assert chosen.password is not None
    assert chosen.password.get_secret_value() == "s3 cr=t"
    assert chosen.ca_file == REPOSITORY / "dcm4chee" / "ca.pem"
    assert chosen.calling_aet == "SUITE"
    holding = [one for one in deployment.data.rglob("*") if one.is_file() and "s3 cr=t" in one.read_text()]
    assert holding == [deployment.orthanc_json]
    assert stat.S_IMODE(deployment.orthanc_json.stat().st_mode) == 0o600


def test_the_suite_can_be_a_client_of_keycloaks(tmp_path: Path) -> None:
    client = {"DCM4CHEE_TOKEN_URL": "https://kc.example/token", "DCM4CHEE_CLIENT_ID": "suite"}
    values = {"DCM4CHEE_URL": REAL, **client, "DCM4CHEE_CLIENT_SECRET": "s3cret"}
    chosen = load_settings(orthanc_configuration(deployment_of(values, tmp_path)), {}).dcm4chee
    assert (str(chosen.token_url), chosen.client_id) == ("https://kc.example/token", "suite")
    assert chosen.client_secret is not None
    assert chosen.client_secret.get_secret_value() == "s3cret"


def test_who_the_suite_is_for_no_archive_is_refused_without_the_secret(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="DCM4CHEE_PASSWORD is of a DCM4CHEE that is there") as caught:
        deployment_of({"DCM4CHEE_PASSWORD": "s3cret"}, tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "origin"),
    [
        ({}, "http://dcm4chee"),
        ({"DCM4CHEE_URL": "http://127.0.0.1:8888/dcm4chee-arc/aets/A/rs"}, "http://127.0.0.1:8888"),
        ({"DCM4CHEE_URL": "https://no-such-host/dcm4chee-arc/aets/A/rs"}, "https://no-such-host"),
    ],
    ids=["stand-in", "address", "name"],
)
def test_both_servers_of_nginx_reach_dcm4chee_and_start_without_it(
    tmp_path: Path, values: dict[str, str], origin: str
) -> None:
    deployment = replace(deployment_of(values, tmp_path / "data"), ohif=tmp_path)
    assert nginx_file(deployment).count(f"set $dcm4chee {origin};") == 2
    command = ["nginx", "-t", "-e", "stderr", "-c", str(deployment.run / "nginx.conf")]
    answer = subprocess.run(command, capture_output=True, check=False, text=True)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"DCM4CHEE_PORT": "8042"}, "are the same"),
        ({"DCM4CHEE_URL": "archive:8080"}, "DCM4CHEE_URL is no http"),
        ({"DCM4CHEE_URL": "http://archive/dicom-web"}, "must end with"),
        ({"DCM4CHEE_URL": "http://u:p@archive/dcm4chee-arc/aets/A/rs"}, "no password"),
    ],
)
def test_wrong_places_of_dcm4chee_are_refused(values: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=said):
        deployment_of(values, tmp_path)


def test_ports_of_the_stand_in_do_not_count_beside_a_real_archive(tmp_path: Path) -> None:
    url = "http://archive:8080/dcm4chee-arc/aets/DCM4CHEE/rs"
    assert deployment_of({"DCM4CHEE_URL": url, "DCM4CHEE_PORT": "8042"}, tmp_path).ports.dcm4chee == 8042
