"""The workflows about repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbos import DBOS

from orthanc_plugins.jobs import JobKind, JsonValue
from orthanc_plugins.workflows import repair_jobs
from orthanc_plugins.workflows.job_log import run_job
from orthanc_plugins.workflows.memory import memory_given_back
from orthanc_plugins.workflows.steps import WORKER_DEATHS

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.services import Services
    from orthanc_plugins.transfers import Limiter


def register_repair_workflows(services: Services, limiter: Limiter) -> None:
    """Make the workflows known to the durable engine; called once, before it is launched.

    ``limiter`` is shared by all that this worker sends.
    """

    def holder(job_id: JobId) -> str:
        """Return who holds a study: a job, and the one process at a time that has this worker's name."""
        return f"{DBOS.executor_id}.{job_id}"

    @DBOS.workflow(name=JobKind.PLAN_REPAIR.value, max_recovery_attempts=WORKER_DEATHS)
    def plan_repair(repair_id: str, then: str) -> dict[str, JsonValue]:
        def work(_: JobId) -> dict[str, JsonValue]:
            with memory_given_back():
                return repair_jobs.plan_repair(services, repair_id, then)

        return run_job(JobKind.PLAN_REPAIR, work)

    @DBOS.workflow(name=JobKind.REPAIR_STUDY.value, max_recovery_attempts=WORKER_DEATHS)
    def repair_study(repair_id: str) -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            with memory_given_back():
                return repair_jobs.repair_study(services, limiter, holder(job_id), repair_id)

        return run_job(JobKind.REPAIR_STUDY, work)

    @DBOS.workflow(name=JobKind.UNDO_REPAIR.value, max_recovery_attempts=WORKER_DEATHS)
    def undo_repair(repair_id: str) -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            with memory_given_back():
                return repair_jobs.undo_repair(services, limiter, holder(job_id), repair_id)

        return run_job(JobKind.UNDO_REPAIR, work)
