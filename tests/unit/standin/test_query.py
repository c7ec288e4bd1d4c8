"""What a query string asks, and what dcm4chee refuses of it."""

from __future__ import annotations

import pytest

from dcm4chee.standin.answers import RefusedError
from dcm4chee.standin.query import parse_query


def test_keywords_and_tags_are_the_same_key() -> None:
    assert parse_query("PatientID=1").keys == parse_query("00100020=1").keys == {"00100020": ("1",)}


def test_values_are_split_at_commas_that_are_not_encoded() -> None:
    assert parse_query("Modality=CT,MR").keys["00080060"] == ("CT", "MR")
    assert parse_query("StudyDescription=a%2Cb").keys["00081030"] == ("a,b",)
    assert parse_query("PatientName=M%C3%BCller%5EA+B").keys["00100010"] == ("Müller^A B",)


def test_empty_and_universal_values_match_everything_and_are_returned() -> None:
    for text in ("PatientName=", "PatientName=*"):
        query = parse_query(text)
        assert query.keys == {"00100010": ()}
        assert "00100010" in query.include


def test_fields_are_split_at_encoded_commas_too_as_ohif_sends_them() -> None:
    assert parse_query("includefield=00081030%2C00080060").include == {"00081030", "00080060"}
    assert parse_query("orderby=-StudyDate%2CStudyTime").order == (("00080020", True), ("00080030", False))


def test_included_fields() -> None:
    query = parse_query("includefield=StudyDescription,00080020&includefield=StudyID")
    assert query.include == {"00081030", "00080020", "00200010"}
    assert not query.private
    assert parse_query("includefield=all").include_all


@pytest.mark.parametrize(
    "text",
    [
        "includefield=77770010",
        "77770010=DCM4CHEE+Archive+5",
        "includefield=all",
        "SeriesReceiveDateTime=2026-",
        "SendingApplicationEntityTitleOfSeries=A",
    ],
)
def test_own_attributes_of_the_archive_are_asked_for(text: str) -> None:
    assert parse_query(text).private


def test_order_is_up_or_down() -> None:
    assert parse_query("orderby=-StudyDate,PatientName").order == (("00080020", True), ("00100010", False))


def test_pages() -> None:
    query = parse_query("limit=25&offset=50")
    assert (query.limit, query.offset) == (25, 50)
    assert (parse_query("").limit, parse_query("").offset) == (None, 0)


@pytest.mark.parametrize(
    ("text", "first_open", "last_open"),
    [
        ("20260101-", False, True),
        ("-20260101", True, False),
        ("20260101000000-20260102000000", False, False),
        ("20260101000000%2B0100-20260102000000%2B0100", False, False),
        ("20260101000000-0500-20260102000000-0500", False, False),
        ("20260101120000-0500", False, False),
        ("20260101", False, False),
    ],
)
def test_receive_times_are_ranges(text: str, *, first_open: bool, last_open: bool) -> None:
    first, last = parse_query(f"StudyReceiveDateTime={text}").moments["StudyReceiveDateTime"]
    assert (first is None, last is None) == (first_open, last_open)
    if first is not None and last is not None:
        assert first < last


def test_a_moment_west_of_greenwich_is_no_range() -> None:
    first, last = parse_query("StudyReceiveDateTime=20260101120000-0500").moments["StudyReceiveDateTime"]
    assert first is not None
    assert last is not None
    assert last - first < 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limit=0", "limit=0"),
        ("limit=", "limit="),
        ("offset=01", "offset=01"),
        ("merged=maybe", "merged=maybe"),
        ("StudySizeInKB=big", "StudySizeInKB=big"),
        ("ExpirationState=GONE", "ExpirationState=GONE"),
        ("Nothing=1", "Nothing=1"),
        ("0010002=1", "0010002=1"),
        ("ScheduledProcedureStepSequence.Nothing=1", "Nothing=1"),
        ("includefield=Nothing", "includefield=Nothing"),
        ("orderby=-Nothing", "orderby=-Nothing"),
        ("StudyReceiveDateTime=soon", "StudyReceiveDateTime=soon"),
    ],
)
def test_what_is_not_known_is_a_bad_request(text: str, said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_query(text)
    assert caught.value.status_code == 400
    assert caught.value.detail.startswith("Invalid Query Parameter")
    assert said in caught.value.detail


def test_what_the_stand_in_cannot_do_is_said() -> None:
    with pytest.raises(RefusedError) as caught:
        parse_query("modified=PatientName")
    assert caught.value.status_code == 501


def test_parameters_of_other_services_are_taken() -> None:
    assert parse_query("accept=application/json&count=true&queue=false").keys == {}
