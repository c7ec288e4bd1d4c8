from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.sync.differences import Comparison, Difference, DifferenceClass, StudyCounts

STUDY, SERIES, INSTANCE = StudyUid("1.2.3"), SeriesUid("1.2.3.4"), SopInstanceUid("1.2.3.4.5")
NAME = Difference(
    DifferenceClass.METADATA,
    "instance",
    STUDY,
    SERIES,
    INSTANCE,
    tag="00100010",
    keyword="PatientName",
    left="Müller^Anna",
    right=None,
    detail="Only Orthanc's copy has it.",
)
GONE = Difference(DifferenceClass.MISSING_RIGHT, "study", STUDY)
EQUAL = Comparison(
    STUDY, "content", datetime(2026, 11, 29, 12, tzinfo=UTC), StudyCounts(1, 2), StudyCounts(1, 2), 2
)


def test_a_comparison_comes_back_from_its_json() -> None:
    found = replace(EQUAL, right=None, differences=(NAME, GONE), incomplete=("DCM4CHEE did not answer.",))
    found = replace(found, notes=("Both are damaged.",))
    assert Comparison.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


def test_times_are_told_in_utc() -> None:
    elsewhere = replace(EQUAL, compared_at=datetime(2026, 11, 29, 14, tzinfo=timezone(timedelta(hours=2))))
    assert elsewhere.to_json()["compared_at"] == "2026-11-29T12:00:00+00:00"


def test_a_comparison_without_differences_is_equal() -> None:
    assert EQUAL.equal
    assert EQUAL.to_json()["equal"] is True


@pytest.mark.parametrize("found", [{"differences": (GONE,)}, {"incomplete": ("Cut short.",)}])
def test_a_comparison_that_found_or_missed_something_is_not_equal(found: dict[str, Any]) -> None:
    assert not replace(EQUAL, **found).equal


def test_differences_are_counted_by_class() -> None:
    found = replace(EQUAL, differences=(NAME, NAME, GONE))
    assert found.classes == {DifferenceClass.METADATA: 2, DifferenceClass.MISSING_RIGHT: 1}
    assert found.to_json()["classes"] == {"metadata": 2, "missing_right": 1}


@pytest.mark.parametrize(
    "change",
    [{"kind": "odd"}, {"level": "frame"}, {"surplus": 1}],
    ids=["class", "level", "surplus"],
)
def test_what_is_no_difference_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"odd|no difference"):
        Difference.from_json({**NAME.to_json(), **change})


@pytest.mark.parametrize(
    "change",
    [{"depth": "deep"}, {"left": {"series": 1}}, {"compared_at": "yesterday"}, {"differences": None}],
)
def test_what_is_no_comparison_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"comparison|isoformat"):
        Comparison.from_json({**EQUAL.to_json(), **change})


def test_the_records_load_nothing_heavy() -> None:
    script = (
        "import sys, orthanc_plugins.sync.differences, orthanc_plugins.sync.listing;"
        "heavy = ('numpy', 'pydicom', 'sqlalchemy', 'fastapi', 'dbos');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
