"""The durable workflows: what a worker does with a job.

What it is for: one workflow per kind of job. A workflow's body only says in which order its steps run;
each step does one effect, its result is remembered, and a worker that dies is replaced by one that goes
on after the last finished step.

Public: ``register_workflows``, ``adapt_engine_line`` (the engine's own log lines),
``share_memory_among_threads`` (before a worker's first thread).

Decisions
---------
2026-11: only identifiers and small numbers cross a step's border; files are written once and named.
2026-11: errors of libraries are stored without their text, which may quote a patient's data.
2026-11: what one step may hand to the next in memory belongs to an object of that one run, so that it
    goes with the run however it ends.
2026-11: before a repair changes an instance, the former file and the one to take its place are on disk. So an
    operation that was cut off is told by what the archive holds: the one, the other, none, or someone else's.
2026-11-30: what a job of de-identification stores, in results, steps and errors, is of the original's side
    alone, and its record of a release of the other side alone. Only the project's key joins the two.
2026-11: freed memory is given back after each job: the C library keeps it for later.
2026-11: all threads take memory from one store. With one for each, two jobs at a time (60 slices of 256 x
    256) took 730 MB at most in a run of forty, and 350 MB so, for the same processor time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dbos import DBOS

from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.jobs import WAITING, JobKind, JsonValue
from orthanc_plugins.store import StructureSubject
from orthanc_plugins.transfers import Limiter
from orthanc_plugins.workflows.archive_workflows import register_archive_workflows
from orthanc_plugins.workflows.compare_structures import StructureComparison
from orthanc_plugins.workflows.deidentification_workflows import register_deidentification_workflows
from orthanc_plugins.workflows.extract_structures import StructureExtraction
from orthanc_plugins.workflows.forwarding_workflows import register_forwarding_workflows
from orthanc_plugins.workflows.job_log import adapt_engine_line, run_job
from orthanc_plugins.workflows.memory import memory_given_back, share_memory_among_threads
from orthanc_plugins.workflows.remove_results import ResultRemoval
from orthanc_plugins.workflows.repair_workflows import register_repair_workflows
from orthanc_plugins.workflows.steps import WORKER_DEATHS, run_step

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.rtstruct import Match
    from orthanc_plugins.services import Services

__all__ = ["adapt_engine_line", "register_workflows", "share_memory_among_threads"]


def register_workflows(services: Services) -> None:
    """Make the workflows known to the durable engine; called once, before it is launched."""
    _register_structure_workflows(services)
    register_archive_workflows(services)
    limiter = Limiter(services.forwarding.bandwidth_limit_bytes_s, time.monotonic, time.sleep)
    register_forwarding_workflows(services, limiter)
    register_repair_workflows(services, limiter)
    register_deidentification_workflows(services)


def _register_structure_workflows(services: Services) -> None:
    removal = ResultRemoval(services)

    @DBOS.workflow(name=JobKind.EXTRACT_STRUCTURES.value, max_recovery_attempts=WORKER_DEATHS)
    def extract_structures(instance: str) -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            return _extract_structures(StructureExtraction(services, job_id, OrthancId(instance)))

        return run_job(JobKind.EXTRACT_STRUCTURES, work)

    @DBOS.workflow(name=JobKind.REMOVE_RESULTS.value, max_recovery_attempts=WORKER_DEATHS)
    def remove_results(instance: str) -> dict[str, JsonValue]:
        return run_job(JobKind.REMOVE_RESULTS, lambda _: run_step("remove", removal.remove, instance))

    comparison = StructureComparison(services)

    @DBOS.workflow(name=JobKind.COMPARE_STRUCTURES.value, max_recovery_attempts=WORKER_DEATHS)
    def compare_structures(first: str, second: str, match: Match, pair: str) -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            return run_step("compare", comparison.compare, job_id, first, second, match, pair)

        return run_job(JobKind.COMPARE_STRUCTURES, work)


def _extract_structures(extraction: StructureExtraction) -> dict[str, JsonValue]:
    found: dict[str, Any] = run_step("find_images", extraction.find_images)
    if found["outcome"] == WAITING:
        return found
    with memory_given_back():
        made: dict[str, Any] = run_step("extract", extraction.extract, found["image_series"])
    return run_step("publish", extraction.publish, StructureSubject(**found["subject"]), **made)
