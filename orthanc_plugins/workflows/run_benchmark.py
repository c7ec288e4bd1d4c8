"""Runs a benchmark of both archives: the step of the workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.plan import Plan, Question
from orthanc_plugins.benchmark.publishing import publish
from orthanc_plugins.benchmark.quiet import undisturbed
from orthanc_plugins.benchmark.run import Run
from orthanc_plugins.benchmark.telling import findings
from orthanc_plugins.errors import ArchiveError, BenchmarkError, JobError, PacsSuiteError
from orthanc_plugins.jobs import JobState
from orthanc_plugins.logs import describe_exception
from orthanc_plugins.store import BenchmarkOutcome, BenchmarkState

if TYPE_CHECKING:
    from orthanc_plugins.benchmark.results import Results
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import BenchmarkRecord


class BenchmarkRun:
    """The step of the workflow."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store.benchmarks

    def run(self, job_id: JobId, benchmark_id: str) -> dict[str, JsonValue]:
        """Run a benchmark and keep what it found; one that a worker's end cut off begins anew.

        Raises
        ------
        BenchmarkError
            It was not run to its end, or left something behind; results there are stay.
        JobError
            The job was cancelled.
        """
        record = self._store.begin(benchmark_id)
        if record is None:
            raise BenchmarkError("The store knows no benchmark of this name: ask for it anew.")
        try:
            results = self._results(job_id, record)
            outcome = self._published(results)
        except PacsSuiteError as error:
            self._failed(job_id, benchmark_id, type(error).__name__, str(error))
            raise
        except Exception as error:
            self._failed(job_id, benchmark_id, type(error).__name__, describe_exception(error))
            raise
        if not results.is_clean:
            left = self._left(results)
            error_of = (BenchmarkError.__name__, left)
            self._store.end(benchmark_id, BenchmarkState.FAILED, outcome=outcome, error=error_of)
            raise BenchmarkError(left)
        self._store.end(benchmark_id, BenchmarkState.SUCCEEDED, outcome=outcome)
        told = sum(row["performance_ratio"] is not None for row in outcome.findings)
        return {"outcome": "done", "folder": outcome.folder, "rows": len(outcome.findings), "ratios": told}

    def _results(self, job_id: JobId, record: BenchmarkRecord) -> Results:
        asked = record.request
        plan = Plan(
            run_id=asked.benchmark_id,
            scale=asked.scale,
            rounds=asked.rounds,
            seed=asked.seed,
            questions=tuple(Question(name) for name in asked.questions),
        )
        services = self._services

        def check() -> None:
            if services.queue.job(job_id).state is JobState.CANCELLED:
                raise JobError("The job was cancelled.")

        run = Run(
            plan,
            services.benchmark_targets,
            services.benchmarks,
            lambda text: self._store.tell(asked.benchmark_id, text),
            check,
            self._company(job_id),
        )
        try:
            with undisturbed(services.store.leases, asked.benchmark_id, check):
                return run.go(i_mean_it=asked.meant)
        except ArchiveError as error:  # never tried again by itself: it would begin from its start
            raise BenchmarkError(str(error)) from error

    def _company(self, job_id: JobId) -> tuple[str, ...]:
        """Return what else the suite is at, which takes time from both archives."""
        running = self._services.queue.jobs(states=[JobState.RUNNING])
        others = sorted({job.kind.value for job in running if job.job_id != job_id})
        return (f"Other jobs of the suite ran when the run began: {', '.join(others)}.",) if others else ()

    def _published(self, results: Results) -> BenchmarkOutcome:
        content = publish(results, self._services.benchmarks)
        archives = results.archives
        return BenchmarkOutcome(
            orthanc_version=archives[ArchiveName.ORTHANC].version,
            dcm4chee_version=archives[ArchiveName.DCM4CHEE].version,
            dcm4chee_stand_in=archives[ArchiveName.DCM4CHEE].stand_in is not None,
            folder=results.plan.run_id,
            findings=findings(content),
        )

    def _failed(self, job_id: JobId, benchmark_id: str, name: str, message: str) -> None:
        cancelled = self._services.queue.job(job_id).state is JobState.CANCELLED
        state = BenchmarkState.CANCELLED if cancelled else BenchmarkState.FAILED
        self._store.end(benchmark_id, state, error=(name, message))

    @staticmethod
    def _left(results: Results) -> str:
        unclean = [name.value for name, facts in results.archives.items() if not facts.is_clean]
        return (
            f"Studies of this benchmark may be left in {' and '.join(unclean)}: the report tells why. "
            "Run pacs benchmark --clean once the archive answers."
        )
