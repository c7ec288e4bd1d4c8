"""What is rendered for DCM4CHEE: for a stand-in, and for a real one."""

from __future__ import annotations

import json
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dcm4chee.standin.configuration import read_configuration
from orthanc_plugins.settings import load_settings
from scripts.lib.environment import deployment_of, read_environment_file
from scripts.lib.render import (
    REPOSITORY,
    Deployment,
    DeploymentError,
    orthanc_configuration,
    render,
)
from tests.unit.scripts.rendered import nginx_file, rendered_json, supervisor_file

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
        (
            {
                "DCM4CHEE_URL": "https://no-such-host/dcm4chee-arc/aets/A/rs",
                "DCM4CHEE_USERNAME": "suite",
                "DCM4CHEE_PASSWORD": "s3 cr=t",
            },
            "https://no-such-host",
        ),
    ],
    ids=["stand-in", "address", "name", "user"],
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
