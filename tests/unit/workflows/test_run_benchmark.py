"""The step that runs a benchmark: what it keeps, and how it ends."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark import interface, site
from orthanc_plugins.benchmark.run import Run
from orthanc_plugins.errors import ArchiveError, BenchmarkError, BenchmarkRefused, JobError
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import run_benchmark_request, synchronise_request
from orthanc_plugins.store import BenchmarkRecord, BenchmarkRequest, BenchmarkState
from orthanc_plugins.workflows.run_benchmark import BenchmarkRun
from orthanc_plugins.workflows.steps import passes_by_itself
from tests.unit.benchmark.doubles import ArchiveDouble, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue

ID = "0123abcd"
JOB = JobId(f"run-benchmark.{ID}")


@pytest.fixture(autouse=True)
def _little_and_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "PAUSES_S", (0.0,))
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(site, "EDGE", 64)
    monkeypatch.setattr(Run, "_measure_client", lambda *_: None)


@pytest.fixture
def doubles() -> Iterator[dict[ArchiveName, ArchiveDouble]]:
    with (
        running(ArchiveDouble(ArchiveName.ORTHANC)) as orthanc,
        running(ArchiveDouble(ArchiveName.DCM4CHEE)) as dcm4chee,
    ):
        yield {double.name: double for double in (orthanc, dcm4chee)}


@pytest.fixture
def both(services: Services, queue: MemoryQueue, doubles: dict[ArchiveName, ArchiveDouble]) -> Services:
    """Services of both archives, with a benchmark asked for and its job begun."""
    request = run_benchmark_request(ID)
    asked = BenchmarkRequest(
        benchmark_id=ID,
        job_id=request.job_id,
        scale=0.005,
        rounds=1,
        seed=1,
        questions=("query",),
        meant=False,
    )
    services.store.benchmarks.request(asked)
    queue.submit(request)
    queue.start(request.job_id)
    return replace(services, benchmark_targets={name: double.target for name, double in doubles.items()})


def kept(services: Services) -> BenchmarkRecord:
    record = services.store.benchmarks.find(ID)
    assert record is not None
    return record


def test_what_it_finds_is_kept_in_files_and_in_short_in_the_store(both: Services) -> None:
    told = BenchmarkRun(both).run(JOB, ID)
    assert told == {"outcome": "done", "folder": ID, "rows": 4, "ratios": 0}
    record = kept(both)
    assert record.state is BenchmarkState.SUCCEEDED
    assert record.started_at is not None
    assert record.ended_at is not None
    assert record.outcome is not None
    assert record.outcome.dcm4chee_version == "5.34.1"
    assert not record.outcome.dcm4chee_stand_in
    assert [one["row"] for one in record.outcome.findings] == ["query_all"] * 2 + ["query_one"] * 2
    names = {path.name for path in (both.benchmarks / ID).iterdir()}
    assert names == {"results.json", "samples.csv", "samples.json.gz", "report.html"}


def test_other_jobs_that_ran_are_told_in_the_report(both: Services, queue: MemoryQueue) -> None:
    other = synchronise_request("x", full=False)
    queue.submit(other)
    queue.start(other.job_id)
    BenchmarkRun(both).run(JOB, ID)
    page = (both.benchmarks / ID / "report.html").read_text()
    assert "Other jobs of the suite ran when the run began: synchronise." in page


def test_archives_people_work_with_are_refused_here_too(
    both: Services, doubles: dict[ArchiveName, ArchiveDouble]
) -> None:
    doubles[ArchiveName.ORTHANC].hold("DOE-4711")
    with pytest.raises(BenchmarkRefused):
        BenchmarkRun(both).run(JOB, ID)
    record = kept(both)
    assert (record.state, record.error_name) == (BenchmarkState.FAILED, "BenchmarkRefused")
    assert "DOE" not in str(record.error_message)


def test_an_archive_that_does_not_answer_fails_it_for_good(
    both: Services, doubles: dict[ArchiveName, ArchiveDouble]
) -> None:
    doubles[ArchiveName.DCM4CHEE].fault = lambda *_: 503
    with pytest.raises(BenchmarkError, match="HTTP 503") as failed:
        BenchmarkRun(both).run(JOB, ID)
    assert not passes_by_itself(failed.value)
    assert isinstance(failed.value.__cause__, ArchiveError)
    assert kept(both).state is BenchmarkState.FAILED


def test_a_job_that_is_cancelled_stops_between_measurements_and_leaves_nothing(
    both: Services, queue: MemoryQueue, doubles: dict[ArchiveName, ArchiveDouble]
) -> None:
    orthanc = doubles[ArchiveName.ORTHANC]

    def cancel(_: str, path: str) -> None:
        if "limit=1000" in path and "PatientID" in path:
            queue.cancel(JOB)

    orthanc.fault = cancel
    with pytest.raises(JobError, match="The job was cancelled"):
        BenchmarkRun(both).run(JOB, ID)
    assert kept(both).state is BenchmarkState.CANCELLED
    assert not any(double.images for double in doubles.values())


def test_one_that_leaves_something_behind_fails_with_its_results(
    both: Services, doubles: dict[ArchiveName, ArchiveDouble]
) -> None:
    doubles[ArchiveName.DCM4CHEE].fault = lambda method, path: (
        500 if method == "DELETE" and "/studies/" in path else None
    )
    with pytest.raises(BenchmarkError, match=r"may be left in dcm4chee.*--clean"):
        BenchmarkRun(both).run(JOB, ID)
    record = kept(both)
    assert record.state is BenchmarkState.FAILED
    assert record.outcome is not None
    assert "is not clean" in (both.benchmarks / ID / "report.html").read_text()


def test_a_fault_of_the_suite_is_kept_without_what_it_quotes(
    both: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise ValueError("Doe^John")

    monkeypatch.setattr("orthanc_plugins.workflows.run_benchmark.publish", fault)
    with pytest.raises(ValueError, match="Doe"):
        BenchmarkRun(both).run(JOB, ID)
    record = kept(both)
    assert (record.state, record.error_name) == (BenchmarkState.FAILED, "ValueError")
    assert "Doe" not in str(record.error_message)


def test_one_nobody_asked_for_is_told(both: Services) -> None:
    with pytest.raises(BenchmarkError, match="ask for it anew"):
        BenchmarkRun(both).run(JOB, "ffffffff")


def test_a_worker_that_died_is_followed_by_one_that_begins_anew(
    both: Services, doubles: dict[ArchiveName, ArchiveDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Death(BaseException):
        """The worker's process ends: nothing of it runs any more, not even what removes."""

    def die(*_: object) -> None:
        raise Death

    with monkeypatch.context() as dying:
        dying.setattr("orthanc_plugins.benchmark.run.Rounds.go", die)
        dying.setattr("orthanc_plugins.benchmark.conditions.Circumstances.clean", lambda *_: None)
        with pytest.raises(Death):
            BenchmarkRun(both).run(JOB, ID)
    assert all(double.images for double in doubles.values())
    assert BenchmarkRun(both).run(JOB, ID)["outcome"] == "done"
    assert not any(double.images for double in doubles.values())
