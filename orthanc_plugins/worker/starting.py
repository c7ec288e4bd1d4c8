"""How a worker begins and ends: its folders, the databases, the durable engine."""

from __future__ import annotations

import fcntl
import logging
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbos import DBOS, DBOSConfig
from dbos import error as dbos_error
from sqlalchemy.exc import SQLAlchemyError

from orthanc_plugins.errors import ConfigurationError, JobError, StoreError
from orthanc_plugins.jobs import (
    APPLICATION,
    APPLICATION_VERSION,
    QUEUE,
    RELEASE_QUEUE,
    SERIALISER,
    TRANSFER_QUEUE,
    Listener,
    QueuePolling,
)
from orthanc_plugins.logs import describe_exception
from orthanc_plugins.store import Store, create_store_engine, migrate
from orthanc_plugins.workflows import adapt_engine_line, register_workflows

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from orthanc_plugins.services import Services
    from orthanc_plugins.settings import Settings

logger = logging.getLogger(__name__)
_QUEUE_POLL_S = 0.5
_GRACE_S = 5
_LOCK_WAIT_S = 20.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0


def make_folders(settings: Settings) -> None:
    """Make the folders of the worker's own state.

    Raises
    ------
    ConfigurationError
        The data directory cannot be written.
    """
    try:
        for folder in (settings.run_directory, settings.data_directory / "store"):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"DataDirectory cannot be written: {error}. Give the worker's user the right to."
        ) from error


@contextmanager
def only_one(settings: Settings, name: str, stop: threading.Event) -> Iterator[None]:
    """Wait until no other process is the worker of this name; two would do the same jobs.

    Raises
    ------
    ConfigurationError
        The other process did not end in time.
    """
    with (settings.run_directory / f"worker-{name}.lock").open("w") as lock:
        deadline = time.monotonic() + _LOCK_WAIT_S
        while not stop.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ConfigurationError(
                        f"Another worker is called {name}: give this one its own WorkerName."
                    ) from None
                stop.wait(0.2)
        yield


def wait_for_databases(settings: Settings, stop: threading.Event) -> bool:
    """Bring the databases up to date, trying again while they do not answer; False when told to end."""
    pause_s = _FIRST_PAUSE_S
    while not stop.is_set():
        try:
            prepare_databases(settings)
        except StoreError as error:
            logger.error("%s Trying again in %.0f s.", error, pause_s)  # noqa: TRY400 - the text says it all
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        else:
            return True
    return False


def prepare_databases(settings: Settings) -> None:
    """Bring the store up to date, and see that the database of jobs answers.

    Raises
    ------
    StoreError
        One of them does not answer, or cannot be brought up to date.
    """
    engine = create_store_engine(settings.store_url)
    try:
        migrate(engine)
    finally:
        engine.dispose()
    # A connection of the store's kind also switches the jobs' SQLite file to write-ahead logging.
    jobs = Store(create_store_engine(settings.jobs_url))
    try:
        jobs.ping()
    finally:
        jobs.close()


def launch(settings: Settings, services: Services, name: str) -> list[QueuePolling]:
    """Start the durable engine, and take jobs; what this worker had begun before it ended goes on.

    Raises
    ------
    JobError
        The engine does not start with this database.
    """
    DBOS(
        config=DBOSConfig(
            name=APPLICATION,
            system_database_url=settings.jobs_url,
            executor_id=name,
            application_version=APPLICATION_VERSION,
            serializer=SERIALISER,
            log_level="WARNING",
        )
    )
    register_workflows(services)
    QueuePolling.listen_to_none()
    try:
        DBOS.launch()
        for queue, concurrency in _queues(settings).items():
            DBOS.register_queue(
                queue,
                worker_concurrency=concurrency,
                polling_interval_sec=_QUEUE_POLL_S,
                on_conflict="always_update",
            )
    except (dbos_error.DBOSException, SQLAlchemyError) as error:
        raise JobError(
            f"The durable engine did not start: {describe_exception(error)}. "
            "Check DatabaseUrl, free disk space and the database's log."
        ) from error
    pollings = [
        QueuePolling(Listener(settings.run_directory, f"{name}.{queue}"), queue)
        for queue in _queues(settings)
    ]
    for polling in pollings:
        polling.start()
    return pollings


def end(pollings: Sequence[QueuePolling]) -> None:
    """Take no more jobs, give those at work a moment, and end the durable engine."""
    for polling in pollings:
        polling.stop()
    DBOS.destroy(workflow_completion_timeout_sec=_GRACE_S)


def _queues(settings: Settings) -> dict[str, int]:
    """Return the names of the queues and how many jobs of each this worker does at a time."""
    return {
        QUEUE: settings.worker_concurrency,
        TRANSFER_QUEUE: settings.transfer_concurrency,
        RELEASE_QUEUE: settings.deidentification.concurrency,
    }


def quieten_libraries() -> None:
    """Keep libraries from logging values: pydicom's warnings quote the data set."""
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    durable = logging.getLogger("dbos")
    durable.handlers[:] = logging.getLogger("orthanc_plugins").handlers
    durable.propagate = False
    durable.addFilter(adapt_engine_line)
