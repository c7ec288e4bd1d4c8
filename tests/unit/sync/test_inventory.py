"""Rows of the inventory: what is the same to DICOM is the same here, and what is not is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.archives.base import STUDY_ATTRIBUTES, InstanceEntry, StudyEntry
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.store import StudyPair
from orthanc_plugins.store.inventory_records import KEY_BYTES, LEFT, RIGHT, Holding
from orthanc_plugins.sync.differences import DifferenceClass
from orthanc_plugins.sync.inventory import (
    attributes_digest,
    compare_rows,
    contents_digest,
    holding_of,
    instance_key,
    joined_keys,
    normalised,
    split_keys,
    told_revision,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)
STUDY = StudyUid("1.2.3")

SAME = [
    ("PatientName", "Doe^John", "Doe^John^^^"),
    ("PatientName", "Doe^John", "Doe^John "),
    ("PatientName", "Doe^John", " Doe ^ John=="),
    ("PatientName", "Doe^John=山田^太郎", "Doe^John^^=山田^太郎^="),
    ("PatientName", "Mu\u0308ller", "Müller"),
    ("ReferringPhysicianName", "Doe", "Doe^^^^"),
    ("PatientID", "P1", " P1\0"),
    ("StudyDate", "20260102", "2026.01.02"),
    ("PatientBirthDate", "19700101", "19700101 "),
    ("StudyTime", "101112", "101112.000000"),
    ("StudyTime", "101112", "101112."),
    ("StudyTime", "101112.5", "101112.500"),
    ("StudyTime", "101112", "10:11:12"),
    ("StudyTime", "101112.25", "10:11:12.250"),
    ("StudyTime", "1011", "10:11"),
    ("StudyDescription", "a\\b", "a \\ b"),
    ("AccessionNumber", "", "  "),
]

OTHER = [
    ("PatientName", "Doe^John", "DOE^JOHN"),
    ("PatientName", "Doe^John", "Doe^^John"),
    ("PatientName", "Doe John", "Doe^John"),
    ("PatientName", "Doe=山田", "Doe==山田"),
    ("PatientID", "P1", "p1"),
    ("PatientID", "P1", "P 1"),
    ("PatientID", "1", "01"),
    ("StudyTime", "1011", "101100"),
    ("StudyTime", "101112.5", "101112.05"),
    ("StudyDate", "20260102", "20260201"),
    ("StudyDate", "", "20260102"),
    ("StudyDescription", "a^", "a"),
    ("StudyDescription", "a\\b", "a\\\\b"),
]


@pytest.mark.parametrize(("keyword", "one", "another"), SAME)
def test_the_same_value_written_otherwise_is_the_same(keyword: str, one: str, another: str) -> None:
    assert normalised(keyword, one) == normalised(keyword, another)
    assert attributes_digest({keyword: one}) == attributes_digest({keyword: another})


@pytest.mark.parametrize(("keyword", "one", "another"), OTHER)
def test_another_value_is_another(keyword: str, one: str, another: str) -> None:
    assert attributes_digest({keyword: one}) != attributes_digest({keyword: another})


@given(st.sampled_from(STUDY_ATTRIBUTES), st.text(max_size=30))
def test_normalising_again_changes_nothing(keyword: str, value: str) -> None:
    once = normalised(keyword, value)
    assert normalised(keyword, once) == once
    assert normalised(keyword, f" {value} ") == once


def test_a_value_is_that_of_its_attribute() -> None:
    seen = {attributes_digest({keyword: "1"}) for keyword in STUDY_ATTRIBUTES}
    assert len(seen) == len(STUDY_ATTRIBUTES)
    assert attributes_digest({}) == attributes_digest(dict.fromkeys(STUDY_ATTRIBUTES, ""))
    assert attributes_digest({"Other": "x"}) == attributes_digest({})


def test_keys_stand_sorted_each_once() -> None:
    keys = [instance_key(f"1.{number}") for number in (3, 1, 2, 1)]
    joined = joined_keys(keys)
    assert len(joined) == 3 * KEY_BYTES
    assert split_keys(joined) == set(keys)
    assert joined_keys(split_keys(joined)) == joined
    assert contents_digest(joined) != contents_digest(joined_keys(keys[:2]))


# A listing as a row


def listed(uid: str, *numbers: int, archive: str = LEFT, count: int | None = None, **told: str) -> Holding:
    entry = StudyEntry(
        StudyUid(uid),
        ("CT",),
        1,
        len(numbers) if count is None else count,
        dict.fromkeys(STUDY_ATTRIBUTES, "") | {"PatientID": "P1", "StudyDate": "20260102"} | told,
        revision="r",
        archive_key="k",
    )
    instances = [
        InstanceEntry(
            SopInstanceUid(f"{uid}.{number}"), SeriesUid(f"{uid}.{number % 2}"), entry.study_uid, "1.2", "CT"
        )
        for number in numbers
    ]
    return holding_of(archive, entry, instances, at=NOW, pass_number=3)


def test_a_row_says_what_is_listed_whatever_is_counted() -> None:
    holding = listed(STUDY, 1, 2, 4, count=99, PatientName="Doe")
    row = holding.row
    assert (row.instance_count, row.series_count) == (3, 2)
    assert holding.keys == joined_keys(instance_key(f"{STUDY}.{number}") for number in (1, 2, 4))
    assert row.contents_digest == contents_digest(holding.keys)
    assert (row.patient_id, row.patient_name, row.study_date) == ("P1", "Doe", "20260102")
    assert (row.revision, row.archive_key, row.pass_number, row.listed_at) == ("r#1.99", "k", 3, NOW)


def test_an_instance_that_is_listed_twice_has_one_key() -> None:
    once, twice = listed(STUDY, 1, 2), listed(STUDY, 1, 2, 2)
    assert (twice.row.instance_count, twice.keys) == (3, once.keys)
    assert twice.row.contents_digest == once.row.contents_digest
    assert not once.row.agrees_with(twice.row)


def test_what_is_told_changes_with_counts_too() -> None:
    told = {
        told_revision(StudyEntry(STUDY, (), series, count, {}, revision))
        for series, count, revision in product((1, 2), (3, 4), ("", "r"))
    }
    assert len(told) == 8


# Two rows


def pair(left: Holding | None, right: Holding | None) -> StudyPair:
    return StudyPair(STUDY, None if left is None else left.row, None if right is None else right.row)


def keys(holding: Holding | None) -> bytes | None:
    return None if holding is None else holding.keys


INSTANCES = st.sets(st.integers(1, 12), max_size=8)


@given(INSTANCES, INSTANCES, st.booleans())
def test_any_difference_of_two_studies_is_found_and_none_is_invented(
    left: set[int], right: set[int], renamed: bool
) -> None:
    one = listed(STUDY, *left) if left else None
    other = listed(STUDY, *right, archive=RIGHT, PatientName="X" if renamed else "") if right else None
    found = compare_rows(pair(one, other), keys(one), keys(other))
    named = {instance_key(f"{STUDY}.{number}") for number in left - right}
    assert found.missing_right == named
    assert found.missing_left == {instance_key(f"{STUDY}.{number}") for number in right - left}
    expected = set()
    if right - left:
        expected.add(DifferenceClass.MISSING_LEFT)
    if left - right:
        expected.add(DifferenceClass.MISSING_RIGHT)
    if one and other and renamed:
        expected.add(DifferenceClass.METADATA)
    assert found.classes == expected


def test_other_counts_of_the_same_instances_are_told() -> None:
    one, other = listed(STUDY, 1, 2), listed(STUDY, 1, 2, archive=RIGHT)
    moved = Holding(replace(other.row, series_count=1), other.keys)
    found = compare_rows(pair(one, moved), one.keys, moved.keys)
    assert found.classes == {DifferenceClass.COUNT}


def test_a_study_without_instances_is_missing_all_the_same() -> None:
    empty = listed(STUDY)
    assert compare_rows(pair(empty, None), b"", None).classes == {DifferenceClass.MISSING_RIGHT}
    assert compare_rows(pair(None, None), None, None).classes == frozenset()
