"""What the room's README says to data protection officers and researchers is what the code does."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword

from orthanc_plugins.certificates.methods import says_too_much
from orthanc_plugins.cli import COMMANDS
from orthanc_plugins.custody.keys import KeyPurpose, key_path
from orthanc_plugins.deid.compiling import compiled
from orthanc_plugins.deid.describing import actions_list, profiles_table
from orthanc_plugins.deid.profile import load_profile, shipped_profiles
from orthanc_plugins.deid.standard import EDITION
from orthanc_plugins.pseudonyms import FEWEST_WEEKS, MOST_WEEKS

README = (Path(__file__).parents[3] / "orthanc_plugins/deid/README.md").read_text(encoding="utf-8")
PROSE = re.sub(r"`[^`]*`", "", README)
ARTICLES = (
    *("4(5)", "5", "6", "9", "13", "14", "15\N{EN DASH}21", "25", "28", "30"),
    *("32", "33", "34", "35", "44 ff.", "89"),
)
KEPT_BY_SOME = {"PatientAge"}
"""Of those that identify, what an option may keep; its row says how."""


def part(name: str) -> str:
    """Return what stands between the marks of a generated block."""
    return README.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table of a chapter."""
    table = README.split(f"## {title}")[1].split("\n## ")[0]
    return [
        line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith(("| (", "| Art."))
    ]


def test_the_profiles_are_those_of_the_code() -> None:
    assert part("profiles") == profiles_table(), "Put the output of describing.profiles_table() there."


def test_the_actions_are_those_of_the_code() -> None:
    assert part("actions") == actions_list(), "Put the output of describing.actions_list() there."


def test_what_is_never_claimed_stands_in_its_own_sentence_alone() -> None:
    never = part("never claimed")
    assert "never says" in never
    assert all(word in never for word in ("anonymous", "anonymised", "GDPR compliant", "HIPAA compliant"))
    assert not says_too_much(PROSE.replace(never, ""))


def test_each_identifier_of_safe_harbor_has_its_row() -> None:
    table = rows("HIPAA")
    assert [cells[0] for cells in table] == [f"({letter})" for letter in "ABCDEFGHIJKLMNOPQR"]
    assert {len(cells) for cells in table} == {6}
    assert all(len(cell) > 3 for cells in table for cell in cells[1:])


def test_each_duty_of_the_gdpr_has_its_row() -> None:
    table = rows("GDPR")
    assert [cells[0] for cells in table] == [f"Art. {article}" for article in ARTICLES]
    assert {len(cells) for cells in table} == {4}
    assert all(len(cell) > 3 for cells in table for cell in cells[1:])


@pytest.mark.parametrize("profile", shipped_profiles())
def test_no_profile_keeps_an_attribute_of_safe_harbor(profile: str) -> None:
    keywords = {keyword for cells in rows("HIPAA") for keyword in re.findall(r"`(\w+)`", cells[2])}
    rules = compiled(load_profile(profile)).rules
    letters = {keyword: rules[tag_for_keyword(keyword) or 0].letter for keyword in keywords}
    assert len(letters) > 60
    assert {keyword for keyword, letter in letters.items() if letter == "K"} <= KEPT_BY_SOME


def words_of_commands() -> set[str]:
    """Return every command with its actions, as they are typed."""
    words = set()
    for command in COMMANDS:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        actions = [one.choices for one in parser._actions if isinstance(one.choices, dict)]
        words |= {command.name} | {f"{command.name} {action}" for choices in actions for action in choices}
    return words


def test_each_command_exists() -> None:
    typed = re.findall(r"(?:`|    )pacs ([a-z-]+(?: [a-z][a-z-]*)?)", README)
    assert {"deidentify", "project create", "project destroy-key", "certificate verify"} <= set(typed)
    assert set(typed) <= words_of_commands()


def test_each_profile_named_is_shipped() -> None:
    named = set(re.findall(r"`(basic|strict|longitudinal|[a-z]+_rt)`", README))
    assert named == set(shipped_profiles())


def test_numbers_are_those_of_the_code() -> None:
    assert f"edition {EDITION}" in README
    assert f"per PS3.15 {EDITION}, Basic Application" in README
    assert f"by {FEWEST_WEEKS} to {MOST_WEEKS} whole weeks" in README


def test_files_of_the_custody_are_named_as_they_are(tmp_path: Path) -> None:
    names = {
        key_path(tmp_path, "NAME", purpose).name for purpose in (KeyPurpose.PSEUDONYMS, KeyPurpose.MAPPING)
    }
    names |= {key_path(tmp_path, "suite", KeyPurpose.AUDIT).name}
    assert {name for name in names if f"`{name}`" not in README} == set()
