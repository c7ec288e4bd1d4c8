"""What is told of a profile without the engine is what the engine reads in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.deid.markers import longitudinal
from orthanc_plugins.deid.profile import load_profile, shipped_profiles
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.errors import ProfileError
from orthanc_plugins.rules.profiles import profile_summary

if TYPE_CHECKING:
    from pathlib import Path

DATES = {"REMOVED": "removed", "MODIFIED": "moved by whole weeks", "UNMODIFIED": "kept"}


@pytest.mark.parametrize("name", shipped_profiles())
def test_of_a_shipped_profile_the_same_is_told_as_the_engine_does(name: str) -> None:
    profile = load_profile(name)
    told = profile_summary(name)
    assert told.dates == DATES[longitudinal(profile)]
    assert told.keeps_uids == (Option.RETAIN_UIDS in profile.options)


def test_a_profile_of_the_sites_own_comes_before_the_shipped_one(tmp_path: Path) -> None:
    text = "name: basic\nsummary: ours\noptions: [retain_longitudinal_full_dates, retain_uids]\n"
    (tmp_path / "basic.yaml").write_text(text, encoding="utf-8")
    assert (profile_summary("basic").dates, profile_summary("basic").keeps_uids) == ("removed", False)
    assert (profile_summary("basic", tmp_path).dates, profile_summary("basic", tmp_path).keeps_uids) == (
        "kept",
        True,
    )
    assert profile_summary("strict", tmp_path) == profile_summary("strict")


def test_a_profile_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        ProfileError, match="no profile nowhere: take one of basic, longitudinal, research_rt"
    ):
        profile_summary("nowhere")


@pytest.mark.parametrize("text", ["options: [", "- a list", "options: all", "\x00"])
def test_what_is_no_profile_is_refused_by_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"mine\.yaml"):
        profile_summary("mine", tmp_path)
