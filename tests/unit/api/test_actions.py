"""The list of actions: what is made of it, and where its addresses lead."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.api.actions import ACTIONS, RESOURCE, Level, Need, actions_of, custom_buttons
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.cli import main
from orthanc_plugins.cli.actions import with_buttons
from scripts.lib.render import REPOSITORY
from tests.fakes.archive import MemoryArchive
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services

CONFIGURATION = REPOSITORY / "orthanc-config" / "orthanc.json"

OF_EXPLORER_2 = {
    "bi bi-box-arrow-down",
    "bi bi-calendar-plus",
    "bi bi-download",
    "bi bi-eye-fill",
    "bi bi-file-earmark-plus",
    "bi bi-grid",
    "bi bi-pencil",
    "bi bi-person-slash",
    "bi bi-send",
    "bi bi-share",
    "bi bi-tag",
    "bi bi-trash",
}
"""What its own buttons beside ours look like (``ResourceButtonGroup.vue``, ``UiOptions.ViewersIcons``)."""


def buttons_of(configuration: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    buttons: dict[str, list[dict[str, str]]] = configuration["OrthancExplorer2"]["UiOptions"]["CustomButtons"]
    return buttons


def test_the_committed_configuration_has_the_buttons_of_the_list() -> None:
    committed = json.loads(CONFIGURATION.read_text(encoding="utf-8"))
    assert buttons_of(committed) == custom_buttons(), (
        "Run python -m orthanc_plugins actions --write orthanc-config/orthanc.json."
    )


def test_a_button_is_a_link_that_explorer_can_fill_without_encoding() -> None:
    for level, buttons in custom_buttons().items():
        template = "{CommaSeparatedUUIDs}" if level == "bulk-studies" else "{UUID}"
        for button in buttons:
            assert button["HttpMethod"] == "GET"
            assert button["Url"].startswith("../../pacs/ui/")
            assert re.findall(r"\{[^}]*\}", button["Url"]) == [template]
            assert re.fullmatch(r"bi bi-[a-z0-9-]+", button["Icon"])
            assert button["Icon"] not in OF_EXPLORER_2


def test_every_action_has_a_name_of_its_own_and_words_in_both_languages() -> None:
    assert len({action.action_id for action in ACTIONS}) == len(ACTIONS)
    for action in ACTIONS:
        assert action.path.count(RESOURCE) == 1
        assert set(action.words) == {"en", "fr"}
        assert all(action.words.values())
    assert {action.level for action in ACTIONS} == set(Level)


def test_any_number_of_studies_stands_where_no_server_is_sent_it() -> None:
    for action in ACTIONS:
        if action.level is Level.STUDIES:
            assert urlsplit(action.path).fragment.partition("=")[2] == RESOURCE


def test_what_is_not_set_is_left_out() -> None:
    alone = {action.name for action in actions_of({Need.RT_STRUCTURE_SET})}
    assert "structures" in alone
    assert not alone & {"compare", "send", "deidentify", "view-dcm4chee"}


def test_the_command_writes_our_buttons_and_keeps_those_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"Id": "hospital-report", "Url": "../../report/{UUID}"}
    stale = {"Id": "pacs-suite-anonymize", "Url": "../../pacs/api/anonymize/study/{UUID}"}
    before = {
        "Name": "Hôpital",
        "OrthancExplorer2": {"UiOptions": {"CustomButtons": {"study": [other, stale]}, "EnableShares": True}},
    }
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps(before), encoding="utf-8")
    arguments = ["actions", "--write", str(path), "--language", "fr", "--without", "dcm4chee"]
    assert main(arguments) == 0
    after = json.loads(path.read_text(encoding="utf-8"))
    assert after["Name"] == "Hôpital"
    assert after["OrthancExplorer2"]["UiOptions"]["EnableShares"] is True
    study = buttons_of(after)["study"]
    assert study[0] == other
    assert {one["Id"] for one in study[1:]} == {
        action.action_id
        for action in ACTIONS
        if action.level is Level.STUDY and Need.DCM4CHEE not in action.needs
    }
    assert study[1]["Tooltip"] == "Suite PACS : cet examen"
    assert main(arguments) == 0
    assert json.loads(path.read_text(encoding="utf-8")) == after
    assert f"buttons stand in {path}" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["[]", "{", '{"OrthancExplorer2": []}'])
def test_what_is_no_configuration_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "orthanc.json"
    path.write_text(text, encoding="utf-8")
    assert main(["actions", "--write", str(path)]) == 1
    assert path.read_text(encoding="utf-8") == text
    assert "was not changed" in capsys.readouterr().err


def test_the_command_prints_what_stands_in_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["actions"]) == 0
    assert json.loads(capsys.readouterr().out) == custom_buttons()
    assert buttons_of(with_buttons({}, custom_buttons())) == custom_buttons()


def test_the_route_tells_what_can_be_done_here_and_where(services: Services) -> None:
    alone = Client(create_app(services)).get("api/actions").json()
    assert [one["id"] for one in alone] == [action.action_id for action in ACTIONS]
    (compare,) = (one for one in alone if one["id"] == "pacs-suite-study-compare")
    assert compare == {
        "id": "pacs-suite-study-compare",
        "level": "study",
        "words": {"en": "Compare Orthanc and DCM4CHEE", "fr": "Comparer Orthanc et DCM4CHEE"},
        "icon": "bi-layout-split",
        "href": "/pacs/ui/studies/{resource}/comparison",
        "elsewhere": False,
        "needs": ["dcm4chee"],
        "available": False,
    }
    both = replace(services, archives={ArchiveName.DCM4CHEE: MemoryArchive(ArchiveName.DCM4CHEE)})
    told = {one["id"]: one["available"] for one in Client(create_app(both)).get("api/actions").json()}
    assert told["pacs-suite-study-compare"]
    assert not told["pacs-suite-study-deidentify"]
