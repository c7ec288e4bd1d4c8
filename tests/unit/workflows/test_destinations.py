"""Where studies of a project go, as the settings say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.projects import XnatAccess
from orthanc_plugins.rules import DeidentificationProject
from orthanc_plugins.workflows.destinations import open_destination

if TYPE_CHECKING:
    from orthanc_plugins.services import Services

ACCESS = XnatAccess("http://xnat.invalid", "suite", "secret", dicom_host="xnat.invalid")


def named(services: Services, destination: dict[str, Any], access: XnatAccess | None = ACCESS) -> str:
    project = DeidentificationProject.model_validate({"name": "trial", "destination": destination})
    chosen = replace(services.deidentification, xnat=access)
    chosen_services = replace(services, deidentification=chosen)
    with open_destination(chosen_services, project, services.data) as opened:
        return opened.name


@pytest.mark.parametrize(
    ("destination", "name"),
    [
        ({"kind": "folder", "folder": "/srv/research"}, "folder:research"),
        ({"kind": "orthanc", "url": "http://other.invalid:8042"}, "archive:trial"),
        (
            {"kind": "dicomweb", "url": "http://other.invalid/rs", "username": "a", "password": "b"},
            "archive:trial",
        ),
    ],
)
def test_folders_and_archives_are_opened(services: Services, destination: dict[str, Any], name: str) -> None:
    assert named(services, destination, None) == name


def test_a_project_goes_to_xnat_where_that_is_known(services: Services) -> None:
    with pytest.raises(ConfigurationError, match=r"Xnat\.Url"):
        named(services, {"project": "LUNG"}, None)
