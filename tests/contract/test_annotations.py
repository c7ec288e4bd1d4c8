"""What readers noted is kept and found, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.identifiers import OrthancId, SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.store import AnnotatedObject, AnnotationFilter, NotedValue

if TYPE_CHECKING:
    from orthanc_plugins.store import Store

NOW = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)
REPORT = AnnotatedObject(
    OrthancId("a"), StudyUid("1.2"), SeriesUid("1.2.1"), SopInstanceUid("1.2.1.1"), "SR", "P1", NOW
)
OTHER = replace(REPORT, orthanc_id=OrthancId("b"), study_uid=StudyUid("1.3"), modality="SEG", patient_id="P2")
LENGTH = NotedValue(1, "length", "Reader^Rita", "2026-01-31T10:15:30", "Nodule", "", 5.25)
TEXT = NotedValue(2, "text", "Reader^Rita", "2026-02-01", "50%_sure", "look <b>here</b>", None)
SEGMENT = NotedValue(1, "segment", "Tech^Tom", "", "Lung", "", None)


def found(store: Store, **wanted: str) -> list[NotedValue]:
    """Return the rows that a filter finds."""
    return [noted for _, noted in store.annotations.page(AnnotationFilter(**wanted), limit=10).entries]


@pytest.fixture
def filled(store: Store) -> Store:
    """Return a store that knows a report and a segmentation."""
    store.annotations.replace(REPORT, [LENGTH, TEXT])
    store.annotations.replace(OTHER, [SEGMENT])
    return store


def test_rows_are_listed_newest_first_by_pages_with_their_total(filled: Store) -> None:
    assert found(filled) == [TEXT, LENGTH, SEGMENT]
    page = filled.annotations.page(AnnotationFilter(), limit=1, offset=1)
    assert (page.entries, page.total) == ([(REPORT, LENGTH)], 3)


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ({"study_uid": "1.2"}, [TEXT, LENGTH]),
        ({"patient_id": "P2"}, [SEGMENT]),
        ({"author": "rita"}, [TEXT, LENGTH]),
        ({"kind": "length"}, [LENGTH]),
        ({"modality": "SEG"}, [SEGMENT]),
        ({"since": "2026-02-01"}, [TEXT]),
        ({"until": "2026-02-01"}, [LENGTH]),
        ({"words": "HERE rita"}, [TEXT]),
        ({"words": "%_"}, [TEXT]),
        ({"words": "lung rita"}, []),
    ],
)
def test_each_filter_finds_its_rows_alone(
    filled: Store, wanted: dict[str, str], rows: list[NotedValue]
) -> None:
    assert found(filled, **wanted) == rows


def test_an_object_that_comes_again_replaces_its_rows_and_first_came_when_it_did(filled: Store) -> None:
    later = replace(REPORT, received_at=NOW.replace(hour=5))
    for _ in range(2):
        filled.annotations.replace(later, [TEXT])
    page = filled.annotations.page(AnnotationFilter(study_uid="1.2"), limit=10)
    assert page.entries == [(REPORT, TEXT)]


def test_what_is_gone_stays_in_the_history_and_says_so_until_it_comes_again(filled: Store) -> None:
    filled.annotations.mark_removed(REPORT.orthanc_id)
    (first, _), *_ = filled.annotations.page(AnnotationFilter(study_uid="1.2"), limit=10).entries
    assert first.removed_at is not None
    filled.annotations.mark_removed(REPORT.orthanc_id)
    (again, _), *_ = filled.annotations.page(AnnotationFilter(study_uid="1.2"), limit=10).entries
    assert again.removed_at == first.removed_at
    filled.annotations.replace(REPORT, [LENGTH])
    assert filled.annotations.page(AnnotationFilter(study_uid="1.2"), limit=10).entries == [(REPORT, LENGTH)]


def test_what_could_not_be_read_is_told_and_has_no_rows(filled: Store) -> None:
    broken = replace(REPORT, problem="GraphicData of item 1.2 is not a list of points.")
    filled.annotations.replace(broken, [])
    assert filled.annotations.problems() == [broken]
    assert found(filled, study_uid="1.2") == []
    filled.annotations.mark_removed(broken.orthanc_id)
    assert filled.annotations.problems() == []


def test_a_zero_character_loses_itself_alone(store: Store) -> None:
    store.annotations.replace(REPORT, [replace(LENGTH, label="No\0dule")])
    assert [noted.label for noted in found(store)] == ["No\ufffddule"]
