"""What only the durable queue does: it outlives its workers, tries again, and stores plain data."""

from __future__ import annotations

import functools
import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, inspect, text

from orthanc_plugins.errors import JobActive, JobError
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import DbosQueue, JobState
from tests.contract.queue_rigs import DbosRig, request
from tests.contract.toy_worker import FAULT
from tests.contract.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgresql import Postgres


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


def lines_of(worked: DbosRig, job_id: JobId) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in worked.log().splitlines()]
    return [line for line in lines if line.get("job_id") == job_id]


def test_the_worker_tells_that_a_job_begins_and_how_it_ends(worked: DbosRig) -> None:
    job_id = worked.queue.submit(request("ok"))
    worked.work(job_id, until=JobState.SUCCEEDED)
    begun, ended = lines_of(worked, job_id)
    assert (begun["level"], ended["level"]) == ("INFO", "INFO")
    assert begun["message"] == "Job extract_structures begins."
    assert re.fullmatch(r"Job extract_structures ended after \d+\.\d s: done\.", ended["message"])


def test_the_worker_tells_once_why_a_job_failed(worked: DbosRig) -> None:
    job_id = worked.queue.submit(request("invalid"))
    worked.work(job_id, until=JobState.FAILED)
    (told,) = [line for line in lines_of(worked, job_id) if line["level"] == "ERROR"]
    assert "InvalidDicom: The file ends too soon: send it again." in told["message"]


def test_every_line_about_a_job_names_it_the_engines_too(worked: DbosRig) -> None:
    job_id = worked.queue.submit(request("unready"))
    worked.work(job_id, until=JobState.SUCCEEDED)
    retries = [line for line in lines_of(worked, job_id) if line["logger"] == "dbos"]
    assert len(retries) == 2
    assert all("ArchiveUnavailable" in line["error"] for line in retries)


def test_a_cancelled_job_is_not_told_as_an_error(worked: DbosRig) -> None:
    worked.close_gate()
    job_id = worked.queue.submit(request("block"))
    eventually(lambda: worked.begun(job_id), "it blocks")
    worked.queue.cancel(job_id)
    worked.open_gate()

    def told() -> bool:
        return any(
            "Job extract_structures was cancelled" in line["message"] for line in lines_of(worked, job_id)
        )

    eventually(told, "its end is told")
    assert not [line for line in lines_of(worked, job_id) if line["level"] == "ERROR"]


def test_asking_for_what_is_there_logs_nothing(
    worked: DbosRig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("dbos"), "propagate", True)
    worked.close_gate()
    wanted = request("ok")
    worked.work(worked.queue.submit(wanted), until=JobState.SUCCEEDED)
    waits = request("wait")
    job_id = worked.queue.submit(waits)
    worked.work(job_id, until=JobState.WAITING)
    worked.queue.cancel(job_id)
    for again in (wanted, waits):
        worked.queue.submit(again)
    assert caplog.records == []


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


# The bell


def test_a_job_begins_when_it_is_asked_for_and_when_another_ends_however_seldom_a_worker_looks(
    tmp_path: Path,
) -> None:
    rig = DbosRig("", tmp_path)
    try:
        rig.start_worker(poll_s=600)
        blocking = [rig.queue.submit(request("block")) for _ in range(4)]
        for job_id in blocking:
            rig.work(job_id, until=JobState.RUNNING)
        fifth = rig.queue.submit(request("ok"))
        rig.open_gate()
        for job_id in (*blocking, fifth):
            rig.work(job_id, until=JobState.SUCCEEDED)
    finally:
        rig.close()


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
