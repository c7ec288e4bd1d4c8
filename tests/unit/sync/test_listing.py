"""What two archives list of a study, without any instance being read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.archives.base import InstanceEntry, StudyEntry
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.sync.differences import Comparison, StudyCounts
from orthanc_plugins.sync.listing import compare_listings

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
STUDY = StudyUid("1.2")


def entry(series: str, instance: str, **changes: str) -> InstanceEntry:
    listed = InstanceEntry(SopInstanceUid(instance), SeriesUid(series), STUDY, "1.2.840.1", "CT")
    return replace(listed, **changes)  # type: ignore[arg-type]


def compared(left: Sequence[InstanceEntry], right: Sequence[InstanceEntry]) -> Comparison:
    return compare_listings(STUDY, left, right, compared_at=NOW)


def told(found: Comparison) -> list[tuple[str, str, str | None, str | None, str | None]]:
    return [
        (one.kind.value, one.level, one.series_uid, one.sop_instance_uid, one.tag)
        for one in found.differences
    ]


A, B, C = entry("s1", "a"), entry("s1", "b"), entry("s2", "c")


def test_equal_listings_are_equal_in_any_order() -> None:
    found = compared([A, B, C], [C, A, B])
    assert found.equal
    assert (found.depth, found.left, found.instances_compared) == ("instance", StudyCounts(2, 3), 3)


def test_an_instance_of_a_series_that_is_there_is_missing_by_itself() -> None:
    found = compared([A, B], [A])
    assert told(found) == [("missing_right", "instance", "s1", "b", None)]
    assert found.differences[0].detail == "DCM4CHEE does not hold the instance."


def test_a_series_is_missing_as_a_whole() -> None:
    found = compared([A, B], [A, B, C])
    assert told(found) == [("missing_left", "series", "s2", None, None)]
    assert found.differences[0].detail == "Orthanc does not hold the series: 1 instance of modality CT."


def test_a_study_is_missing_as_a_whole() -> None:
    found = compared([], [A, B, C])
    assert told(found) == [("missing_left", "study", None, None, None)]
    assert (found.left, found.right) == (None, StudyCounts(2, 3))


def test_transfer_syntaxes_and_sizes_are_left_aside() -> None:
    other = replace(A, transfer_syntax_uid="1.2.840.10008.1.2.5", size_bytes=7)
    assert compared([A], [other]).equal


def test_labels_that_are_listed_otherwise_differ() -> None:
    found = compared([A, B], [replace(A, sop_class_uid="9.9"), replace(B, modality="MR")])
    assert told(found) == [
        ("metadata", "series", "s1", None, "00080060"),
        ("metadata", "instance", "s1", "a", "00080016"),
    ]
    assert compared([A], [replace(A, sop_class_uid="", modality="")]).equal, (
        "what is not told is no difference"
    )


@pytest.mark.parametrize(("left", "right"), [([A, A, B], [A, B]), ([A, B], [B, A, A])])
def test_an_instance_that_is_listed_twice_is_a_count(
    left: list[InstanceEntry], right: list[InstanceEntry]
) -> None:
    assert told(compared(left, right)) == [("count", "instance", "s1", "a", None)]


def test_numbers_of_the_study_that_are_not_those_of_its_instances_are_a_count() -> None:
    said = StudyEntry(STUDY, ("CT",), 2, 3, {})
    assert compare_listings(STUDY, [A, B, C], [A, B, C], compared_at=NOW, told=(said, said)).equal
    found = compare_listings(STUDY, [A, B], [A, B], compared_at=NOW, told=(said, None))
    assert [(one.kind.value, one.left, one.right) for one in found.differences] == [
        ("count", "2 series, 3 instances", None)
    ]


def test_part_of_a_series_that_was_moved_is_told_instance_by_instance() -> None:
    found = compared([A, B, C], [A, entry("s9", "b"), C])
    assert told(found) == [("metadata", "instance", "s1", "b", "0020000E")]


@given(
    st.dictionaries(st.integers(0, 30), st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=31),
)
def test_every_instance_that_is_missing_is_covered_and_no_other(held: dict[int, tuple[int, int]]) -> None:
    """Each instance is in a series, and on the left (0), on the right (1) or on both sides (2)."""
    entries = {number: entry(f"s{series}", f"i{number}") for number, (series, _) in held.items()}
    left = [entries[number] for number, (_, where) in held.items() if where in {0, 2}]
    right = [entries[number] for number, (_, where) in held.items() if where in {1, 2}]
    found = compared(left, right)
    for kind, here, there in (("missing_left", left, right), ("missing_right", right, left)):
        absent = {one for one in there if one not in here}
        covered: set[InstanceEntry] = set()
        for one in found.differences:
            if one.kind == kind:
                subjects = {
                    listed
                    for listed in there
                    if one.series_uid in {None, listed.series_uid}
                    and one.sop_instance_uid in {None, listed.sop_instance_uid}
                }
                assert not covered & subjects, "nothing is told twice"
                covered |= subjects
        assert covered == absent
    assert {one.kind.value for one in found.differences} <= {"missing_left", "missing_right"}
