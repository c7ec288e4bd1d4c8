"""The README says what the code says."""

from __future__ import annotations

from pathlib import Path

from orthanc_plugins.settings import settings_table

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_settings_table_is_the_one_of_the_code() -> None:
    table = README.split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
    assert table == settings_table(), "Put the output of orthanc_plugins.settings.settings_table() there."


def test_no_placeholder_is_left() -> None:
    assert "@" not in README.replace("file=@", "").replace("--regions @FILE", "")
