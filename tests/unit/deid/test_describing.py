"""What is said of profiles and actions is what they do."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

import pytest

from orthanc_plugins.deid import actions
from orthanc_plugins.deid.compiling import compiled
from orthanc_plugins.deid.describing import (
    ACTIONS,
    actions_list,
    attributes_summary,
    explain,
    profiles_table,
    told,
)
from orthanc_plugins.deid.profile import Pixels, Profile, load_profile, shipped_profiles
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.errors import ProfileError

PLAIN: dict[str, Any] = {"name": "site", "summary": "for one test"}


def all_action_classes() -> set[type]:
    """Return the classes with ``describe`` that the modules of the actions define."""
    modules = [
        import_module(f"{actions.__name__}.{one.name}") for one in pkgutil.iter_modules(actions.__path__)
    ]
    return {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "describe")
    }


def test_every_action_is_told_once() -> None:
    assert {type(action) for action in ACTIONS} == all_action_classes()
    assert len(ACTIONS) == len(all_action_classes()) == len(set(actions_list().splitlines()))


def test_the_list_has_a_line_for_each_action_in_order() -> None:
    lines = actions_list().splitlines()
    assert lines[0].startswith("- X, Z, D and combinations: removed, emptied or replaced by a dummy")
    assert lines[2] == "- Patient's Name and Patient ID: the patient's pseudonym in the project"
    assert lines[-1].startswith("- private elements: ")
    assert all(line.startswith("- ") and len(line) > 20 for line in lines)


def test_the_table_has_a_row_for_each_shipped_profile() -> None:
    head, rule, *rows = profiles_table().splitlines()
    assert head.startswith("| profile | for whom | options (CID 7050) | dates | patients |")
    assert rule == "|---|---|---|---|---|---|---|"
    assert [row.split("`")[1] for row in rows] == list(shipped_profiles())
    assert {row.count(" | ") for row in rows} == {6}


def test_a_row_tells_all_that_a_profile_decides() -> None:
    profile = Profile(
        **PLAIN,
        options=frozenset({Option.RETAIN_UIDS, Option.RETAIN_LONGITUDINAL_FULL_DATES}),
        pixels=Pixels(look="all", mask="identity"),
        faces="refuse",
        patients="numbered",
    )
    assert profiles_table([profile]).splitlines()[2] == (
        "| `site` | for one test "
        "| 113106 Retain Longitudinal Temporal Information Full Dates; 113110 Retain UIDs "
        "| kept | `ANON00742`, of the register "
        "| looked for in every image, painted over but for technical remarks (113101) "
        "| images of a head are not released |"
    )


AS_THE_PROJECT = "as the project has them"


@pytest.mark.parametrize(
    ("name", "dates", "patients", "faces"),
    [
        ("basic", "removed", AS_THE_PROJECT, "flagged, not removed"),
        ("longitudinal", "moved by weeks, intervals stay", AS_THE_PROJECT, "flagged, not removed"),
        ("research_rt", "moved by weeks, intervals stay", AS_THE_PROJECT, "flagged, not removed"),
        ("strict", "removed", "`ANON00742`, of the register", "images of a head are not released"),
    ],
)
def test_shipped_profiles_are_told(name: str, dates: str, patients: str, faces: str) -> None:
    facts = told(load_profile(name))
    assert (facts["dates"], facts["patients"], facts["faces"]) == (dates, patients, faces)


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_attribute_is_counted_once(name: str) -> None:
    profile = load_profile(name)
    head, *lines = attributes_summary(profile).splitlines()
    number = len(compiled(profile).rules)
    assert head == f"{number:,} attributes of the dictionary (PS3.6), of which"
    assert sum(int(line.split()[0].replace(",", "")) for line in lines) == number


def test_options_move_attributes_from_removed_to_cleaned() -> None:
    def count(profile: str, group: str) -> int:
        lines = attributes_summary(load_profile(profile)).splitlines()
        return next(int(line.split()[0].replace(",", "")) for line in lines if f" {group}" in line)

    assert count("basic", "removed") > count("longitudinal", "removed") > count("research_rt", "removed")
    assert count("basic", "cleaned") < count("longitudinal", "cleaned") < count("research_rt", "cleaned")


@pytest.mark.parametrize("tag", ["0010,0010", "(0010,0010)"])
def test_a_tag_is_explained_as_its_keyword(tag: str) -> None:
    profile = load_profile("basic")
    assert explain(profile, tag) == explain(profile, "PatientName")


def test_a_tag_that_the_dictionary_does_not_know_is_refused() -> None:
    with pytest.raises(ProfileError, match="no attribute '0011,0010'"):
        explain(load_profile("basic"), "0011,0010")


def test_what_an_option_changes_is_explained() -> None:
    name, basic, full, modified, date, done = explain(load_profile("research_rt"), "StudyDate").splitlines()
    dates = "Retain Longitudinal Temporal Information"
    assert name == "StudyDate (0008,0020) Study Date, DA"
    assert basic == "  basic: Z, emptied (PS3.15 Table E.1-1, edition 2026d)"
    assert full == f"  option 113106 {dates} Full Dates: K, kept; not taken by research_rt"
    assert modified == f"  option 113107 {dates} Modified Dates: C, cleaned; taken by research_rt"
    assert date.startswith("  date: an event of the patient's course")
    assert done.startswith("  under research_rt: C for dates: moved by whole weeks")


@pytest.mark.parametrize(
    ("profile", "keyword", "reason"),
    [
        ("basic", "StudyDate", "under basic: Z, emptied"),
        ("research_rt", "DateOfLastCalibration", "date: a date of a device, which never moves"),
        ("research_rt", "DateOfLastCalibration", "under research_rt: X, removed; where the object's"),
        ("basic", "InstitutionName", "under basic: X/Z/D, removed, emptied or replaced by a dummy, as"),
        ("basic", "PatientName", "under basic: Patient's Name and Patient ID: the patient's pseudonym"),
        ("basic", "SourceImageSequence", "under basic: its items stay, each attribute in them"),
        ("basic", "ContentSequence", "under basic: its items stay"),
        ("basic", "ReferencedPatientSequence", "under basic: X, removed\n"),
        ("basic", "BeamName", "basic: X/Z/D, removed, emptied or replaced by a dummy (the suite's own table"),
        ("basic", "KVP", "basic: kept; neither Table E.1-1 nor the suite's own table lists it"),
        ("basic", "KVP", "under basic: kept where its value is what its VR allows"),
        ("basic", "Manufacturer", "under basic: kept unless it repeats something of the patient's"),
        ("basic", "Rows", "under basic: kept where its value"),
        ("basic", "ContourImageSequence", "under basic: its items stay"),
        ("basic", "PixelData", "under basic: kept but for what is no pixel in it"),
        ("basic", "SmallestImagePixelValue", "under basic: kept; binary numbers"),
        ("strict", "SoftwareVersions", "exception of strict: X, removed; the installed version and"),
        ("strict", "SoftwareVersions", "under strict: X, removed"),
    ],
)  # fmt: skip
def test_an_attribute_is_explained(profile: str, keyword: str, reason: str) -> None:
    assert f"  {reason}" in explain(load_profile(profile), keyword)


def test_a_mark_of_old_is_always_removed() -> None:
    lines = explain(load_profile("basic"), "PatientIdentityRemoved").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("  under basic: always removed")


def test_every_attribute_can_be_explained() -> None:
    from pydicom._dicom_dict import DicomDictionary  # noqa: PLC0415 - for this test alone

    profile = load_profile("research_rt")
    keywords = [entry[4] for entry in list(DicomDictionary.values())[::25] if entry[4]]
    assert len(keywords) > 150
    assert all("  under research_rt: " in explain(profile, keyword) for keyword in keywords)


@pytest.mark.parametrize("keyword", ["PatientsName", "patientname"])
def test_an_unknown_keyword_is_told_with_those_like_it(keyword: str) -> None:
    with pytest.raises(ProfileError, match=r"no attribute.*Do you mean .*PatientName"):
        explain(load_profile("basic"), keyword)


@pytest.mark.parametrize("keyword", ["Xyzzyq", "Qqqqqqqq", "\x1b[31m"])
def test_a_keyword_like_none_is_told_alone(keyword: str) -> None:
    with pytest.raises(ProfileError, match=r"^The dictionary has no attribute '[^']*'\.$"):
        explain(load_profile("basic"), keyword)
