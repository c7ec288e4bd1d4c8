"""Projects as they are told: whether they can be used, and why not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orthanc_plugins.api import create_app
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from orthanc_plugins.services import Services


def test_projects_tell_whether_they_can_be_used(client: Client) -> None:
    trial, files = client.get("api/anonymize/projects").json()
    assert (trial["name"], trial["is_default"], trial["ready"]) == ("trial", True, True)
    assert trial["profiles"] == ["research_rt", "longitudinal"]
    assert (files["ready"], files["xnat_project"]) == (False, None)
    assert "pacs project create files" in files["reason"]


def test_a_project_whose_profile_is_not_there_is_not_ready_and_a_warning(joined: Services) -> None:
    chosen = joined.deidentification
    project = chosen.projects["trial"].model_copy(update={"more_profiles": ("nowhere",)})
    deidentification = replace(chosen, projects={"trial": project})
    client = Client(create_app(replace(joined, deidentification=deidentification)))
    (told,) = client.get("api/anonymize/projects").json()
    assert told["ready"] is False
    assert "There is no profile nowhere" in told["reason"]
    (warning,) = client.get("api/health").json()["warnings"]
    assert warning == f"De-identification for trial: {told['reason']}"


def test_a_project_without_a_key_is_a_warning_of_the_health(client: Client) -> None:
    health = client.get("api/health").json()
    (warning,) = health["warnings"]
    assert health["status"] == "degraded"
    assert warning.startswith("De-identification for files: ")
    assert "pacs project create files" in warning
