"""The parts, joined from settings; nothing is asked of a neighbour while they are built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives.base import ArchiveName, Transport
from orthanc_plugins.errors import ConfigurationError, JobError, StoreError
from orthanc_plugins.rules import RepairPolicy
from orthanc_plugins.services import build_services
from orthanc_plugins.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


def sent_headers(url: str, section: dict[str, Any], authorisation: str | None) -> Any:
    settings = load_settings({"PacsSuite": {"Orthanc": {"Url": url, **section}}}, {})
    services = build_services(settings, authorisation)
    session = services.orthanc._session()
    services.close()
    return session.auth, session.headers.get("Authorization")


@pytest.mark.parametrize(
    ("section", "authorisation", "sent"),
    [
        ({}, None, (None, None)),
        ({"Username": "u", "Password": "p"}, None, (("u", "p"), None)),
        ({"Username": "u"}, None, (("u", ""), None)),
        ({}, "Bearer token", (None, "Bearer token")),
        ({"Username": "u", "Password": "p"}, "Bearer token", (None, "Bearer token")),
    ],
)
def test_orthancs_own_token_goes_before_user_and_password(
    section: dict[str, Any], authorisation: str | None, sent: Any
) -> None:
    assert sent_headers("http://127.0.0.1:9", section, authorisation) == sent


def test_neighbours_that_are_not_there_yet_do_not_hinder(tmp_path: Path) -> None:
    settings = load_settings({"PacsSuite": {"DataDirectory": str(tmp_path / "absent")}}, {})
    services = build_services(settings, None)
    with pytest.raises(JobError, match="does not exist yet"):
        services.queue.jobs()
    with pytest.raises(StoreError):
        services.store.ping()
    assert not (tmp_path / "absent").exists()
    services.close()


def test_addresses_have_no_slash_at_the_end() -> None:
    section = {"OhifUrl": "https://viewer.invalid/", "Orthanc": {"Url": "http://127.0.0.1:9/"}}
    services = build_services(load_settings({"PacsSuite": section}, {}), None)
    assert services.viewer_url == "https://viewer.invalid"
    assert services.orthanc.url == "http://127.0.0.1:9"
    services.close()


def archives_of(**dcm4chee: Any) -> Any:
    services = build_services(load_settings({"PacsSuite": {"Dcm4chee": dcm4chee}}, {}), None)
    services.close()
    return services.archives


def test_dcm4chee_is_called_by_orthancs_own_ae_title() -> None:
    section = {"Dcm4chee": {"Url": "http://archive.invalid/dcm4chee-arc/aets/A/rs"}}
    services = build_services(load_settings({"DicomAet": "DEPARTMENT", "PacsSuite": section}, {}), None)
    services.close()
    archive: Any = services.archives[ArchiveName.DCM4CHEE]
    assert archive._c_store._peer.calling_aet == "DEPARTMENT"


def test_without_an_address_there_is_no_second_archive() -> None:
    assert list(archives_of()) == ["orthanc"]
    assert list(archives_of(Url="http://archive.invalid/dcm4chee-arc/aets/A/rs/")) == ["orthanc", "dcm4chee"]


@pytest.mark.parametrize(
    "part",
    [
        {"Username": "u"},
        {"Password": "p"},
        {"TokenUrl": "http://keycloak.invalid/token"},
        {"TokenUrl": "http://keycloak.invalid/token", "ClientId": "c"},
        {"ClientSecret": "s"},
        {"Username": "u", "Password": "p", "ClientId": "c"},
        {"Username": "u", "TokenUrl": "http://k.invalid/", "ClientId": "c", "ClientSecret": "s"},
    ],
)
def test_half_of_what_tells_who_the_suite_is_stops_the_start(part: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="Dcm4chee: give Username and Password, or"):
        archives_of(Url="http://archive.invalid/rs", **part)


@pytest.mark.parametrize(
    "whole",
    [
        {"Username": "u", "Password": "p"},
        {"TokenUrl": "http://keycloak.invalid/token", "ClientId": "c", "ClientSecret": "s"},
    ],
)
def test_the_suite_is_a_user_or_a_client_for_the_archive(whole: dict[str, str]) -> None:
    assert "dcm4chee" in archives_of(Url="http://archive.invalid/rs", **whole)


def test_a_rule_with_storage_commitment_needs_a_port_for_the_answer() -> None:
    archive: dict[str, Any] = {"Url": "http://archive.invalid/rs"}
    rules = [{"Name": "kept", "StorageCommitment": True}]
    section: dict[str, Any] = {"Dcm4chee": archive, "Forwarding": {"Rules": rules}}
    with pytest.raises(
        ConfigurationError, match=r"kept wants StorageCommitment: set Dcm4chee\.CommitmentPort"
    ):
        build_services(load_settings({"PacsSuite": section}, {}), None)
    archive["CommitmentPort"] = 11113
    build_services(load_settings({"PacsSuite": section}, {}), None).close()
    del archive["CommitmentPort"]
    rules[0]["Enabled"] = False
    build_services(load_settings({"PacsSuite": section}, {}), None).close()


def test_how_repairs_copy_is_no_part_of_what_they_do() -> None:
    section = {"Repair": {"Transport": "c-store", "Missing": "manual"}}
    services = build_services(load_settings({"PacsSuite": section}, {}), None)
    services.close()
    assert services.repair_transport is Transport.C_STORE
    assert services.repair == RepairPolicy(missing="manual")
