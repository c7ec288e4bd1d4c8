"""Projects as they are told: whether they can be used, and why not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from collections.abc import Callable

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


def told_of_trial(joined: Services, **settings: Any) -> dict[str, Any]:
    """Return how the project is told with other settings."""
    chosen = joined.deidentification
    project = chosen.projects["trial"].model_copy(update=settings)
    client = Client(
        create_app(replace(joined, deidentification=replace(chosen, projects={"trial": project})))
    )
    (told,) = client.get("api/anonymize/projects").json()
    return dict(told)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"patients": "numbered"}, "Patients of project trial are keyed since it was made"),
        ({"more_profiles": ("strict",)}, "The profile strict is for projects whose patients are numbered"),
        ({"profile": "strict"}, "make a project for it (pacs project create NAME --numbered)"),
    ],
)
def test_settings_that_call_patients_otherwise_than_was_fixed_are_not_ready(
    joined: Services, settings: dict[str, Any], reason: str
) -> None:
    told = told_of_trial(joined, **settings)
    assert told["ready"] is False
    assert reason in told["reason"]


def test_settings_that_say_what_was_fixed_are_ready(joined: Services) -> None:
    assert told_of_trial(joined, patients="keyed")["ready"] is True


def test_a_form_that_was_never_fixed_is_not_fixed_by_asking(joined: Services) -> None:
    custodian = joined.deidentification.custodian
    with closing(sqlite3.connect(custodian.folder / "trial.numbers.sqlite")) as register:
        register.execute("DROP TABLE form")
    assert told_of_trial(joined, patients="numbered")["ready"] is True
    assert custodian.fixed_form("trial") is None
    assert told_of_trial(joined, patients="keyed", more_profiles=("strict",))["ready"] is False


def open_to_others(path: Path) -> None:
    path.chmod(0o644)


@pytest.mark.parametrize(
    ("name", "harm", "reason"),
    [
        ("certificates.signing.pem", Path.unlink, "pacs certificate key --create"),
        ("certificates.signing.pem", open_to_others, "certificates.signing.pem is open to others"),
        ("trial.pseudonyms.key", open_to_others, "trial.pseudonyms.key is open to others; set its mode"),
        ("trial.mapping.key", open_to_others, "trial.mapping.key is open to others; set its mode to 600"),
        ("trial.numbers.sqlite", open_to_others, "trial.numbers.sqlite is open to others; set its mode"),
        ("suite.audit.key", open_to_others, "suite.audit.key is open to others; set its mode to 600"),
    ],
)
def test_a_key_that_is_gone_or_open_to_others_is_told_with_what_to_do(
    client: Client, joined: Services, name: str, harm: Callable[[Path], None], reason: str
) -> None:
    harm(joined.deidentification.custodian.folder / name)
    trial = client.get("api/anonymize/projects").json()[0]
    assert trial["ready"] is False
    assert reason in trial["reason"]


def test_all_that_is_wrong_is_told_at_once(joined: Services) -> None:
    folder = joined.deidentification.custodian.folder
    (folder / "certificates.signing.pem").unlink()
    open_to_others(folder / "trial.mapping.key")
    reason = told_of_trial(joined, patients="numbered", more_profiles=("nowhere",))["reason"]
    for part in ("numbered", "no key that signs", "trial.mapping.key is open", "no profile nowhere"):
        assert part in reason
