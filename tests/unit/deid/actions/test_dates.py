"""Dates by their role, ages, and times (PS3.15 E.3.6)."""

from __future__ import annotations

import pytest

from tests.builders.writing import Element
from tests.unit.deid.objects import STRUCTURE_SET, new_dataset

SIXTY_WEEKS_EARLIER = "20230110"  # than 20240305


def moved(tag: int, vr: str, value: str, profile: str = "research_rt") -> str | None:
    made = new_dataset((Element(tag, vr, value),), profile, sop_class_uid=STRUCTURE_SET)
    return str(made[tag].value) if tag in made else None


@pytest.mark.parametrize(
    ("tag", "vr", "value", "expected"),
    [
        (0x00080020, "DA", "20240305", SIXTY_WEEKS_EARLIER),
        (0x30060008, "DA", "20240305", SIXTY_WEEKS_EARLIER),
        (0x300E0004, "DA", "20240305", SIXTY_WEEKS_EARLIER),
        (0x0008002A, "DT", "20240305101500.25+0100", SIXTY_WEEKS_EARLIER + "101500.25+0100"),
        (0x00181078, "DT", "20240305101500", SIXTY_WEEKS_EARLIER + "101500"),
        (0x00080020, "DA", "2024.03.05", SIXTY_WEEKS_EARLIER),
        (0x00080030, "TM", "101500.123456", "101500.123456"),
        (0x00080030, "TM", "10:15:00", "10:15:00"),
    ],
)
def test_events_of_the_patients_course_move_and_times_of_day_stay(
    tag: int, vr: str, value: str, expected: str
) -> None:
    assert moved(tag, vr, value) == expected


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00181200, "DA", "20240109"),  # Date of Last Calibration
        (0x0018700C, "DA", "20240109"),  # Date of Last Detector Calibration
        (0x00080106, "DT", "20240109000000"),  # Context Group Version
        (0x00080107, "DT", "20240109000000"),  # Context Group Local Version
        (0x00100030, "DA", "19590312"),  # birth
        (0x00181204, "DA", "20190109"),  # manufacture
    ],
)
def test_dates_of_devices_vocabularies_and_birth_never_move_with_the_patient(
    tag: int, vr: str, value: str
) -> None:
    found = moved(tag, vr, value)
    assert found in {None, "", value, "19000101", "19000101000000"}
    if found == value:  # what the standard says of its own lists stays as it is
        assert tag in {0x00080106, 0x00080107}


@pytest.mark.parametrize(
    "value", ["20240230", "2024030", "Secret", "00000000", "19700101", "20240305-20240306"]
)
@pytest.mark.parametrize("tag", [0x00080020, 0x30060008])
def test_what_is_no_date_of_the_patients_goes(tag: int, value: str) -> None:
    assert moved(tag, "DA", value) in {None, "", "19000101"}


def test_the_dummy_date_is_the_same_for_all() -> None:
    for profile in ("basic", "research_rt"):
        assert moved(0x0040A121, "DA", "Secret99", profile) == "19000101"


def test_without_the_option_dates_go() -> None:
    assert moved(0x00080020, "DA", "20240305", "basic") == ""
    assert moved(0x0040A120, "DT", "20240305101500", "basic") == "19000101000000"


def test_several_dates_move_together() -> None:
    assert moved(0x00181078, "DT", "20240305\\20240312") == "['20230110', '20230117']"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("064Y", "064Y"),
        ("089Y", "089Y"),
        ("093Y", "090Y"),
        ("120Y", "090Y"),
        ("003M", "003M"),
        ("93 Y", None),
    ],
)
def test_ages_over_89_become_90(value: str, expected: str | None) -> None:
    found = moved(0x00101010, "AS", value)
    assert found == expected or (expected is None and found in {None, "", "000D"})


def test_an_empty_age_and_an_empty_date_stay_empty() -> None:
    assert moved(0x00101010, "AS", "") == ""
    assert moved(0x00080020, "DA", "") == ""


@pytest.mark.parametrize("padding", ["", "        "])
def test_a_date_that_is_empty_stays_empty(padding: str) -> None:
    assert moved(0x00080021, "DA", padding) == ""
