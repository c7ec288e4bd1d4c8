"""XNAT's place: its stand-in with its passwords and project, or the real one that ``.env`` names."""

from __future__ import annotations

import configparser
import json
import shlex
import stat
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.settings import load_settings
from scripts.lib import secret_files, xnat_start
from scripts.lib.environment import deployment_of
from scripts.lib.render import (
    REPOSITORY,
    Deployment,
    DeploymentError,
    is_rendered,
    orthanc_configuration,
    render,
)

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.settings import Settings

REAL = {
    "XNAT_URL": "https://xnat.example/site",
    "XNAT_USERNAME": "suite",
    "XNAT_PASSWORD": "s3 cr=t",
    "XNAT_CA_FILE": "xnat/ca.pem",
}


@pytest.fixture
def with_stand_in(tmp_path: Path) -> Deployment:
    return deployment_of({}, tmp_path / "data of 100 %")


def settings_of(deployment: Deployment) -> Settings:
    return load_settings(orthanc_configuration(deployment), {})


def program(deployment: Deployment) -> Any:
    parser = configparser.ConfigParser()
    parser.read(deployment.run / "supervisord.conf", encoding="utf-8")
    return dict(parser).get("program:xnat")


def test_stand_in_is_a_program_at_its_ports_with_a_folder_of_its_own(with_stand_in: Deployment) -> None:
    render(with_stand_in)
    words = shlex.split(program(with_stand_in)["command"])
    assert words[1:3] == ["-m", "xnat_standin"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options == {
        "--port": "8090",
        "--dicom-port": "8104",
        "--data": str(with_stand_in.data / "xnat"),
        "--admin-password-file": str(with_stand_in.data / "secrets" / "xnat-admin"),
    }
    assert program(with_stand_in)["environment"] == f'PYTHONPATH="{REPOSITORY / "xnat"}"'


def test_passwords_are_made_once_and_are_for_their_owner_only(with_stand_in: Deployment) -> None:
    render(with_stand_in)
    files = sorted(with_stand_in.secrets.iterdir())
    passwords = [path.read_text(encoding="ascii") for path in files]
    assert [path.name for path in files] == ["xnat-admin", "xnat-suite"]
    assert len(set(passwords)) == 2
    assert min(map(len, passwords)) == 32
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(with_stand_in.secrets.stat().st_mode) == 0o700
    render(with_stand_in)
    assert [path.read_text(encoding="ascii") for path in files] == passwords


def test_a_password_that_another_process_made_first_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "one"
    assert secret_files.read(path) == ""
    first = secret_files.made(path)
    assert secret_files.made(path) == first == secret_files.read(path)
    assert [one.name for one in path.parent.iterdir()] == ["one"]


def test_suite_is_told_where_the_stand_in_is_and_who_it_is_there(with_stand_in: Deployment) -> None:
    render(with_stand_in)
    told = settings_of(with_stand_in).xnat
    assert (str(told.url), told.dicom_port, told.username) == ("http://127.0.0.1:8090/", 8104, "pacs-suite")
    assert told.password is not None
    assert told.password.get_secret_value() == secret_files.read(with_stand_in.secrets / "xnat-suite")
    others = [path for path in with_stand_in.run.iterdir() if path != with_stand_in.orthanc_json]
    assert not [path for path in others if told.password.get_secret_value() in path.read_text()]


def test_a_lost_password_has_all_rendered_anew(with_stand_in: Deployment) -> None:
    render(with_stand_in)
    assert is_rendered(with_stand_in)
    (with_stand_in.secrets / "xnat-suite").unlink()
    assert not is_rendered(with_stand_in)


def test_a_project_is_there_by_itself_and_no_study_goes_to_it_by_itself(with_stand_in: Deployment) -> None:
    told = settings_of(with_stand_in).deidentification
    (project,) = told.projects
    assert (project.name, project.profile, project.patients) == ("PACS_ANONYMIZED", "research_rt", "numbered")
    assert (project.destination.kind, project.destination.project) == ("xnat", "PACS_ANONYMIZED")
    assert not project.reversible
    assert told.rules == ()


def test_projects_of_the_administrator_take_its_place(with_stand_in: Deployment, tmp_path: Path) -> None:
    own = {"Projects": [{"Name": "TRIAL-7"}]}
    (tmp_path / "orthanc-config").mkdir()
    (tmp_path / "orthanc-config" / "orthanc.json").write_text(
        json.dumps({"PacsSuite": {"Deidentification": own}}), encoding="utf-8"
    )
    changed = Deployment(data=with_stand_in.data, repository=tmp_path, xnat_stand_in=True)
    assert [one.name for one in settings_of(changed).deidentification.projects] == ["TRIAL-7"]


def test_where_there_is_no_xnat_there_is_no_project(tmp_path: Path) -> None:
    settings = settings_of(Deployment(data=tmp_path))
    assert settings.deidentification.projects == ()
    assert settings.xnat.url is None


def test_a_real_one_takes_the_stand_ins_place(tmp_path: Path) -> None:
    deployment = deployment_of({**REAL, "XNAT_DICOM_PORT": "104"}, tmp_path)
    render(deployment)
    assert program(deployment) is None
    assert not deployment.secrets.exists()
    settings = settings_of(deployment)
    assert (str(settings.xnat.url), settings.xnat.username) == ("https://xnat.example/site", "suite")
    assert settings.xnat.password is not None
    assert settings.xnat.password.get_secret_value() == "s3 cr=t"
    assert (settings.xnat.dicom_port, settings.xnat.ca_file) == (104, REPOSITORY / "xnat" / "ca.pem")
    assert [one.name for one in settings.deidentification.projects] == ["PACS_ANONYMIZED"]


def test_the_suite_may_be_known_there_by_an_alias_token(tmp_path: Path) -> None:
    token = {"XNAT_URL": "https://xnat.example", "XNAT_ALIAS_TOKEN": "alias", "XNAT_SECRET": "s3cret"}
    told = settings_of(deployment_of(token, tmp_path)).xnat
    assert told.secret is not None
    assert (told.alias_token, told.secret.get_secret_value()) == ("alias", "s3cret")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"XNAT_PORT": "8080"}, "are the same"),
        ({"XNAT_URL": "xnat:8080"}, "XNAT_URL is no http"),
        ({"XNAT_URL": "http://xnat/#x"}, "root of the site"),
        ({"XNAT_URL": "http://u:s3cret@xnat"}, "no password"),
        ({"XNAT_PASSWORD": "s3cret"}, "XNAT_PASSWORD is of an XNAT that is there: give its XNAT_URL"),
        ({"XNAT_URL": "http://xnat"}, "XNAT_USERNAME and XNAT_PASSWORD"),
        ({"XNAT_URL": "http://xnat", "XNAT_USERNAME": "suite"}, "XNAT_USERNAME and XNAT_PASSWORD"),
    ],
)
def test_wrong_places_are_refused_without_the_secret(
    values: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DeploymentError, match=said) as caught:
        deployment_of(values, tmp_path)
    assert "s3cret" not in str(caught.value)


