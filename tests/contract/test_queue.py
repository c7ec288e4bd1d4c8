"""The queue of jobs with a real worker process, on SQLite and PostgreSQL, and the queue in memory."""

from __future__ import annotations

import functools
import subprocess
import sys
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import pytest
from dbos import run_dbos_database_migrations
from sqlalchemy import create_engine, inspect, text

from orthanc_plugins.errors import JobActive, JobError, JobNotFound
from orthanc_plugins.identifiers import JobId, OrthancId
from orthanc_plugins.jobs import (
    DbosQueue,
    Job,
    JobKind,
    JobQueue,
    JobRequest,
    JobState,
    extract_structures_request,
    remove_results_request,
)
from orthanc_plugins.settings import Settings
from tests.contract.toy_worker import FAULT
from tests.contract.waiting import eventually
from tests.fakes import MemoryQueue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.conftest import Postgres


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
        self.queue: JobQueue = DbosQueue(self.database)
        self._workers: list[subprocess.Popen[str]] = []

    def prepare(self) -> None:
        """Make the database as a worker does that has since gone."""
        run_dbos_database_migrations(system_database_url=self.database)

    def start_worker(self, name: str = "one") -> subprocess.Popen[str]:
        worker = self.launch_worker(name)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n", self.log(name)
        return worker

    def launch_worker(self, name: str) -> subprocess.Popen[str]:
        """Start a worker and do not wait for it."""
        log = (self.folder / f"{name}.log").open("a")
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.toy_worker", self.url or "sqlite", name, str(self.folder)],
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


@pytest.fixture(params=["sqlite", "postgresql"])
def worked(request: pytest.FixtureRequest) -> DbosRig:
    """A queue with one worker that all tests share."""
    rig: DbosRig = request.getfixturevalue(f"{request.param}_rig")
    return rig


@pytest.fixture(params=["sqlite", "postgresql"])
def unworked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbosRig]:
    """A queue of one test's own, whose workers the test starts."""
    rig = new_rig(request.param, tmp_path_factory, request)
    yield rig
    rig.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        yield MemoryRig()
        return
    shared: DbosRig = request.getfixturevalue(f"{request.param}_rig")
    (shared.folder / "go").unlink(missing_ok=True)
    yield shared
    shared.open_gate()


@pytest.fixture(scope="module")
def sqlite_rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbosRig]:
    rig = new_rig("sqlite", tmp_path_factory, request)
    rig.start_worker()
    yield rig
    rig.close()


@pytest.fixture(scope="module")
def postgresql_rig(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DbosRig]:
    rig = new_rig("postgresql", tmp_path_factory, request)
    rig.start_worker()
    yield rig
    rig.close()


# What every queue does


def test_a_job_is_done(rig: Rig) -> None:
    before = datetime.now(UTC)
    job_id = rig.queue.submit(request("ok"))
    job = rig.work(job_id, until=JobState.SUCCEEDED)
    assert (job.job_id, job.kind) == (job_id, JobKind.EXTRACT_STRUCTURES)
    assert job.result == {"outcome": "done"}
    assert job.failure is None
    assert job.worker
    assert job.requested_at is not None
    assert job.started_at is not None
    assert job.ended_at is not None
    assert (job.requested_at - before).total_seconds() > -1
    assert job.requested_at <= job.started_at <= job.ended_at
    assert [step.name for step in rig.queue.steps(job_id)] == ["first", "second"]


def test_asking_twice_is_one_job_whatever_its_state(rig: Rig) -> None:
    wanted = request("ok")
    job_id = rig.queue.submit(wanted)
    assert rig.queue.submit(wanted) == job_id
    ended = rig.work(job_id, until=JobState.SUCCEEDED)
    assert rig.queue.submit(wanted) == job_id
    assert rig.queue.job(job_id) == ended
    assert [job.job_id for job in rig.queue.jobs(job_ids=[job_id])] == [job_id]


def test_a_job_whose_images_are_missing_waits_and_is_done_when_run_again(rig: Rig) -> None:
    job_id = rig.queue.submit(request("wait"))
    assert rig.work(job_id, until=JobState.WAITING).result == {"outcome": "waiting"}
    rig.open_gate()
    rig.queue.run_again(job_id)
    assert rig.work(job_id, until=JobState.SUCCEEDED).result == {"outcome": "done"}


