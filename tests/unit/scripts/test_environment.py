"""What may stand in the environment file, and what is said of what may not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

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

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = REPOSITORY / ".env.example"


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