def test_ports_of_the_stand_in_do_not_count_beside_a_real_one(tmp_path: Path) -> None:
    assert deployment_of({**REAL, "XNAT_PORT": "8042"}, tmp_path).ports.xnat == 8042


# The first start


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was run beside this process."""
    run: list[list[str]] = []

    class Made:
        returncode = 0

    def record(command: list[str], **_: object) -> Made:
        run.append(command[1:])
        return Made()

    monkeypatch.setattr("subprocess.run", record)
    return run


def test_the_first_start_makes_the_projects_key(with_stand_in: Deployment, commands: list[list[str]]) -> None:
    render(with_stand_in)
    assert xnat_start.make_key(with_stand_in) == 0
    assert commands == [["-m", "orthanc_plugins", "project", "create", "PACS_ANONYMIZED"]]


def test_no_key_is_made_once_the_stand_in_may_hold_studies(
    with_stand_in: Deployment, commands: list[list[str]]
) -> None:
    render(with_stand_in)
    (with_stand_in.data / "xnat").mkdir()
    assert xnat_start.make_key(with_stand_in) == 0
    assert commands == []


def test_no_key_is_made_of_a_project_that_the_configuration_does_not_have(
    tmp_path: Path, commands: list[list[str]]
) -> None:
    own = {"PacsSuite": {"Deidentification": {"Projects": [{"Name": "TRIAL-7"}]}}}
    deployment = Deployment(data=tmp_path, xnat_stand_in=True, orthanc=own)
    render(deployment)
    assert xnat_start.make_key(deployment) == 0
    assert commands == []