def test_a_job_that_fails_tells_why_and_can_be_run_again(rig: Rig) -> None:
    job_id = rig.queue.submit(request("invalid"))
    job = rig.work(job_id, until=JobState.FAILED)
    assert job.failure is not None
    assert (job.failure.name, job.failure.message) == (
        "InvalidDicom",
        "The file ends too soon: send it again.",
    )
    assert job.result is None
    rig.queue.run_again(job_id)
    assert rig.work(job_id, until=JobState.FAILED).ended_at is not None


def test_a_job_that_runs_cannot_be_run_again(rig: Rig) -> None:
    job_id = rig.queue.submit(request("block"))
    rig.work(job_id, until=JobState.RUNNING)
    with pytest.raises(JobActive, match="running"):
        rig.queue.run_again(job_id)
    rig.open_gate()
    rig.work(job_id, until=JobState.SUCCEEDED)


def test_a_job_that_is_run_again_forgets_its_first_run(rig: Rig) -> None:
    rig.open_gate()
    job_id = rig.queue.submit(request("block"))
    rig.work(job_id, until=JobState.SUCCEEDED)
    if isinstance(rig, DbosRig):
        (rig.folder / "go").unlink()
    rig.queue.run_again(job_id)
    job = rig.work(job_id, until=JobState.RUNNING)
    assert (job.result, job.failure, job.ended_at) == (None, None, None)
    rig.open_gate()
    rig.work(job_id, until=JobState.SUCCEEDED)


def test_a_running_job_can_be_cancelled_and_stays_so(rig: Rig) -> None:
    job_id = rig.queue.submit(request("block"))
    rig.work(job_id, until=JobState.RUNNING)
    if isinstance(rig, DbosRig):
        eventually(functools.partial(rig.begun, job_id), "it blocks")
    rig.queue.cancel(job_id)
    assert rig.queue.job(job_id).state is JobState.CANCELLED
    rig.open_gate()
    if isinstance(rig, DbosRig):
        eventually(lambda: rig.effects(job_id)["second"], "the step at hand has ended")
    assert rig.queue.job(job_id).state is JobState.CANCELLED
    rig.queue.run_again(job_id)
    rig.work(job_id, until=JobState.SUCCEEDED)


def test_an_ended_job_that_is_cancelled_stays_as_it_is(rig: Rig) -> None:
    job_id = rig.queue.submit(request("ok"))
    ended = rig.work(job_id, until=JobState.SUCCEEDED)
    rig.queue.cancel(job_id)
    assert rig.queue.job(job_id) == ended


def test_an_unknown_job_is_not_found(rig: Rig) -> None:
    unknown = JobId("unknown")
    for ask in (rig.queue.job, rig.queue.run_again, rig.queue.cancel):
        with pytest.raises(JobNotFound):
            ask(unknown)
    assert rig.queue.steps(unknown) == []
    assert rig.queue.jobs(job_ids=[unknown]) == []


def test_of_no_identifiers_there_are_no_jobs(rig: Rig) -> None:
    rig.queue.submit(request("ok"))
    assert rig.queue.jobs(job_ids=[]) == []


def test_jobs_are_listed_newest_first_by_state_kind_and_page(rig: Rig) -> None:
    made = []
    for behaviour, state in (
        ("ok", JobState.SUCCEEDED),
        ("wait", JobState.WAITING),
        ("invalid", JobState.FAILED),
        ("ok", JobState.SUCCEEDED),
    ):
        made.append(rig.queue.submit(request(behaviour)))
        rig.work(made[-1], until=state)
    removal = rig.queue.submit(remove_results_request(OrthancId("remove"), uuid.uuid4().hex))
    newest = [removal, *reversed(made)]
    assert [job.job_id for job in rig.queue.jobs(limit=5)] == newest
    assert [job.job_id for job in rig.queue.jobs(limit=2, offset=1)] == newest[1:3]
    assert [job.job_id for job in rig.queue.jobs(kind=JobKind.REMOVE_RESULTS, limit=1)] == [removal]

    def among_these(*wanted: JobState) -> list[JobId]:
        return [job.job_id for job in rig.queue.jobs(job_ids=made, states=wanted)]

    assert among_these(JobState.WAITING) == [made[1]]
    assert among_these(JobState.SUCCEEDED) == [made[3], made[0]]
    assert among_these(JobState.FAILED, JobState.WAITING) == [made[2], made[1]]
    assert among_these(JobState.CANCELLED) == []


