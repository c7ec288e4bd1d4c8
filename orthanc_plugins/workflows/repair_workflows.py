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


def register_repair_workflows(services: Services) -> None:
    """Make the workflows known to the durable engine; called once, before it is launched."""

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
                return repair_jobs.repair_study(services, job_id, repair_id)

        return run_job(JobKind.REPAIR_STUDY, work)

    @DBOS.workflow(name=JobKind.UNDO_REPAIR.value, max_recovery_attempts=WORKER_DEATHS)
    def undo_repair(repair_id: str) -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            with memory_given_back():
                return repair_jobs.undo_repair(services, job_id, repair_id)

        return run_job(JobKind.UNDO_REPAIR, work)
