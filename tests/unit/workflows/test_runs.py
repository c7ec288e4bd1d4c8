"""A run of a workflow: what it says in the log, and that nothing of it stays in memory."""

from __future__ import annotations

import gc
import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from dbos import DBOS
from dbos import error as dbos_error

from orthanc_plugins import workflows
from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.jobs import WAITING, JobKind, extract_structures_request
from orthanc_plugins.logs import JsonFormatter, configure_logging
from orthanc_plugins.rtstruct import StructureSet
from orthanc_plugins.workflows import adapt_engine_line, job_log, register_workflows
from orthanc_plugins.workflows.job_log import run_job
from tests.builders import ImageFrame, build_case
from tests.unit.arrivals import store_dataset
from tests.unit.log_lines import lines, restored_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest


class Engine:
    """The durable engine as far as a workflow's body sees it; registers nothing."""

    workflow_id = "extract-structures.a.b"

    def __init__(self) -> None:
        self.workflows: dict[str, Callable[..., Any]] = {}

    def workflow(self, *, name: str, **_options: object) -> Callable[[Callable[..., Any]], None]:
        return lambda body: self.workflows.update({name: body})


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(workflows, "DBOS", engine)
    monkeypatch.setattr(job_log, "DBOS", engine)
    return engine


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    """What the suite logs meanwhile."""
    stream = io.StringIO()
    with restored_logger():
        configure_logging("INFO", stream=stream)
        yield stream


def log_within(_job_id: JobId) -> Mapping[str, Any]:
    logging.getLogger("orthanc_plugins.rtstruct").warning("A contour is open.")
    return {"outcome": "done"}


def test_the_beginning_the_end_and_every_line_between_carry_the_job(
    engine: Engine, told: io.StringIO
) -> None:
    run_job(JobKind.EXTRACT_STRUCTURES, log_within)
    begun, between, ended = lines(told)
    assert {line["job_id"] for line in (begun, between, ended)} == {engine.workflow_id}
    assert (begun["level"], begun["message"]) == ("INFO", "Job extract_structures begins.")
    assert ended["level"] == "INFO"
    assert ended["message"].startswith("Job extract_structures ended after 0.0 s: done")


def test_a_job_that_waits_says_so(engine: Engine, told: io.StringIO) -> None:
    run_job(JobKind.EXTRACT_STRUCTURES, lambda _: {"outcome": WAITING})
    assert lines(told)[-1]["message"].endswith("waiting.")


def test_a_job_that_fails_says_why_as_an_error(engine: Engine, told: io.StringIO) -> None:
    def fail(_job_id: JobId) -> dict[str, Any]:
        raise InvalidDicom("The file ends too soon: send it again.")

    with pytest.raises(InvalidDicom):
        run_job(JobKind.EXTRACT_STRUCTURES, fail)
    ended = lines(told)[-1]
    assert (ended["level"], ended["job_id"]) == ("ERROR", engine.workflow_id)
    assert ended["message"].startswith(
        "Job extract_structures failed after 0.0 s. InvalidDicom: The file ends"
    )


def test_a_job_that_is_cancelled_is_not_an_error(engine: Engine, told: io.StringIO) -> None:
    def stop(_job_id: JobId) -> dict[str, Any]:
        raise dbos_error.DBOSWorkflowCancelledError("cancelled")

    with pytest.raises(dbos_error.DBOSWorkflowCancelledError):
        run_job(JobKind.EXTRACT_STRUCTURES, stop)
    ended = lines(told)[-1]
    assert ended["level"] == "INFO"
    assert "cancelled" in ended["message"]


def record(level: int, error: Exception | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, None)
    return logging.LogRecord("dbos", level, "", 0, "Something happened", None, info)


@pytest.mark.usefixtures("engine")
def test_a_line_of_the_engine_gets_the_job_it_belongs_to() -> None:
    line = record(logging.WARNING, InvalidDicom("x"))
    assert adapt_engine_line(line)
    assert json.loads(JsonFormatter().format(line))["job_id"] == Engine.workflow_id


@pytest.mark.usefixtures("engine")
def test_a_failure_the_suite_has_told_is_not_told_again_by_the_engine() -> None:
    assert not adapt_engine_line(record(logging.ERROR, InvalidDicom("x")))
    assert not adapt_engine_line(record(logging.ERROR, dbos_error.DBOSAwaitedWorkflowCancelledError("x")))
    assert adapt_engine_line(record(logging.ERROR, ValueError("x")))
    assert adapt_engine_line(record(logging.ERROR))


def test_outside_a_workflow_a_line_of_the_engine_has_no_job() -> None:
    assert DBOS.workflow_id is None
    line = record(logging.WARNING)
    assert adapt_engine_line(line)
    assert "job_id" not in json.loads(JsonFormatter().format(line))


def test_a_run_that_ends_between_two_steps_keeps_no_structure_set(
    engine: Engine, services: Services, orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = build_case(frame=ImageFrame(size=(8, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=5.0), regions=1)
    for image in case.images:
        store_dataset(orthanc, image)
    instance = store_dataset(orthanc, case.structure_set)
    request = extract_structures_request(instance, orthanc.file_md5(instance))
    monkeypatch.setattr(engine, "workflow_id", services.queue.submit(request))
    alive: list[int] = []
    of_other_tests = structure_sets()

    def run_step(name: str, step: Callable[..., Any], *args: object) -> Any:
        if name != "find_images":
            alive.append(structure_sets() - of_other_tests)
            raise dbos_error.DBOSWorkflowCancelledError("cancelled")
        return step(*args)

    monkeypatch.setattr(workflows, "run_step", run_step)
    register_workflows(services)
    with pytest.raises(dbos_error.DBOSWorkflowCancelledError):
        engine.workflows[JobKind.EXTRACT_STRUCTURES.value](instance)
    assert alive == [1]
    assert structure_sets() == of_other_tests


def structure_sets() -> int:
    """Return how many parsed structure sets are in memory."""
    gc.collect()
    return sum(isinstance(found, StructureSet) for found in gc.get_objects())
