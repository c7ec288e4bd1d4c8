"""What OHIF is told of a deployment's archives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from scripts.lib.environment import deployment_of
from scripts.lib.render import REPOSITORY, Deployment, render

if TYPE_CHECKING:
    from pathlib import Path

REAL = "https://archive.example/dcm4chee-arc/aets/MAIN/rs/"
WHO = {"DCM4CHEE_USERNAME": "suite", "DCM4CHEE_PASSWORD": "s3cret"}


def archives(deployment: Deployment) -> list[tuple[str, ...]]:
    """Return what OHIF is told of each archive: name, path, title."""
    render(deployment)
    text = (deployment.run / "app-config.js").read_text(encoding="utf-8")
    assert text.startswith((REPOSITORY / "ohif" / "app-config.js").read_text(encoding="utf-8"))
    calls = re.findall(r"[\[(]archive\((.+)\)[\])]", text)
    return [tuple(re.findall(r"['\"]([^'\"]+)['\"]", call)) for call in calls]


ORTHANC = ("Orthanc", "/dicom-web", "Orthanc")


def test_ohif_knows_no_second_archive_where_there_is_none(tmp_path: Path) -> None:
    assert archives(Deployment(data=tmp_path)) == [ORTHANC]


@pytest.mark.parametrize(
    ("values", "second"),
    [
        ({}, ("DCM4CHEE", "/dcm4chee-arc/aets/DCM4CHEE/rs", "DCM4CHEE (stand-in)")),
        ({"DCM4CHEE_URL": REAL, **WHO}, ("DCM4CHEE", "/dcm4chee-arc/aets/MAIN/rs", "DCM4CHEE")),
    ],
    ids=["stand-in", "real"],
)
def test_ohif_knows_dcm4chee_by_a_path_of_its_own_origin_and_no_more(
    values: dict[str, Any], second: tuple[str, ...], tmp_path: Path
) -> None:
    deployment = deployment_of(values, tmp_path / "data")
    assert archives(deployment) == [ORTHANC, second]
    text = (deployment.run / "app-config.js").read_text(encoding="utf-8")
    assert not re.search(
        r"s3cret|suite\b(?!\.)|archive\.example", text.partition("window.config.dataSources")[2]
    )


def test_an_archive_that_asks_for_tokens_is_not_offered_by_ohif(tmp_path: Path) -> None:
    client = {"DCM4CHEE_TOKEN_URL": "https://kc.example/token", "DCM4CHEE_CLIENT_ID": "suite"}
    values = {"DCM4CHEE_URL": REAL, **client, "DCM4CHEE_CLIENT_SECRET": "s3cret"}
    assert archives(deployment_of(values, tmp_path / "data")) == [ORTHANC]
