"""The workflows of forwarding and transfers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dbos import DBOS

from orthanc_plugins.jobs import JobKind, JsonValue
from orthanc_plugins.workflows.forward_study import StudyForwarder
from orthanc_plugins.workflows.job_log import run_job
from orthanc_plugins.workflows.memory import memory_given_back
from orthanc_plugins.workflows.steps import WORKER_DEATHS, run_step
from orthanc_plugins.workflows.transfer_study import StudyTransfer
from orthanc_plugins.workflows.try_rule import RuleTrial

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.services import Services
    from orthanc_plugins.transfers import Limiter


def register_forwarding_workflows(services: Services, limiter: Limiter) -> None:
    """Make the workflows known to the durable engine; called once, before it is launched.

    ``limiter`` is shared by all that this worker sends.
    """
    forwarder, trial = StudyForwarder(services), RuleTrial(services)
    transfer = StudyTransfer(services, limiter, clock=time.monotonic, sleep=time.sleep)

    @DBOS.workflow(name=JobKind.FORWARD_STUDY.value, max_recovery_attempts=WORKER_DEATHS)
    def forward_study(study: str) -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            return run_step("forward", forwarder.forward, job_id, study)

        return run_job(JobKind.FORWARD_STUDY, work)

    @DBOS.workflow(name=JobKind.TRANSFER_STUDY.value, max_recovery_attempts=WORKER_DEATHS)
    def transfer_study(transfer_id: str) -> dict[str, JsonValue]:
        def work(job_id: JobId) -> dict[str, JsonValue]:
            # One process at a time has this worker's name: what it began before it ended is its own.
            holder = DBOS.executor_id
            with memory_given_back():
                return run_step("transfer", transfer.run, job_id, holder, transfer_id)

        return run_job(JobKind.TRANSFER_STUDY, work)

    @DBOS.workflow(name=JobKind.TEST_RULES.value, max_recovery_attempts=WORKER_DEATHS)
    def test_rules(token: str) -> dict[str, JsonValue]:
        return run_job(JobKind.TEST_RULES, lambda _: run_step("test", trial.run, token))
