"""A worker whose jobs do what their names say.

``python -m tests.contract.toy_worker URL NAME FOLDER [POLL_S]``
The durable engine, the queue and the running of steps are the suite's own; only the workflows are toys.
Each step that ends writes a line to ``FOLDER/effects``; a file ``FOLDER/go`` opens the gate of ``block``.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbos import DBOS

from orthanc_plugins.errors import ArchiveUnavailable, InvalidDicom, NotFound
from orthanc_plugins.jobs import WAITING, JobKind
from orthanc_plugins.logs import configure_logging
from orthanc_plugins.services import build_services
from orthanc_plugins.settings import Settings
from orthanc_plugins.worker import starting, watch
from orthanc_plugins.workflows import steps
from orthanc_plugins.workflows.job_log import run_job

if TYPE_CHECKING:
    from collections.abc import Callable

FAULT = "DOE^JOHN"
"""What a library's exception quotes."""


class Toys:
    """The workflows; what a job does stands in its argument, before the first dot."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def effect(self, job_id: str, step: str) -> None:
        with (self._folder / "effects").open("a", encoding="utf-8") as effects:
            effects.write(f"{job_id} {step}\n")

    def first(self, job_id: str) -> dict[str, Any]:
        self.effect(job_id, "first")
        return {"seen": 1}

    def second(self, job_id: str, behaviour: str) -> dict[str, Any]:
        self.effect(job_id, "second begins")
        acts: dict[str, Callable[[], object]] = {
            "block": self._block,
            "invalid": lambda: _raise(InvalidDicom("The file ends too soon: send it again.")),
            "absent": lambda: _raise(NotFound("It is gone.", archive="orthanc")),
            "away": lambda: _raise(ArchiveUnavailable("Orthanc did not answer.", archive="orthanc")),
            "fault": lambda: _raise(ValueError(f"cannot read {FAULT}")),
            "unready": lambda: self._unready(job_id),
        }
        acts.get(behaviour, lambda: None)()
        self.effect(job_id, "second")
        return {"outcome": WAITING if behaviour == "wait" and not (self._folder / "go").exists() else "done"}

    def _block(self) -> None:
        while not (self._folder / "go").exists():
            time.sleep(0.02)

    def _unready(self, job_id: str) -> None:
        marks = (self._folder / "effects").read_text(encoding="utf-8").count(f"{job_id} second begins")
        if marks < 3:
            raise ArchiveUnavailable("Orthanc did not answer.", archive="orthanc")


def _raise(error: Exception) -> None:
    raise error


def register_toys(folder: Path) -> None:
    toys = Toys(folder)

    @DBOS.workflow(name=JobKind.EXTRACT_STRUCTURES.value, max_recovery_attempts=steps.WORKER_DEATHS)
    def extract_structures(argument: str) -> dict[str, Any]:
        def work(job_id: str) -> dict[str, Any]:
            steps.run_step("first", toys.first, job_id)
            return steps.run_step("second", toys.second, job_id, argument.split(".", maxsplit=1)[0])

        return run_job(JobKind.EXTRACT_STRUCTURES, work)

    @DBOS.workflow(name=JobKind.REMOVE_RESULTS.value)
    def remove_results(argument: str) -> dict[str, Any]:
        return steps.run_step("remove", toys.first, str(DBOS.workflow_id))


class Nothing:
    """A reception that finds nothing."""

    def sweep(self, *, thorough: bool) -> None:
        """Find nothing."""

    def look_after_waiting(self) -> bool:
        """Find nothing."""
        return False


def main(url: str, name: str, folder: str, poll_s: str = "0.05") -> None:
    # What takes minutes in a hospital takes a moment here.
    watch.HEARTBEAT_S = 0.1
    watch.SILENT_AFTER = timedelta(seconds=1.5)
    starting._QUEUE_POLL_S = float(poll_s)
    steps.FIRST_PAUSE_S = 0.01
    steps.WORKER_DEATHS = 1
    setattr(starting, "register_workflows", lambda _services: register_toys(Path(folder)))  # noqa: B010 - for mypy
    where = {"data_directory": Path(folder)} if url.startswith("sqlite") else {"database_url": url}
    settings = Settings(worker_concurrency=4, **where)
    configure_logging("INFO")
    starting.quieten_libraries()
    starting.make_folders(settings)
    starting.prepare_databases(settings)
    services = build_services(settings, None)
    starting.launch(settings, services, name)
    nothing: Any = Nothing()
    print("ready", flush=True)  # noqa: T201 - what the test waits for
    watch.Watch(services.store, nothing, name, 60).run(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
