"""The queue of jobs in memory, worked by the test itself."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.errors import JobActive, JobError, JobNotFound
from orthanc_plugins.jobs import WAITING, Job, JobFailure, JobState, JobStep

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import JobKind, JobRequest, JsonValue


@dataclass
class MemoryQueue:
    """A `JobQueue`; a test takes the worker's part with `start`, `succeed`, `wait` and `fail`.

    ``unavailable`` makes every call raise JobError, as with a database that does not answer.
    ``runs`` counts how often each job was queued.
    """

    unavailable: bool = False
    runs: Counter[JobId] = field(default_factory=Counter)
    requests: dict[JobId, JobRequest] = field(default_factory=dict)
    _jobs: dict[JobId, Job] = field(default_factory=dict)
    _steps: dict[JobId, list[JobStep]] = field(default_factory=dict)

    def submit(self, request: JobRequest) -> JobId:
        self._check()
        if request.job_id not in self._jobs:
            self.requests[request.job_id] = request
            self._queue(request.job_id, request.kind)
        return request.job_id

    def run_again(self, job_id: JobId) -> None:
        job = self.job(job_id)
        if not job.state.ended and job.state is not JobState.WAITING:
            raise JobActive(f"The job is {job.state}: it can be done again once it has ended.")
        self._steps.pop(job_id, None)
        self._queue(job_id, job.kind)

    def cancel(self, job_id: JobId) -> None:
        if not self.job(job_id).state.ended:
            self._change(job_id, state=JobState.CANCELLED, ended_at=datetime.now(UTC))

    def job(self, job_id: JobId) -> Job:
        self._check()
        if job_id not in self._jobs:
            raise JobNotFound("No job has this identifier.")
        return self._jobs[job_id]

    def jobs(
        self,
        *,
        job_ids: Sequence[JobId] | None = None,
        beginnings: Sequence[str] | None = None,
        states: Collection[JobState] | None = None,
        kind: JobKind | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Job]:
        self._check()
        found = [
            job
            for job in reversed(list(self._jobs.values()))  # all at once: threads add to it
            if (job_ids is None or job.job_id in job_ids)
            and (beginnings is None or job.job_id.startswith(tuple(beginnings)))
            and (states is None or job.state in states)
            and (kind is None or job.kind is kind)
        ]
        return found[offset : offset + limit]

    def steps(self, job_id: JobId) -> list[JobStep]:
        self._check()
        return list(self._steps.get(job_id, []))

    def counts(self) -> Mapping[tuple[JobKind, JobState], int]:
        self._check()
        paused = {JobState.WAITING: JobState.SUCCEEDED}
        return Counter((job.kind, paused.get(job.state, job.state)) for job in self._jobs.values())

    def revision(self) -> str:
        self._check()
        return str(hash(tuple((job.job_id, job.state, job.ended_at) for job in self._jobs.values())))

    def close(self) -> None:
        """Nothing is held."""

    # The worker's part

    def start(self, job_id: JobId) -> None:
        """Begin a queued job."""
        self._change(job_id, state=JobState.RUNNING, started_at=datetime.now(UTC), worker="fake")

    def succeed(self, job_id: JobId, **result: JsonValue) -> None:
        """End a job well."""
        self._end(job_id, JobState.SUCCEEDED, {"outcome": "done", **result}, None)

    def wait(self, job_id: JobId) -> None:
        """Pause a job because images are missing."""
        self._end(job_id, JobState.WAITING, {"outcome": WAITING}, None)

    def fail(self, job_id: JobId, name: str, message: str = "It did not work.") -> None:
        """End a job badly."""
        self._end(job_id, JobState.FAILED, None, JobFailure(name, message))

    def finish_step(self, job_id: JobId, name: str) -> None:
        """Note a finished step of a job."""
        self._steps.setdefault(job_id, []).append(JobStep(name, datetime.now(UTC), 0.5, None))

    def _queue(self, job_id: JobId, kind: JobKind) -> None:
        self.runs[job_id] += 1
        self._jobs[job_id] = Job(
            job_id, kind, JobState.QUEUED, datetime.now(UTC), None, None, None, None, None
        )

    def _end(
        self,
        job_id: JobId,
        state: JobState,
        result: Mapping[str, JsonValue] | None,
        failure: JobFailure | None,
    ) -> None:
        self.start(job_id)
        self._change(job_id, state=state, ended_at=datetime.now(UTC), result=result, failure=failure)

    def _change(self, job_id: JobId, **changes: object) -> None:
        self._jobs[job_id] = dataclasses.replace(self._jobs[job_id], **changes)  # type: ignore[arg-type]

    def _check(self) -> None:
        if self.unavailable:
            raise JobError("The database of jobs does not answer.")
