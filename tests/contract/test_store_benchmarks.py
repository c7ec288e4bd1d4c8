"""What is remembered of benchmarks, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from orthanc_plugins.errors import StoreError
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.store import (
    BenchmarkOutcome,
    BenchmarkRequest,
    BenchmarkState,
    Store,
)

REQUEST = BenchmarkRequest(
    benchmark_id="0123abcd",
    job_id=JobId("run-benchmark.0123abcd"),
    scale=0.1,
    rounds=12,
    seed=2**31 - 1,
    questions=("upload", "query"),
    meant=True,
)
OUTCOME = BenchmarkOutcome(
    orthanc_version="1.12.7",
    dcm4chee_version="5.34.1",
    dcm4chee_stand_in=False,
    folder="0123abcd",
    findings=[{"row": "upload_stow", "condition": "warm", "performance_ratio": 1.24}],
)


def test_what_is_asked_for_is_remembered(store: Store) -> None:
    store.benchmarks.request(REQUEST)
    found = store.benchmarks.find("0123abcd")
    assert found is not None
    assert (found.request, found.state, found.outcome) == (REQUEST, BenchmarkState.QUEUED, None)
    assert found.started_at is None
    assert found.ended_at is None


def test_a_benchmark_nobody_asked_for_is_not_found(store: Store) -> None:
    assert store.benchmarks.find("ffffffff") is None
    assert store.benchmarks.begin("ffffffff") is None


def test_the_same_name_cannot_be_asked_for_twice(store: Store) -> None:
    store.benchmarks.request(REQUEST)
    with pytest.raises(StoreError):
        store.benchmarks.request(REQUEST)


def test_a_benchmark_that_runs_tells_what_it_is_at(store: Store) -> None:
    store.benchmarks.request(REQUEST)
    begun = store.benchmarks.begin("0123abcd")
    assert begun is not None
    assert begun.state is BenchmarkState.RUNNING
    assert begun.started_at is not None
    store.benchmarks.tell("0123abcd", "round 1 of 12")
    found = store.benchmarks.find("0123abcd")
    assert found is not None
    assert found.progress == "round 1 of 12"


def test_one_that_succeeds_has_an_outcome(store: Store) -> None:
    store.benchmarks.request(REQUEST)
    store.benchmarks.tell("0123abcd", "nearly done")
    store.benchmarks.end("0123abcd", BenchmarkState.SUCCEEDED, outcome=OUTCOME)
    found = store.benchmarks.find("0123abcd")
    assert found is not None
    assert (found.state, found.outcome, found.progress) == (BenchmarkState.SUCCEEDED, OUTCOME, "")
    assert found.ended_at is not None


def test_one_that_fails_tells_why_and_may_have_results_all_the_same(store: Store) -> None:
    store.benchmarks.request(REQUEST)
    error = ("BenchmarkError", "Three studies are left.")
    store.benchmarks.end("0123abcd", BenchmarkState.FAILED, outcome=OUTCOME, error=error)
    found = store.benchmarks.find("0123abcd")
    assert found is not None
    assert (found.state, found.outcome) == (BenchmarkState.FAILED, OUTCOME)
    assert (found.error_name, found.error_message) == error


def test_only_what_has_not_ended_is_under_way(store: Store) -> None:
    for number, state in enumerate((None, BenchmarkState.SUCCEEDED, BenchmarkState.CANCELLED)):
        request = replace(REQUEST, benchmark_id=f"0000000{number}")
        store.benchmarks.request(request)
        if state is not None:
            store.benchmarks.end(request.benchmark_id, state)
    assert [one.request.benchmark_id for one in store.benchmarks.under_way()] == ["00000000"]


def test_the_list_begins_with_the_newest_and_comes_in_pages(store: Store) -> None:
    names = [f"0000000{number}" for number in range(5)]
    for name in names:
        store.benchmarks.request(replace(REQUEST, benchmark_id=name))
    first, second = store.benchmarks.page(3, 0), store.benchmarks.page(3, 3)
    listed = [one.request.benchmark_id for one in (*first.entries, *second.entries)]
    assert listed == names[::-1]
    assert first.total == second.total == 5


def test_a_database_that_does_not_answer_is_told_as_such(store: Store) -> None:
    with store._engine.begin() as connection:
        connection.execute(text("DROP TABLE benchmarks"))
    with pytest.raises(StoreError, match="did not do page"):
        store.benchmarks.page(1, 0)