def test_counts_are_by_kind_and_state_and_waiting_counts_as_succeeded(rig: Rig) -> None:
    before = rig.queue.counts()
    for behaviour, state in (
        ("ok", JobState.SUCCEEDED),
        ("wait", JobState.WAITING),
        ("invalid", JobState.FAILED),
    ):
        rig.work(rig.queue.submit(request(behaviour)), until=state)
    after = Counter(rig.queue.counts())
    after.subtract(before)
    kind = JobKind.EXTRACT_STRUCTURES
    assert (after[kind, JobState.SUCCEEDED], after[kind, JobState.FAILED]) == (2, 1)


# What only the durable queue does


def test_steps_are_timed(worked: DbosRig) -> None:
    job_id = worked.queue.submit(request("ok"))
    worked.work(job_id, until=JobState.SUCCEEDED)
    for step in worked.queue.steps(job_id):
        assert step.started_at is not None
        assert step.duration_s is not None
        assert 0 <= step.duration_s < 10
        assert step.failure is None


def test_what_passes_by_itself_is_tried_again(worked: DbosRig) -> None:
    job_id = worked.queue.submit(request("unready"))
    worked.work(job_id, until=JobState.SUCCEEDED)
    assert worked.effects(job_id) == {"first": 1, "second begins": 3, "second": 1}


def test_what_does_not_pass_is_given_up_with_its_own_words(worked: DbosRig) -> None:
    job_id = worked.queue.submit(request("away"))
    job = worked.work(job_id, until=JobState.FAILED)
    assert job.failure is not None
    assert (job.failure.name, job.failure.message) == ("ArchiveUnavailable", "Orthanc did not answer.")
    assert worked.effects(job_id)["second begins"] == 8


@pytest.mark.parametrize(("behaviour", "name"), [("invalid", "InvalidDicom"), ("absent", "NotFound")])
def test_what_cannot_pass_is_not_tried_again(worked: DbosRig, behaviour: str, name: str) -> None:
    job_id = worked.queue.submit(request(behaviour))
    job = worked.work(job_id, until=JobState.FAILED)
    assert job.failure is not None
    assert job.failure.name == name
    assert worked.effects(job_id)["second begins"] == 1


def test_a_librarys_fault_is_told_without_its_text(worked: DbosRig) -> None:
    job_id = worked.queue.submit(request("fault"))
    job = worked.work(job_id, until=JobState.FAILED)
    assert job.failure is not None
    assert job.failure.name == "JobError"
    assert "ValueError" in job.failure.message
    assert FAULT not in job.failure.message
    assert FAULT not in worked.log()
    assert FAULT not in everything_stored(worked.database)


def test_only_plain_json_is_stored(worked: DbosRig) -> None:
    for behaviour, state in (("ok", JobState.SUCCEEDED), ("fault", JobState.FAILED)):
        worked.work(worked.queue.submit(request(behaviour)), until=state)
    engine = create_engine(worked.database)
    schema = "dbos" if engine.dialect.name == "postgresql" else None
    prefix = "dbos." if schema else ""
    with engine.connect() as connection:
        formats = (
            connection.execute(text(f"SELECT DISTINCT serialization FROM {prefix}workflow_status"))
            .scalars()
            .all()
        )
        steps = (
            connection.execute(text(f"SELECT DISTINCT serialization FROM {prefix}operation_outputs"))
            .scalars()
            .all()
        )
    engine.dispose()
    assert set(formats) == set(steps) == {"portable_json"}
    assert "gASV" not in everything_stored(worked.database)


def everything_stored(database: str) -> str:
    """Return every row of the jobs' database as text; pickled objects begin with gASV in base64."""
    engine = create_engine(database)
    schema = "dbos" if engine.dialect.name == "postgresql" else None
    rows = []
    with engine.connect() as connection:
        for table in inspect(engine).get_table_names(schema):
            name = f'"{schema}"."{table}"' if schema else f'"{table}"'
            rows += [str(row) for row in connection.execute(text(f"SELECT * FROM {name}"))]
    engine.dispose()
    assert len(rows) > 5
    return "\n".join(rows)


