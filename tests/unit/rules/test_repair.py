from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from orthanc_plugins.rules.repair import RepairPolicy, Strategy


def test_the_default_copies_what_is_missing_and_asks_for_the_rest() -> None:
    policy = RepairPolicy()
    assert (policy.missing, policy.default, policy.pixel, policy.coerced) == (
        "copy",
        Strategy.MANUAL,
        Strategy.MANUAL,
        "leave",
    )


def test_settings_and_requests_write_the_same_policy() -> None:
    section = RepairPolicy.model_validate({"Missing": "manual", "Attributes": {"Patient*": "newest"}})
    assert section == RepairPolicy(missing="manual", attributes={"Patient*": Strategy.NEWEST})
    assert RepairPolicy.model_validate(json.loads(section.model_dump_json())) == section


def test_an_exact_name_wins_over_a_pattern_and_the_first_pattern_over_the_next() -> None:
    policy = RepairPolicy(
        default=Strategy.NEWEST,
        attributes={
            "Patient*": Strategy.PREFER_DCM4CHEE,
            "*Name": Strategy.PREFER_ORTHANC,
            "PatientSex": Strategy.MANUAL,
            "300a00b0[*].300A00C2": Strategy.NEVER_OVERWRITE,
        },
    )
    assert policy.strategy_of("PatientName", "00100010") is Strategy.PREFER_DCM4CHEE
    assert policy.strategy_of("InstitutionName", "00080080") is Strategy.PREFER_ORTHANC
    assert policy.strategy_of("PatientSex", "00100040") is Strategy.MANUAL
    assert policy.strategy_of("BeamName", "300A00B0.300A00C2") is Strategy.NEVER_OVERWRITE
    assert policy.strategy_of(None, "0029[X]10") is Strategy.NEWEST


def test_a_tag_names_the_element_and_all_below_it() -> None:
    policy = RepairPolicy(attributes={"300A00B0": Strategy.NEWEST, "00100010": Strategy.NEVER_OVERWRITE})
    assert policy.strategy_of("BeamName", "300A00B0.300A00C2") is Strategy.NEWEST
    assert policy.strategy_of("BeamSequence", "300A00B0") is Strategy.NEWEST
    assert policy.strategy_of("PatientName", "00100010") is Strategy.NEVER_OVERWRITE
    assert policy.strategy_of("PatientSex", "00100040") is Strategy.MANUAL


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("PatientNme", "did you mean PatientName"),
        ("Nothing*", "matches no keyword"),
        ("SOPInstanceUID", "UIDs are never rewritten"),
        ("0010", "no DICOM keyword"),
    ],
)
def test_a_name_that_cannot_be_meant_is_refused(name: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        RepairPolicy.model_validate({"attributes": {name: "manual"}})


@pytest.mark.parametrize("content", [{"default": "guess"}, {"missing": "delete"}, {"Pixels": "manual"}])
def test_another_strategy_than_there_is_is_refused(content: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        RepairPolicy.model_validate(content)
