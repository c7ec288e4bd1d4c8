"""The workflows of de-identification: in which order their steps run."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbos import DBOS
from dbos import error as dbos_error

from orthanc_plugins.errors import JobError, PacsSuiteError
from orthanc_plugins.jobs import DeidentificationOrder, JobKind, JsonValue
from orthanc_plugins.transfers import held
from orthanc_plugins.workflows.deidentify_study import READY, StudyDeidentification, kept_back
from orthanc_plugins.workflows.destinations import open_destination
from orthanc_plugins.workflows.job_log import run_job
from orthanc_plugins.workflows.look_again import ReleaseLook
from orthanc_plugins.workflows.memory import memory_given_back
from orthanc_plugins.workflows.offer_study import StudyOffering
from orthanc_plugins.workflows.preview_release import ReleasePreview
from orthanc_plugins.workflows.steps import WORKER_DEATHS, run_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.services import Services

_RELEASED = "released"
_WAITS_S = (1.0, 2.0, 5.0, 10.0, 20.0, *(60.0,) * 60)
"""Seconds between looks whether another job has given the study back."""


def register_deidentification_workflows(services: Services) -> None:
    """Make the workflows known to the durable engine; called once, before it is launched."""
    offering = StudyOffering(services)

    @DBOS.workflow(name=JobKind.OFFER_STUDY.value, max_recovery_attempts=WORKER_DEATHS)
    def offer_study(study: str) -> dict[str, JsonValue]:
        return run_job(JobKind.OFFER_STUDY, lambda _: run_step("offer", offering.offer, study))

    @DBOS.workflow(name=JobKind.DEIDENTIFY_STUDY.value, max_recovery_attempts=WORKER_DEATHS)
    def deidentify_study(  # noqa: PLR0913, PLR0917 - the arguments of an order, as they are stored
        study: str, project: str, profile: str, reversible: str, content: str, person: str, asker: str = ""
    ) -> dict[str, JsonValue]:
        arguments = (study, project, profile, reversible, content, person, asker)
        order = DeidentificationOrder.of_arguments(arguments)

        def work(job_id: JobId) -> dict[str, JsonValue]:
            # One process at a time has this worker's name: what it began before it ended is its own.
            holder = f"{DBOS.executor_id}.{job_id}"
            with alone(services, order, holder), memory_given_back():
                return run_deidentification(StudyDeidentification(services, order, open_destination))

        return run_job(JobKind.DEIDENTIFY_STUDY, work)

    @DBOS.workflow(name=JobKind.VERIFY_RELEASE.value, max_recovery_attempts=WORKER_DEATHS)
    def verify_release(  # noqa: PLR0913, PLR0917 - likewise
        study: str, project: str, profile: str, reversible: str, content: str, person: str, asker: str
    ) -> dict[str, JsonValue]:
        arguments = (study, project, profile, reversible, content, person, asker)
        order = DeidentificationOrder.of_arguments(arguments)

        def work(job_id: JobId) -> dict[str, JsonValue]:
            holder = f"{DBOS.executor_id}.{job_id}"
            with alone(services, order, holder), memory_given_back():
                return run_look(ReleaseLook(services, order, job_id, open_destination))

        return run_job(JobKind.VERIFY_RELEASE, work)

    @DBOS.workflow(name=JobKind.PREVIEW_RELEASE.value, max_recovery_attempts=WORKER_DEATHS)
    def preview_release(*arguments: str) -> dict[str, JsonValue]:
        *ordered, preview_id, sample = arguments
        order = DeidentificationOrder.of_arguments(ordered)

        def work(job_id: JobId) -> dict[str, JsonValue]:
            with memory_given_back():
                return run_preview(ReleasePreview(services, order, job_id, preview_id, int(sample)))

        return run_job(JobKind.PREVIEW_RELEASE, work)


@contextmanager
def alone(
    services: Services, order: DeidentificationOrder, holder: str, waits_s: Sequence[float] = _WAITS_S
) -> Iterator[None]:
    """Have nobody else release the same study for the same project inside the block, on whichever machine.

    Of a study to which something is added each addition is a job; a destination takes one at a time.

    Raises
    ------
    JobError
        Another job has it for too long.
    """
    name = f"release:{order.project}:{order.study}"
    for wait_s in (*waits_s, None):
        with held(services.store.leases, name, holder, _awake_s) as lease:
            if lease is not None:
                yield
                return
        if wait_s is not None:
            time.sleep(wait_s)
    raise JobError("Another job releases this study for longer now: ask again later.")


def _awake_s() -> float:
    """Return seconds that only grow, also while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def run_deidentification(run: StudyDeidentification) -> dict[str, JsonValue]:
    """Run the steps of one job; whatever happens, its work folder is gone afterwards.

    Raises
    ------
    HeldForReview, ReleaseRefused
        The study did not leave; the record of the release says why.
    PacsSuiteError
        Something that is needed is missing, or the destination does not answer.
    """
    try:
        return _steps(run)
    except dbos_error.DBOSWorkflowCancelledError:
        run.abandon()
        raise


def run_look(run: ReleaseLook) -> dict[str, JsonValue]:
    """Run the steps of a look at a release; whatever happens, its work folder is gone afterwards."""
    try:
        result: dict[str, JsonValue] = run_step("look", run.look)
    finally:
        run.tidy()
    return result


def run_preview(run: ReleasePreview) -> dict[str, JsonValue]:
    """Run the steps of a preview; whatever happens, its work folder is gone afterwards."""
    try:
        result: dict[str, JsonValue] = run_step("preview", run.preview)
    finally:
        run.tidy()
    return result


def _steps(run: StudyDeidentification) -> dict[str, JsonValue]:
    run_step("check", run.check)
    try:
        outcome, instances = _released(run)
        if outcome == _RELEASED:
            for name, step in (("deliver", run.deliver), ("certify", run.certify), ("record", run.record)):
                run_step(name, step)
    except PacsSuiteError as error:
        reason = type(error).__name__
        try:
            run_step("record_failure", run.record_failure, reason)
        finally:
            run_step("tidy", run.tidy)
        raise
    run_step("tidy", run.tidy)
    if outcome in {"held", "refused"}:
        raise kept_back(outcome)
    return {"outcome": "certified" if outcome == _RELEASED else outcome, "instances": instances}


def _released(run: StudyDeidentification) -> tuple[str, JsonValue]:
    """Return what became of the study before anything leaves, and of how many instances."""
    fetched: dict[str, Any] = run_step("fetch", run.fetch)
    if fetched["outcome"] != READY:
        return fetched["outcome"], 0
    made: dict[str, Any] = run_step("release", run.release)
    if made["outcome"] != _RELEASED:
        run_step("record_kept_back", run.record_kept_back)
    return made["outcome"], made["instances"]
