"""What a rule would have asked of the destination."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from orthanc_plugins.rules.trials import BusiestHour, TriedStudy, load_of, trial_to_json

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def study(uid: str, at: datetime | None = NOON, instances: int = 10, size: int = 1000) -> TriedStudy:
    return TriedStudy(uid, at, bool(instances), ("Because.",), int(instances > 0), instances, size)


def test_the_load_is_that_of_what_would_have_been_sent() -> None:
    load = load_of([study("1"), study("2"), study("3", instances=0, size=0)], 100.0)
    assert (load.studies, load.series, load.instances, load.stored_bytes) == (2, 2, 20, 2000)
    assert (load.bytes_per_s, load.sending_s) == (100.0, 20.0)


def test_the_busiest_hour_is_the_one_with_most_bytes() -> None:
    studies = [
        study("1", NOON + timedelta(minutes=10), 5, 300),
        study("2", NOON + timedelta(minutes=50), 5, 300),
        study("3", NOON + timedelta(minutes=60), 9, 500),
    ]
    assert load_of(studies, None).busiest_hour == BusiestHour(NOON, 2, 10, 600)


def test_the_busiest_hour_is_one_in_which_studies_go_and_not_one_in_which_they_come() -> None:
    evening = NOON + timedelta(hours=6)
    studies = [replace(study(uid, NOON + timedelta(hours=int(uid))), goes_at=evening) for uid in ("1", "2")]
    assert load_of(studies, None).busiest_hour == BusiestHour(evening, 2, 20, 2000)


def test_a_rate_for_a_day_is_told_only_over_a_day_and_more() -> None:
    hours = [study("1", NOON), study("2", NOON + timedelta(hours=23))]
    assert load_of(hours, None).bytes_per_day is None
    days = [study("1", NOON), study("2", NOON + timedelta(days=4)), study("3", None, 0, 0)]
    assert load_of(days, None).bytes_per_day == 500


def test_of_nothing_nothing_is_made_up() -> None:
    for studies in ([], [study("1", instances=0, size=0)], [study("1", None)]):
        load = load_of(studies, None)
        assert (load.busiest_hour, load.bytes_per_day, load.sending_s) == (None, None, None)


def test_a_trial_is_plain_json() -> None:
    studies = [study("1"), study("2", None)]
    content = json.loads(
        json.dumps(trial_to_json("R", "18:00-06:00", studies, load_of(studies, 5.0)), allow_nan=False)
    )
    assert (content["rule"], content["window"]) == ("R", "18:00-06:00")
    assert content["studies"][0]["received_at"] == "2026-11-29T12:00:00+00:00"
    assert content["studies"][1]["received_at"] is None
    assert content["load"]["busiest_hour"]["stored_bytes"] == 1000
