"""Rules as an administrator writes them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from pydicom._dicom_dict import DicomDictionary

from orthanc_plugins.archives.base import STUDY_ATTRIBUTES
from orthanc_plugins.rules import ForwardingRule, SyncRule
from orthanc_plugins.rules.keywords import LISTED_OF_STUDIES, known_keywords

_BINARY = {"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "NONE"}


def test_a_rule_needs_a_name_only() -> None:
    rule = ForwardingRule.model_validate({"Name": "Everything"})
    assert rule.enabled
    assert (rule.destination, rule.send, rule.transport, rule.verify) == (
        "dcm4chee",
        "study",
        "stow",
        "instances",
    )
    assert rule.hours is None


def test_a_whole_rule_is_read_in_pascal_case() -> None:
    written: dict[str, Any] = {
        "Name": "Planning CT at night",
        "Enabled": False,
        "Destination": "dcm4chee",
        "Modalities": ["CT", "RTSTRUCT"],
        "CallingAets": [" CT1 ", "PLAN*"],
        "StudyDescription": "*thorax*",
        "Labels": ["research"],
        "Tags": {"BodyPartExamined": "CHEST"},
        "Send": "matching_series",
        "Transport": "c-store",
        "Priority": 5,
        "Window": "18:00-06:00",
        "Verify": "content",
        "StorageCommitment": True,
    }
    rule = ForwardingRule.model_validate(written)
    assert rule.calling_aets == ("CT1", "PLAN*")
    assert rule.hours is not None
    assert rule.model_dump(by_alias=True, mode="json") == written | {"CallingAets": ["CT1", "PLAN*"]}


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("Tags", {"BodyPart": "CHEST"}, "did you mean BodyPartExamined"),
        ("Tags", {"ROIContourSequence": "*"}, "no DICOM keyword of a data element with text"),
        ("Tags", {"PixelData": "*"}, "no DICOM keyword"),
        ("Window", "at night", "it is written 18:00-06:00"),
        ("Modalities", ["ct"], "pattern"),
        ("CallingAets", ["SEVENTEEN_LETTERS"], "pattern"),
        ("Labels", ["two words"], "pattern"),
        ("Send", "series", "matching_series"),
        ("Destination", "xnat", "dcm4chee"),
        ("Priority", 101, "100"),
        ("Name", "a/b", "pattern"),
        ("Modality", "CT", "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(key: str, value: object, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ForwardingRule.model_validate({"Name": "A", key: value})


def test_a_pattern_that_is_refused_is_not_quoted() -> None:
    with pytest.raises(ValidationError) as raised:
        ForwardingRule.model_validate({"Name": "A", "Tags": {"PatientName": ["DOE^JOHN"]}})
    assert "DOE" not in str(raised.value)


def test_a_sync_rule_needs_a_direction() -> None:
    with pytest.raises(ValidationError, match="Direction"):
        SyncRule.model_validate({"Name": "A"})
    rule = SyncRule.model_validate({"Name": "A", "Direction": "both", "Window": "18:00-06:00"})
    assert rule.direction == "both"


def test_a_sync_rule_that_would_match_no_study_is_refused_with_what_to_write() -> None:
    rule = {"Name": "A", "Direction": "none", "Tags": {"BodyPartExamined": "BREAST"}}
    with pytest.raises(ValidationError, match=r"BodyPartExamined is not among .* AccessionNumber") as raised:
        SyncRule.model_validate(rule)
    assert "BREAST" not in str(raised.value)
    for keyword in STUDY_ATTRIBUTES:
        assert SyncRule.model_validate({**rule, "Tags": {keyword: "*"}}).tags == {keyword: "*"}


def test_the_keywords_of_sync_rules_are_what_archives_list_of_studies() -> None:
    assert frozenset(STUDY_ATTRIBUTES) == LISTED_OF_STUDIES


def test_the_known_keywords_are_those_of_pydicoms_dictionary() -> None:
    expected = {
        keyword
        for tag, (representation, _, _, _, keyword) in DicomDictionary.items()
        if keyword and tag >> 16 > 2 and not any(one in representation for one in _BINARY)
    }
    assert known_keywords() == expected, (
        "Write the sorted keywords of `expected` into orthanc_plugins/rules/keywords.txt, one a line."
    )