def test_a_queued_job_can_be_cancelled_and_is_not_done(unworked: DbosRig) -> None:
    unworked.prepare()
    job_id = unworked.queue.submit(request("ok"))
    assert unworked.queue.job(job_id).state is JobState.QUEUED
    with pytest.raises(JobActive, match="queued"):
        unworked.queue.run_again(job_id)
    unworked.queue.cancel(job_id)
    later = unworked.queue.submit(request("ok"))
    unworked.start_worker()
    unworked.work(later, until=JobState.SUCCEEDED)
    assert unworked.queue.job(job_id).state is JobState.CANCELLED
    assert unworked.effects(job_id) == {}


def test_a_worker_that_is_killed_goes_on_after_its_last_finished_step(unworked: DbosRig) -> None:
    first = unworked.start_worker()
    job_id = unworked.queue.submit(request("block"))
    eventually(lambda: unworked.begun(job_id), "it blocks")
    first.kill()
    first.wait()
    unworked.open_gate()
    unworked.start_worker()
    unworked.work(job_id, until=JobState.SUCCEEDED)
    assert unworked.effects(job_id) == {"first": 1, "second begins": 2, "second": 1}


def test_a_worker_that_died_for_good_is_replaced_by_another(unworked: DbosRig) -> None:
    first = unworked.start_worker("mortal")
    job_id = unworked.queue.submit(request("block"))
    eventually(lambda: unworked.begun(job_id), "it blocks")
    first.kill()
    first.wait()
    unworked.open_gate()
    unworked.start_worker("heir")
    job = unworked.work(job_id, until=JobState.SUCCEEDED)
    assert job.worker == "heir"
    assert unworked.effects(job_id) == {"first": 1, "second begins": 2, "second": 1}
    assert "mortal" in unworked.log("heir")


@pytest.mark.parametrize("unworked", ["sqlite"], indirect=True)
def test_a_job_that_ends_its_worker_again_and_again_is_given_up(unworked: DbosRig) -> None:
    unworked.prepare()
    job_id = unworked.queue.submit(request("block"))

    def begun_or_given_up(times: int) -> bool:
        given_up = unworked.queue.job(job_id).state is JobState.FAILED
        return given_up or unworked.begun(job_id) >= times

    for times in range(1, 5):
        worker = unworked.start_worker()
        eventually(functools.partial(begun_or_given_up, times), "it blocks again")
        worker.kill()
        worker.wait()
        if unworked.queue.job(job_id).state is JobState.FAILED:
            break
    failure = unworked.queue.job(job_id).failure
    assert failure is not None
    assert failure.name == "Abandoned"
    assert unworked.effects(job_id)["first"] == 1


def test_workers_share_the_jobs_and_do_each_once(unworked: DbosRig) -> None:
    unworked.prepare()
    for name in ("one", "two"):
        unworked.launch_worker(name)
    made = [unworked.queue.submit(request("ok")) for _ in range(40)]
    for job_id in made:
        unworked.work(job_id, until=JobState.SUCCEEDED)
    assert all(unworked.effects(job_id) == {"first": 1, "second begins": 1, "second": 1} for job_id in made)


# A database that is not there


def test_a_file_that_is_not_there_is_a_job_error_and_is_not_made(tmp_path: Path) -> None:
    queue = DbosQueue(f"sqlite:///{tmp_path / 'absent.sqlite'}")
    for ask in (
        queue.jobs,
        queue.counts,
        lambda: queue.submit(request("ok")),
        lambda: queue.steps(JobId("x")),
    ):
        with pytest.raises(JobError, match="worker"):
            ask()
    assert list(tmp_path.iterdir()) == []
    queue.close()


def test_a_file_that_no_worker_has_prepared_is_a_job_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    queue = DbosQueue(f"sqlite:///{path}")
    with pytest.raises(JobError, match="worker"):
        queue.jobs()
    queue.close()


def test_a_server_that_is_not_there_is_a_job_error_at_once() -> None:
    queue = DbosQueue("postgresql://pacs:secret@127.0.0.1:9/none")
    before = datetime.now(UTC)
    with pytest.raises(JobError, match="DatabaseUrl") as caught:
        queue.submit(request("ok"))
    assert "secret" not in str(caught.value)
    assert (datetime.now(UTC) - before).total_seconds() < 5
    queue.close()


def test_a_server_that_no_worker_has_prepared_is_a_job_error(postgres: Postgres) -> None:
    queue = DbosQueue(postgres.new_database())
    with pytest.raises(JobError, match="worker"):
        queue.jobs()
    queue.close()
