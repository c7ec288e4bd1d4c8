"""Profiles: what may be asked for, and how a fault in one is told."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import ValidationError
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import tag_for_keyword

from orthanc_plugins.deid.actions import ByType
from orthanc_plugins.deid.compiling import compiled
from orthanc_plugins.deid.profile import (
    AttributeException,
    Pixels,
    Profile,
    load_profile,
    read_profile,
    shipped_profiles,
)
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from pathlib import Path

PLAIN: dict[str, Any] = {"name": "site", "summary": "for one test"}
REGION_NAMES = {"ROIName", "SegmentLabel"}
"""Where they are emptied or a dummy, each has its own number, so that regions stay apart."""
EXCEPTION = {"attribute": "Manufacturer", "action": "X", "reason": "for one test"}


def written(folder: Path, content: dict[str, Any] | str, name: str = "site") -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return file


def fault_of(folder: Path, content: dict[str, Any] | str, name: str = "site") -> str:
    with pytest.raises(ProfileError) as caught:
        read_profile(written(folder, content, name))
    return str(caught.value)


def test_these_profiles_are_shipped() -> None:
    assert shipped_profiles() == ("basic", "longitudinal", "research_rt", "strict")


@pytest.mark.parametrize("name", shipped_profiles())
def test_each_shipped_profile_loads_and_compiles(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert len(compiled(profile).rules) > 5000
    assert Option.CLEAN_STRUCTURED_CONTENT in profile.options


def test_a_profile_is_read(tmp_path: Path) -> None:
    content = {
        **PLAIN,
        "options": ["retain_uids", "clean_graphics"],
        "pixels": {"look": "all"},
        "faces": "refuse",
        "patients": "numbered",
        "exceptions": [EXCEPTION],
    }
    profile = read_profile(written(tmp_path, content))
    assert profile.options == {Option.RETAIN_UIDS, Option.CLEAN_GRAPHICS}
    assert profile.pixels == Pixels(look="all", mask="all")
    assert (profile.faces, profile.patients) == ("refuse", "numbered")
    assert profile.exceptions[0].attribute == "Manufacturer"


def test_a_sites_own_profile_comes_before_the_shipped_one(tmp_path: Path) -> None:
    written(tmp_path, {"name": "basic", "summary": "the site's own"}, "basic")
    assert load_profile("basic", tmp_path).summary == "the site's own"
    assert load_profile("strict", tmp_path) == load_profile("strict")


def test_an_unknown_name_is_told_with_those_that_are_known() -> None:
    with pytest.raises(ProfileError, match="'basik'; shipped are basic, longitudinal"):
        load_profile("basik")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"optoins": []}, "optoins: Extra inputs"),
        ({"options": ["retain_everything"]}, "options"),
        ({"pixels": {"look": "some"}}, "pixels.look"),
        ({"pixels": {"paint": "all"}}, "pixels.paint"),
        ({"faces": "remove"}, "faces"),
        ({"patients": "named"}, "patients"),
        ({"summary": None}, "summary"),
        ({"name": "Über"}, "name"),
        ({"name": "a" * 33}, "name"),
        ({"exceptions": [{**EXCEPTION, "attribute": "PatientNaem"}]}, "exceptions.0.attribute.*no attribute"),
        ({"exceptions": [{**EXCEPTION, "attribute": ""}]}, "exceptions.0.attribute.*no attribute"),
        ({"exceptions": [{**EXCEPTION, "action": "C"}]}, "exceptions.0.action"),
        ({"exceptions": [{**EXCEPTION, "reason": "short"}]}, "exceptions.0.reason"),
        ({"exceptions": [EXCEPTION, EXCEPTION]}, "two exceptions"),
        (
            {"options": ["retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"]},
            "either kept or modified",
        ),
        (
            {"options": ["retain_device_identity", "retain_longitudinal_modified_dates"]},
            "no object can satisfy both",
        ),
    ],
)
def test_a_fault_is_told_by_its_field(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    text = fault_of(tmp_path, {**PLAIN, **change})
    assert re.search(told, text)
    assert "site.yaml" in text


@pytest.mark.parametrize(
    "attribute",
    [
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "AccessionNumber",
        "StudyID",
        "OtherPatientIDs",
        "ReferringPhysicianName",
        "OriginalAttributesSequence",
        "EncapsulatedDocument",
    ],
)
def test_an_exception_never_keeps_an_identity(tmp_path: Path, attribute: str) -> None:
    exception = {**EXCEPTION, "attribute": attribute, "action": "K"}
    assert "never kept" in fault_of(tmp_path, {**PLAIN, "exceptions": [exception]})


@pytest.mark.parametrize(
    "attribute", ["StudyDate", "AcquisitionDateTime", "SeriesTime", "IrradiationEventUID"]
)
def test_an_exception_does_not_keep_one_date_or_uid_beside_others(tmp_path: Path, attribute: str) -> None:
    exception = {**EXCEPTION, "attribute": attribute, "action": "K"}
    assert "all together, by an option" in fault_of(tmp_path, {**PLAIN, "exceptions": [exception]})


def accepted(action: str) -> list[AttributeException]:
    """Return an exception for each attribute of the dictionary that may have this one."""
    found: list[AttributeException] = []
    for keyword in {entry[4] for entry in DicomDictionary.values()}:
        with suppress(ValidationError):
            one = AttributeException.model_validate({**EXCEPTION, "attribute": keyword, "action": action})
            found += Profile(**PLAIN, exceptions=(one,)).exceptions
    return found


@pytest.mark.parametrize("action", ["X", "Z", "D", "K"])
def test_an_exception_that_is_accepted_is_what_is_done(action: str) -> None:
    exceptions = [one for one in accepted(action) if one.attribute not in REGION_NAMES]
    rules = compiled(Profile(**PLAIN, exceptions=tuple(exceptions))).rules
    assert len(exceptions) > 2000
    for one in exceptions:
        rule = rules[tag_for_keyword(one.attribute) or 0]
        done = rule.action.letter if isinstance(rule.action, ByType) else "K"
        assert (rule.letter, done) == (action, action), one.attribute


@pytest.mark.parametrize(
    ("attribute", "action"),
    [
        ("BurnedInAnnotation", "K"),
        ("DeidentificationMethod", "X"),
        ("PatientName", "X"),
        ("TextValue", "K"),
        ("CodeMeaning", "K"),
        ("EncapsulatedDocument", "X"),
        ("PixelData", "X"),
        ("StudyInstanceUID", "X"),
        ("SpecificCharacterSet", "D"),
    ],
)
def test_no_exception_speaks_of_what_every_profile_treats_alike(
    tmp_path: Path, attribute: str, action: str
) -> None:
    exception = {**EXCEPTION, "attribute": attribute, "action": action}
    assert "in one way under every profile" in fault_of(tmp_path, {**PLAIN, "exceptions": [exception]})


def test_an_exception_does_not_keep_what_is_searched_for_as_an_identity(tmp_path: Path) -> None:
    address = {**EXCEPTION, "attribute": "PatientAddress", "action": "K"}
    told = fault_of(tmp_path, {**PLAIN, "exceptions": [address]})
    assert "PatientAddress tells who or where somebody is" in told
    assert "no option keeps it" in told
    station = {**EXCEPTION, "attribute": "StationName", "action": "K"}
    assert "retain_device_identity keeps it" in fault_of(tmp_path, {**PLAIN, "exceptions": [station]})
    kept = {**PLAIN, "exceptions": [station], "options": ["retain_device_identity"]}
    assert read_profile(written(tmp_path, kept)).exceptions[0].attribute == "StationName"


@pytest.mark.parametrize("content", ["", "[]", "a: [", "just text", "\ta: 1"])
def test_what_is_no_profile_is_refused(tmp_path: Path, content: str) -> None:
    assert "site.yaml" in fault_of(tmp_path, content)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(ProfileError, match="UTF-8"):
        read_profile(tmp_path / "site.yaml")


def test_a_profile_stands_in_a_file_of_its_name(tmp_path: Path) -> None:
    assert "another name" in fault_of(tmp_path, PLAIN, "other")


def test_a_profile_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        load_profile("basic").name = "other"  # type: ignore[misc] # that is what is tested


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"summary": "another"},
        {"options": {Option.RETAIN_UIDS}},
        {"pixels": Pixels(look="all")},
        {"pixels": Pixels(mask="identity")},
        {"faces": "refuse"},
        {"patients": "numbered"},
        {"exceptions": (AttributeException(**EXCEPTION),)},
    ],
)
def test_each_field_changes_the_digest(change: dict[str, Any]) -> None:
    assert Profile(**{**PLAIN, **change}).digest != Profile(**PLAIN).digest


def test_order_does_not_change_the_digest() -> None:
    one, other = AttributeException(**EXCEPTION), AttributeException(**{**EXCEPTION, "attribute": "Modality"})
    options = [Option.CLEAN_GRAPHICS, Option.RETAIN_UIDS]
    forwards = Profile(**PLAIN, options=frozenset(options), exceptions=(one, other))
    backwards = Profile(**PLAIN, options=frozenset(reversed(options)), exceptions=(other, one))
    assert forwards.digest == backwards.digest
    assert re.fullmatch(r"[0-9a-f]{64}", forwards.digest)


def test_the_schema_can_be_written() -> None:
    schema = Profile.model_json_schema()
    assert set(schema["properties"]) == {
        "name", "summary", "options", "pixels", "faces", "patients", "exceptions",
    }  # fmt: skip
    assert schema["additionalProperties"] is False


def test_the_strict_profile_is_for_publication() -> None:
    profile = load_profile("strict")
    assert not [option for option in profile.options if option.startswith("retain")]
    assert Option.CLEAN_DESCRIPTORS not in profile.options
    assert (profile.pixels, profile.faces, profile.patients) == (Pixels(look="all"), "refuse", "numbered")
    assert {one.attribute for one in profile.exceptions} == {
        "SoftwareVersions", "SecondaryCaptureDeviceSoftwareVersions", "HardcopyDeviceSoftwareVersion",
        "ApplicationVersion", "SequenceName", "PulseSequenceName",
    }  # fmt: skip
    assert {one.action for one in profile.exceptions} == {"X"}


def test_the_profile_for_radiotherapy_keeps_what_its_research_needs() -> None:
    rules = compiled(load_profile("research_rt")).rules
    letters = {
        "ROIName": "C", "SegmentLabel": "C", "SeriesDescription": "C", "RTPlanLabel": "C",
        "PatientSize": "K", "PatientWeight": "K", "PatientSex": "K", "PatientAge": "K",
        "StudyDate": "C", "StructureSetDate": "C", "RadiopharmaceuticalStartDateTime": "C",
        "SourceStrengthReferenceDate": "C",
    }  # fmt: skip
    assert {keyword: rules[tag_for_keyword(keyword) or 0].letter for keyword in letters} == letters
