"""Projects of de-identification and XNAT in the settings: what fits is taken, what contradicts is told."""

from __future__ import annotations

from typing import Any

import pytest

from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.services import build_services
from orthanc_plugins.settings import deidentification_table, load_settings

FOLDER = {"Kind": "folder", "Folder": "/srv/out"}
XNAT = {"Url": "https://xnat.invalid/", "Username": "suite", "Password": "secret"}


def load(deidentification: dict[str, Any], xnat: dict[str, Any] | None = None) -> Any:
    section = {"Deidentification": deidentification, "Xnat": xnat or {}}
    return load_settings({"PacsSuite": section}, {})


def test_a_project_goes_to_xnats_own_project_unless_it_is_told_otherwise() -> None:
    services = build_services(load({"Projects": [{"Name": "trial"}]}, XNAT), None)
    chosen = services.deidentification
    (project,) = chosen.projects.values()
    assert project.destination.xnat_project == "PACS_ANONYMIZED"
    assert (project.profile, project.reversible, project.custodians) == ("basic", False, ("custodian",))
    assert chosen.default_project == "trial"
    assert chosen.xnat is not None
    assert (chosen.xnat.url, chosen.xnat.user, chosen.xnat.dicom_host) == (
        "https://xnat.invalid",
        "suite",
        "xnat.invalid",
    )
    assert "secret" not in repr(chosen.xnat)
    services.close()


def test_of_several_projects_none_is_the_default_by_itself() -> None:
    projects = [{"Name": name, "Destination": FOLDER} for name in ("a", "b")]
    for default in (None, "b"):
        services = build_services(load({"Projects": projects, "DefaultProject": default}), None)
        assert services.deidentification.default_project == default
        services.close()


def test_rules_name_a_project_and_what_they_ask_of_a_study() -> None:
    rule = {"Name": "thorax", "Project": "a", "Modalities": ["CT"], "CallingAets": ["TPS"], "Labels": ["go"]}
    settings = load({"Projects": [{"Name": "a", "Destination": FOLDER}], "Rules": [rule]})
    (read,) = settings.deidentification.rules
    assert (read.project, read.modalities, read.calling_aets, read.labels) == (
        "a",
        ("CT",),
        ("TPS",),
        ("go",),
    )


@pytest.mark.parametrize(
    ("project", "told"),
    [
        ({"Name": "../a"}, "project ../a, Name"),
        ({"Name": "a", "Profil": "basic"}, "there is no field Profil in a project; did you mean Profile?"),
        ({"Name": "a", "Custodians": []}, "Custodians"),
        ({"Name": "a", "Destination": {"Kind": "folder"}}, "kind folder needs Folder"),
        ({"Name": "a", "Destination": {"Kind": "orthanc"}}, "kind orthanc needs Url"),
        ({"Name": "a", "Destination": {"Folder": "/srv"}}, "kind xnat has Project, and no other"),
        ({"Name": "a", "Destination": FOLDER | {"Username": "x"}}, "both Username and Password"),
        ({"Name": "a", "Destination": FOLDER | {"Username": "x", "Password": "y"}}, "orthanc and dicomweb"),
    ],
)
def test_a_project_that_contradicts_itself_stops_the_start(project: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load({"Projects": [project]})
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"Projects": [{"Name": "a"}, {"Name": "a"}]}, "several are a"),
        ({"Projects": [{"Name": "a"}], "DefaultProject": "b"}, "DefaultProject is none of Projects"),
        ({"Projects": [{"Name": "a"}], "Rules": [{"Name": "r", "Project": "b"}]}, "rule r is none of"),
    ],
)
def test_names_that_lead_nowhere_stop_the_start(section: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(section)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("xnat", "told"),
    [
        ({"Url": "https://x.invalid", "Username": "u"}, "each with its other half"),
        (XNAT | {"AliasToken": "a", "Secret": "s"}, "not both"),
        ({"Username": "u", "Password": "p"}, "give Url"),
    ],
)
def test_half_of_what_tells_who_the_suite_is_stops_the_start(xnat: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load({}, xnat)
    assert told in str(raised.value)


@pytest.mark.parametrize("xnat", [{}, {"Url": "https://xnat.invalid"}])
def test_a_project_that_goes_to_an_xnat_nobody_knows_stops_the_start(xnat: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"a goes to XNAT: set Xnat\.Url"):
        build_services(load({"Projects": [{"Name": "a"}]}, xnat), None)


def test_a_token_stands_in_place_of_a_user() -> None:
    token = {"Url": "https://xnat.invalid", "AliasToken": "alias", "Secret": "s3", "Transport": "c-store"}
    services = build_services(load({"Projects": [{"Name": "a"}]}, token | {"DicomHost": "receiver"}), None)
    xnat = services.deidentification.xnat
    assert xnat is not None
    assert (xnat.user, xnat.secret, xnat.transport, xnat.dicom_host) == ("alias", "s3", "c-store", "receiver")
    services.close()


def test_every_field_of_projects_destinations_and_rules_is_told_with_its_default_and_meaning() -> None:
    rows = [line.strip("| ").split(" | ", 2) for line in deidentification_table().splitlines()[2:]]
    told = {key.strip("`"): (default, meaning) for key, default, meaning in rows}
    assert [key for key in told if key.startswith("Projects[].Destination.")] == [
        f"Projects[].Destination.{name}"
        for name in ("Kind", "Project", "Folder", "Url", "Username", "Password", "CaFile", "TimeoutS")
    ]
    assert told["Projects[].Name"] == (
        "must be given",
        "Its own name; `pacs project create NAME` makes its key.",
    )
    assert told["Projects[].Profile"][0] == "`basic`"
    assert told["Projects[].Custodians"][0] == '`["custodian"]`'
    assert told["Rules[].Modalities"][1] == "Modality of the series: one of these, such as `CT`."
    assert told["Rules[].Project"] == ("must be given", "For which project; one of `Projects`.")
    assert not [key for key, (_, meaning) in told.items() if meaning in {"", "None"}]
