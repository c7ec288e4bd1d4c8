"""A queue whose jobs are done at once, and who asks for repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orthanc_plugins.errors import PacsSuiteError
from orthanc_plugins.jobs import JobKind, JobRequest
from orthanc_plugins.workflows import repair_jobs
from tests.fakes import MemoryQueue
from tests.unit.workflows.repaired import UNLIMITED, DurableSteps, World

if TYPE_CHECKING:
    import httpx

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.services import Services
    from tests.unit.api.conftest import Client

UNKNOWN = "0" * 32


class WorkedQueue(MemoryQueue):
    """A queue whose jobs about repairs are done when they are asked for, unless it is ``paused``."""

    def __init__(self) -> None:
        super().__init__()
        self.services: Services | None = None
        self.engine: DurableSteps | None = None
        self.paused = False

    def submit(self, request: JobRequest) -> JobId:
        job_id = super().submit(request)
        if not self.paused:
            self.work(request)
        return job_id

    def work(self, request: JobRequest) -> None:
        assert self.services is not None
        assert self.engine is not None
        self.engine.forget()
        self.start(request.job_id)
        try:
            if request.kind is JobKind.PLAN_REPAIR:
                repair_jobs.plan_repair(self.services, *request.arguments)
            elif request.kind is JobKind.REPAIR_STUDY:
                repair_jobs.repair_study(self.services, UNLIMITED, request.job_id, *request.arguments)
            else:
                repair_jobs.undo_repair(self.services, UNLIMITED, request.job_id, *request.arguments)
        except PacsSuiteError as error:
            self.fail(request.job_id, type(error).__name__, str(error))
        else:
            self.succeed(request.job_id)


def asked(client: Client, world: World, **body: Any) -> httpx.Response:
    return client.post(f"api/studies/{world.study_uid}/repair", json=body)


def planned(client: Client, world: World, **policy: Any) -> dict[str, Any]:
    answer = asked(client, world, policy=policy)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content
