"""The README says what the code says."""

from __future__ import annotations

import json
from pathlib import Path

from orthanc_plugins.deid.describing import profiles_table
from orthanc_plugins.rules import SyncRule
from orthanc_plugins.rules.keywords import LISTED_OF_STUDIES
from orthanc_plugins.settings import deidentification_table, settings_table

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_settings_table_is_the_one_of_the_code() -> None:
    table = README.split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
    assert table == settings_table(), "Put the output of orthanc_plugins.settings.settings_table() there."


def test_profiles_table_is_the_one_of_the_code() -> None:
    table = README.split("<!-- profiles -->\n")[1].split("<!-- /profiles -->")[0]
    assert table.strip() == profiles_table().strip(), "Put the output of describing.profiles_table() there."


def test_table_of_projects_is_the_one_of_the_code() -> None:
    table = README.split("<!-- projects -->\n")[1].split("<!-- /projects -->")[0]
    assert table == deidentification_table(), "Put the output of settings.deidentification_table() there."


def test_rules_of_synchronisation_are_told_with_all_their_fields() -> None:
    section = README.split("`Synchronisation.Rules` give")[1]
    example, table = section.split("```json")[1].split("```")[:2]
    rules = json.loads(f"{{{example}}}")["Synchronisation"]["Rules"]
    assert [SyncRule.model_validate(rule).name for rule in rules] == [
        "no phantoms",
        "one referrer",
        "MR at night",
    ]
    told = table.split("\n\n## ")[0]
    names = [str(field.alias) for field in SyncRule.model_fields.values()]
    assert [name for name in (*names, *LISTED_OF_STUDIES) if f"`{name}`" not in told] == []


def test_no_placeholder_is_left() -> None:
    assert "@" not in README.replace("file=@", "").replace("--regions @FILE", "")
