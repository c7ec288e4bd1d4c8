"""Which requests are made for files of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.archives.base import InstanceEntry
from orthanc_plugins.archives.wado import plan
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Collection

STUDY = StudyUid("1")


def entry(series: int, number: int) -> InstanceEntry:
    uid = SopInstanceUid(f"1.{series}.{number}")
    return InstanceEntry(uid, SeriesUid(f"1.{series}"), STUDY, "1.2", "CT")


HELD = [entry(series, number) for series in (1, 2) for number in range(10)]


def paths(missing: Collection[InstanceEntry]) -> list[str]:
    return plan(STUDY, HELD, {one.sop_instance_uid: one for one in missing})


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (HELD, ["/studies/1"]),
        (HELD[:16], ["/studies/1"]),
        (HELD[:10], ["/studies/1/series/1.1"]),
        (HELD[:5], ["/studies/1/series/1.1"]),
        (HELD[3:4], ["/studies/1/series/1.1/instances/1.1.3"]),
        ([*HELD[:6], HELD[19]], ["/studies/1/series/1.1", "/studies/1/series/1.2/instances/1.2.9"]),
    ],
)
def test_the_study_a_series_or_single_instances_are_asked_for(
    missing: list[InstanceEntry], expected: list[str]
) -> None:
    assert paths(missing) == expected


def test_a_study_of_one_instance_is_asked_for_by_that() -> None:
    assert plan(STUDY, HELD[:1], {HELD[0].sop_instance_uid: HELD[0]}) == [
        "/studies/1/series/1.1/instances/1.1.0"
    ]


@given(st.sets(st.sampled_from(range(20)), min_size=1))
def test_what_is_asked_for_covers_what_is_missing_and_at_most_twice_as_much(numbers: set[int]) -> None:
    missing = [HELD[number] for number in sorted(numbers)]
    asked = paths(missing)
    covered = [
        one
        for one in HELD
        for path in asked
        if f"/studies/1/series/{one.series_uid}/instances/{one.sop_instance_uid}".startswith(path)
        and (path.count("/") == 6 or f"{path}/" in f"/studies/1/series/{one.series_uid}/instances/x")
    ]
    assert {one.sop_instance_uid for one in missing} <= {one.sop_instance_uid for one in covered}
    assert len(covered) <= 2 * len(missing)
