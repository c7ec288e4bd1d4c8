"""What the real XNAT needs from here is valid and complete; nobody starts it where there is no Docker."""

from __future__ import annotations

import configparser
import re
import subprocess
from typing import Any

import pytest
import yaml

from scripts.lib.render import REPOSITORY
from xnat_standin.preferences import _DEFAULTS

FOLDER = REPOSITORY / "xnat"
COMPOSE = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = (FOLDER / ".env.example").read_text(encoding="utf-8")
DOCUMENTED = dict(re.findall(r"^([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))

FOLDERS = ("archive", "prearchive", "cache", "build", "ftp", "inbox", "pipeline")


def used() -> dict[str, str]:
    """Return the variables of the compose file, and the default or the demand of each."""
    found: dict[str, set[str]] = {}
    for name, rest in re.findall(r"\$\{(\w+)([^}]*)\}", COMPOSE):
        found.setdefault(name, set()).add(rest)
    assert all(len(rests) == 1 for rests in found.values()), found
    return {name: rests.pop() for name, rests in found.items()}


def test_there_are_the_site_and_its_database() -> None:
    assert set(SERVICES) == {"xnat-web", "xnat-db"}


def test_every_variable_is_documented_with_its_default() -> None:
    assert used().keys() == DOCUMENTED.keys()
    for name, rest in used().items():
        expected = f":-{DOCUMENTED[name]}" if DOCUMENTED[name] else ":?"
        assert rest.startswith(expected), name
        assert not DOCUMENTED[name] or rest == expected, name


def test_no_password_and_no_place_of_the_release_has_a_default() -> None:
    assert {name for name, value in DOCUMENTED.items() if not value} == {
        "XNAT_DB_PASSWORD",
        "XNAT_DOWNLOADS",
        "XNAT_WAR_SHA256",
    }
    secrets = [
        str(value)
        for service in SERVICES.values()
        for name, value in service["environment"].items()
        if "PASSWORD" in name
    ]
    assert len(secrets) == 2
    assert all(secret.startswith("${XNAT_DB_PASSWORD:?") for secret in secrets)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_tells_its_health_comes_back_and_is_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD-SHELL"
    assert service["restart"] == "unless-stopped"
    assert "mem_limit" in service


def test_images_are_pinned() -> None:
    for name in ("TOMCAT_TAG", "POSTGRES_TAG", "XNAT_VERSION"):
        assert re.match(r"\d+\.\d", DOCUMENTED[name])
    assert SERVICES["xnat-db"]["image"] == "postgres:${POSTGRES_TAG:-16.9-alpine}"
    assert "FROM tomcat:${TOMCAT_TAG}\n" in DOCKERFILE
    assert f"ARG TOMCAT_TAG={DOCUMENTED['TOMCAT_TAG']}\n" in DOCKERFILE


def test_the_database_is_not_published_and_the_site_only_on_loopback() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["xnat-web"]
    web, dicom = SERVICES["xnat-web"]["ports"]
    assert re.fullmatch(r"127\.0\.0\.1:\$\{XNAT_PORT:-\d+\}:8080", web)
    assert dicom.startswith("${XNAT_DICOM_BIND:-127.0.0.1}:")
    assert dicom.endswith(":8104")


def test_the_site_waits_for_its_database() -> None:
    assert SERVICES["xnat-web"]["depends_on"] == {"xnat-db": {"condition": "service_healthy"}}


def test_every_volume_is_declared_and_used() -> None:
    volumes = [volume for service in SERVICES.values() for volume in service["volumes"]]
    assert {volume.split(":")[0] for volume in volumes} == set(yaml.safe_load(COMPOSE)["volumes"])
    kept = {volume.split(":")[1] for volume in SERVICES["xnat-web"]["volumes"]}
    assert {"/data/xnat/archive", "/data/xnat/prearchive"} <= kept


def test_the_release_is_named_by_arguments_alone_and_checked() -> None:
    arguments = dict(re.findall(r"^ARG (\w+)(.*)$", DOCKERFILE, re.MULTILINE))
    assert {name for name, default in arguments.items() if not default} == {
        "XNAT_VERSION",
        "XNAT_DOWNLOADS",
        "XNAT_WAR_SHA256",
    }
    assert SERVICES["xnat-web"]["build"]["args"].keys() == arguments.keys()
    assert "sha256sum --check --strict" in DOCKERFILE
    assert "://" not in DOCKERFILE


def test_it_does_not_run_as_root_and_its_image_holds_no_secret() -> None:
    *_, last = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    assert last == "xnat"
    assert "PASSWORD" not in DOCKERFILE


def test_everything_the_image_is_made_from_is_there_and_sent_to_the_build() -> None:
    copied = re.findall(r"^COPY (\S+)", DOCKERFILE, re.MULTILINE)
    sent = (FOLDER / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert set(copied) == {"prefs-init.ini", "start-xnat"}
    assert {line[1:] for line in sent if line.startswith("!")} == {"Dockerfile", *copied}
    assert (FOLDER / "start-xnat").stat().st_mode & 0o111
    subprocess.run(["sh", "-n", FOLDER / "start-xnat"], check=True)


def test_preferences_are_ones_that_xnat_has_and_no_project_archives_by_itself() -> None:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names as they are
    parser.read(FOLDER / "prefs-init.ini", encoding="utf-8")
    preferences = dict(parser["siteConfig"])
    assert preferences["defaultProjectAutoArchiveSetting"] == "0"
    assert preferences["enableSitewideAnonymizationScript"] == "true"
    assert "initialized" not in preferences
    paths = {f"{name}Path" for name in FOLDERS}
    assert preferences.keys() <= _DEFAULTS.keys() | paths
    assert {preferences[name] for name in paths} == {f"/data/xnat/{name}" for name in FOLDERS}


def test_readme_names_what_is_there() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in ("xnat_standin", "xnat_setup", "project-script.das", "compose.yaml", ".env.example"):
        assert name in text
        assert (FOLDER / name).exists()
    for name in re.findall(r"`((?:tests|scripts)/[^` ]+)`", text):
        assert (REPOSITORY / name).exists(), name
