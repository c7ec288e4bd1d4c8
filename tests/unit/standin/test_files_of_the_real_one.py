"""What the real DCM4CHEE needs from here is valid and complete; nobody starts it where there is no Docker."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from pydicom.uid import UID

from scripts.lib.render import REPOSITORY

FOLDER = REPOSITORY / "dcm4chee"
COMPOSE = (FOLDER / "compose.part.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
DEVICE = json.loads((FOLDER / "devices" / "orthanc.json").read_text(encoding="utf-8"))
(ENTITY,) = DEVICE["dicomNetworkAE"]


def test_services_have_the_names_the_archive_looks_for() -> None:
    assert set(SERVICES) == {"ldap", "db", "arc"}
    assert set(SERVICES["arc"]["depends_on"]) == {"ldap", "db"}
    assert SERVICES["arc"]["environment"]["WILDFLY_WAIT_FOR"] == "ldap:389 db:5432"


def test_images_are_pinned_to_one_minor_version() -> None:
    tags = [re.search(r":-([\d.-]+)\}$", service["image"]) for service in SERVICES.values()]
    minors = {
        re.split(r"[.-]", match[1])[index] for match, index in zip(tags, (3, 2, 1), strict=True) if match
    }
    assert minors == {"34"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_tells_its_health_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD-SHELL"
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_archive_waits_until_the_others_are_healthy() -> None:
    assert {one["condition"] for one in SERVICES["arc"]["depends_on"].values()} == {"service_healthy"}


def test_only_the_archive_is_published_and_its_web_on_loopback() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["arc"]
    web, dicom = SERVICES["arc"]["ports"]
    assert web.startswith("127.0.0.1:")
    assert dicom.endswith(":11112")


def test_no_password_has_a_default() -> None:
    secrets = [
        str(value)
        for service in SERVICES.values()
        for name, value in service["environment"].items()
        if name.endswith(("PASSWORD", "PASS"))
    ]
    assert len(secrets) == 6
    assert all(re.fullmatch(r"\$\{DCM4CHEE_\w+_PASSWORD:\?set [^}]+\}", secret) for secret in secrets)


def test_every_volume_is_declared_and_used() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert used == set(yaml.safe_load(COMPOSE)["volumes"])


def test_addresses_are_those_the_client_has() -> None:
    assert SERVICES["arc"]["environment"]["HTTP_PROXY_ADDRESS_FORWARDING"] == "true"


def test_device_is_orthanc_at_its_port() -> None:
    (connection,) = DEVICE["dicomNetworkConnection"]
    committed = json.loads((REPOSITORY / "orthanc-config" / "orthanc.json").read_text(encoding="utf-8"))
    assert ENTITY["dicomAETitle"] == committed["DicomAet"]
    assert connection["dicomPort"] == committed["DicomPort"]
    assert ENTITY["dicomNetworkConnectionReference"] == ["/dicomNetworkConnection/0"]
    assert (ENTITY["dicomAssociationInitiator"], ENTITY["dicomAssociationAcceptor"]) == (True, True)


def test_device_sends_and_receives_every_class_it_names() -> None:
    capabilities = ENTITY["dicomTransferCapability"]
    names = [one["cn"] for one in capabilities]
    assert len(set(names)) == len(names)
    roles: dict[str, set[str]] = {}
    for one in capabilities:
        assert not UID(one["dicomSOPClass"]).is_private
        assert UID(one["dicomSOPClass"]).type == "SOP Class"
        assert all(UID(syntax).is_transfer_syntax for syntax in one["dicomTransferSyntax"])
        roles.setdefault(one["dicomSOPClass"], set()).add(one["dicomTransferRole"])
    assert all(both == {"SCU", "SCP"} for both in roles.values())
    needed = {"1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.481.3"}
    assert needed <= set(roles)


def test_readme_names_what_is_there() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in ("standin", "compose.part.yaml", "devices/orthanc.json"):
        assert name in text
        assert (FOLDER / name).exists()
    for name in re.findall(r"`((?:tests|scripts)/[^`]+)`", text):
        assert (REPOSITORY / name).exists(), name
