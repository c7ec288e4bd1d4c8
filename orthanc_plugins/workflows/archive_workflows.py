"""The workflows about both archives."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dbos import DBOS

from orthanc_plugins.jobs import JobKind, JsonValue
from orthanc_plugins.workflows.compare_archives import ArchivesComparison
from orthanc_plugins.workflows.compare_study import StudyCheck
from orthanc_plugins.workflows.job_log import run_job
from orthanc_plugins.workflows.memory import memory_given_back
from orthanc_plugins.workflows.report_comparison import ComparisonReports
from orthanc_plugins.workflows.run_benchmark import BenchmarkRun
from orthanc_plugins.workflows.steps import WORKER_DEATHS, run_step
from orthanc_plugins.workflows.synchronise import RequestedRound

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.services import Services
    from orthanc_plugins.sync.differences import Depth


def register_archive_workflows(services: Services) -> None:
    """Make the workflows known to the durable engine; called once, before it is launched."""
    check, requested = StudyCheck(services), RequestedRound(services)
    benchmark, reports = BenchmarkRun(services), ComparisonReports(services)

    @DBOS.workflow(name=JobKind.SYNCHRONISE.value, max_recovery_attempts=WORKER_DEATHS)
    def synchronise(scope: str) -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            return run_step("synchronise", requested.run, job_id, scope)

        return run_job(JobKind.SYNCHRONISE, work)

    @DBOS.workflow(name=JobKind.COMPARE_STUDY.value, max_recovery_attempts=WORKER_DEATHS)
    def compare_study(study_uid: str, depth: Depth) -> dict[str, JsonValue]:
        def work(_: JobId) -> dict[str, JsonValue]:
            with memory_given_back():
                return run_step("compare", check.compare, study_uid, depth)

        return run_job(JobKind.COMPARE_STUDY, work)

    @DBOS.workflow(name=JobKind.COMPARE_ARCHIVES.value, max_recovery_attempts=WORKER_DEATHS)
    def compare_archives(depth: Depth, scope: str, until: str = "") -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            with memory_given_back():
                comparison = ArchivesComparison(services, job_id, _moment(until))
                return _compare_archives(comparison, depth, again=scope == "again")

        return run_job(JobKind.COMPARE_ARCHIVES, work)

    @DBOS.workflow(name=JobKind.REPORT_COMPARISON.value, max_recovery_attempts=WORKER_DEATHS)
    def report_comparison(study_uid: str) -> dict[str, JsonValue]:
        return run_job(JobKind.REPORT_COMPARISON, lambda _: run_step("write", reports.write, study_uid))

    @DBOS.workflow(name=JobKind.RUN_BENCHMARK.value, max_recovery_attempts=WORKER_DEATHS)
    def run_benchmark(benchmark_id: str) -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            with memory_given_back():
                return run_step("benchmark", benchmark.run, job_id, benchmark_id)

        return run_job(JobKind.RUN_BENCHMARK, work)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _compare_archives(comparison: ArchivesComparison, depth: Depth, *, again: bool) -> dict[str, JsonValue]:
    run_step("take_stock", comparison.take_stock)
    is_all_new = depth == "content" and again
    known: dict[str, Any] = {} if is_all_new else run_step("known", comparison.known)
    compared, incomplete, classes = 0, known.get("incomplete", 0), Counter[str](known.get("classes", {}))
    after, whole = "", True
    while depth == "content":
        found: dict[str, Any] = run_step("compare", comparison.compare_some, after, again=again)
        compared += found["compared"]
        incomplete += found["incomplete"]
        classes.update(found["classes"])
        after, whole = found["last"], found["in_time"]
        if not after:
            break
    reported = run_step("report", comparison.report)
    return {
        "outcome": "done" if whole else "time_over",
        "depth": depth,
        "compared": compared,
        "known": known.get("known", 0),
        "incomplete": incomplete,
        "classes": dict(classes),
        **reported,
    }
