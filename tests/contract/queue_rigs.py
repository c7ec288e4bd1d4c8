"""Queues of jobs and who works them: real worker processes, or the test itself in memory."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from dbos import run_dbos_database_migrations

from orthanc_plugins.identifiers import JobId, OrthancId
from orthanc_plugins.jobs import (
    DbosQueue,
    Doorbell,
    Job,
    JobQueue,
    JobRequest,
    JobState,
    extract_structures_request,
)
from orthanc_plugins.settings import Settings
from tests.contract.waiting import eventually
from tests.fakes import MemoryQueue

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.postgresql import Postgres


class Rig(Protocol):
    """A queue and who works it."""

    @property
    def queue(self) -> JobQueue:
        """The queue."""

    def work(self, job_id: JobId, *, until: JobState) -> Job:
        """Let the job be worked until it is in a state, and return it."""

    def open_gate(self) -> None:
        """Let what is blocked go on, and what waited find what it waited for."""


def request(behaviour: str) -> JobRequest:
    """Return a request that no other test has made."""
    return extract_structures_request(OrthancId(f"{behaviour}.{uuid.uuid4().hex}"), "md5")


class MemoryRig:
    """The queue in memory, worked as the toy worker works."""

    def __init__(self) -> None:
        self.queue = MemoryQueue()
        self._open = False

    def work(self, job_id: JobId, *, until: JobState) -> Job:
        behaviour = self.queue.requests[job_id].arguments[0].split(".")[0]
        if self.queue.job(job_id).state is JobState.QUEUED:
            self.queue.start(job_id)
        if until is not JobState.RUNNING and self.queue.job(job_id).state is JobState.RUNNING:
            self._end(job_id, behaviour)
        assert self.queue.job(job_id).state is until
        return self.queue.job(job_id)

    def _end(self, job_id: JobId, behaviour: str) -> None:
        self.queue.finish_step(job_id, "first")
        if behaviour == "invalid":
            self.queue.fail(job_id, "InvalidDicom", "The file ends too soon: send it again.")
            return
        self.queue.finish_step(job_id, "second")
        if behaviour == "wait" and not self._open:
            self.queue.wait(job_id)
        else:
            self.queue.succeed(job_id)

    def open_gate(self) -> None:
        self._open = True


class DbosRig:
    """A database, the suite's queue on it, and toy workers as processes."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        (folder / "store").mkdir()
        self.database = url or Settings(data_directory=folder).jobs_url
        self.queue: JobQueue = DbosQueue(self.database, Doorbell(folder / "run").ring)
        self._workers: list[subprocess.Popen[str]] = []

    def prepare(self) -> None:
        """Make the database as a worker does that has since gone."""
        run_dbos_database_migrations(system_database_url=self.database)

    def start_worker(self, name: str = "one", poll_s: float = 0.05) -> subprocess.Popen[str]:
        worker = self.launch_worker(name, poll_s)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n", self.log(name)
        return worker

    def launch_worker(self, name: str, poll_s: float = 0.05) -> subprocess.Popen[str]:
        """Start a worker and do not wait for it."""
        log = (self.folder / f"{name}.log").open("a")
        where = [self.url or "sqlite", name, str(self.folder), str(poll_s)]
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.toy_worker", *where],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        self._workers.append(worker)
        return worker

    def log(self, name: str = "one") -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def work(self, job_id: JobId, *, until: JobState) -> Job:
        def look() -> Job | None:
            job = self.queue.job(job_id)
            return job if job.state is until else None

        return eventually(look, f"the job is {until}, not {self.queue.job(job_id)}")  # type: ignore[return-value]

    def open_gate(self) -> None:
        (self.folder / "go").touch()

    def close_gate(self) -> None:
        """Let what blocks stand still again, and what waits find nothing."""
        (self.folder / "go").unlink(missing_ok=True)

    def begun(self, job_id: JobId) -> int:
        """Return how often the job's second step has begun."""
        return self.effects(job_id)["second begins"]

    def effects(self, job_id: JobId) -> Counter[str]:
        """Return how often each step of the job has had its effect."""
        path = self.folder / "effects"
        written = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return Counter(line.partition(" ")[2] for line in written if line.startswith(f"{job_id} "))

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()
        self.queue.close()


def new_rig(kind: str, factory: pytest.TempPathFactory, request_: pytest.FixtureRequest) -> DbosRig:
    server: Postgres | None = request_.getfixturevalue("postgres") if kind == "postgresql" else None
    return DbosRig("" if server is None else server.new_database(), factory.mktemp(f"queue-{kind}"))
