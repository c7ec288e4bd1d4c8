"""The worker process: brings the databases up to date, runs the durable workflows, keeps watch.

``python -m orthanc_plugins.worker`` reads the configuration that ``PACS_SUITE_CONFIGURATION`` names.
With ``--embedded`` it ends when its standard input closes, so that it never outlives the Orthanc that
started it.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import platform
import signal
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dbos import DBOS, DBOSConfig
from dbos import error as dbos_error
from sqlalchemy.exc import SQLAlchemyError

from orthanc_plugins import __version__
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import ConfigurationError, JobError, PacsSuiteError, StoreError
from orthanc_plugins.forwarding import OFFERING, StudyForwarding
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
from orthanc_plugins.logs import configure_logging, describe_exception
from orthanc_plugins.present_rules import PresentRules
from orthanc_plugins.reception import Reception
from orthanc_plugins.services import AUTHORISATION_VARIABLE, Services, build_services
from orthanc_plugins.settings import Settings, read_settings
from orthanc_plugins.store import Store, create_store_engine, migrate
from orthanc_plugins.store.retention import Tidying
from orthanc_plugins.sync.content_pass import ContentPass
from orthanc_plugins.synchronisation import Rounds, Timetable
from orthanc_plugins.transfers import Retrying, Waking
from orthanc_plugins.workflows import adapt_engine_line, register_workflows, share_memory_among_threads
from orthanc_plugins.workflows.release_retrying import ReleaseRetrying
from orthanc_plugins.workflows.release_work import Sweeping
from orthanc_plugins.workflows.watch_trail import TrailWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    type Duty = Callable[[], float | None]

logger = logging.getLogger("orthanc_plugins.worker")  # run as a program, the module is called __main__

HEARTBEAT_S = 5.0
"""Seconds between two signs of life."""

SILENT_AFTER = timedelta(seconds=45)
"""A worker that gave no sign of life for so long is taken for dead, and its jobs go on elsewhere."""

_WATCH_S = 1.0
_CLOSE_WATCH_S = 0.1
_WATCH_SHARE = 0.1
"""At most so much of its time a worker looks whether images have come."""
_WAKE_S = 2.0
_TIDY_S = 300.0
"""How often transfers that may have been forgotten are looked at, and whether it is time for the rest."""
_QUEUE_POLL_S = 0.5
_GRACE_S = 5
_LOCK_WAIT_S = 20.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0


def main(arguments: list[str] | None = None) -> int:
    """Run a worker until it is told to end; return the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m orthanc_plugins.worker", description=__doc__)
    parser.add_argument("--embedded", action="store_true", help="end when standard input closes")
    embedded = parser.parse_args(arguments).embedded
    try:
        settings = read_settings()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    share_memory_among_threads()
    configure_logging(settings.log_level)
    _quieten_libraries()
    status = _guarded_run(settings, _stop_event(end_with_stdin=embedded))
    # Threads that still compute must not keep a worker alive that was told to end: their jobs go on later.
    logging.shutdown()
    os._exit(status)


def _guarded_run(settings: Settings, stop: threading.Event) -> int:
    """Run the worker and return its exit status; what it cannot run with is told in one line."""
    name = settings.worker_name or platform.node()
    try:
        _make_folders(settings)
        with _only_one(settings, name, stop):
            if _wait_for_databases(settings, stop):
                _run(settings, name, stop)
    except PacsSuiteError as error:
        logger.error("The worker ends: %s", error)  # noqa: TRY400 - the text says it all
        return 2 if isinstance(error, ConfigurationError) else 1
    return 0


def _run(settings: Settings, name: str, stop: threading.Event) -> None:
    services = build_services(settings, os.environ.get(AUTHORISATION_VARIABLE))
    pollings = _launch(settings, services, name)
    logger.info("Worker %s of Orthanc PACS Suite %s is ready.", name, __version__)
    reception = Reception(
        services.orthanc,
        services.store,
        services.queue,
        process_existing=settings.structures.process_existing,
    )
    duties = _duties(services, settings.sweep_interval_s)
    Watch(services.store, reception, name, settings.sweep_interval_s, duties).run(stop)
    logger.info("Worker %s ends.", name)
    for polling in pollings:
        polling.stop()
    DBOS.destroy(workflow_completion_timeout_sec=_GRACE_S)
    services.close()


def _duties(services: Services, sweep_interval_s: float) -> dict[Duty, float]:
    """Return what else the watch does; most of it where there is a second archive."""
    tidying = Tidying(services.store, services.data, services.retention)
    rules = services.deidentification.rules
    offering = StudyForwarding(services.orthanc, services.store, services.queue, rules, OFFERING)
    sweeping = Sweeping(services.data, services.queue)
    again = ReleaseRetrying(services.queue, lambda: datetime.now(UTC))
    trail = TrailWatch(services.deidentification.custodian, lambda: datetime.now(UTC))
    kept: tuple[Duty, ...] = (tidying.tidy, sweeping.sweep, again.try_again, trail.look)
    everywhere = {**dict.fromkeys(kept, _TIDY_S), offering.sweep: sweep_interval_s}
    if ArchiveName.DCM4CHEE not in services.archives:
        return everywhere
    rounds = Timetable(Rounds(services), services.store.inventory, services.synchronisation)
    waking = Waking(services.store.transfers, services.queue, lambda: datetime.now(UTC))
    switched_on = [rule.name for rule in services.forwarding.rules if rule.enabled]
    retrying = Retrying(services.store, switched_on, lambda: datetime.now(UTC))
    forwarding = StudyForwarding(services.orthanc, services.store, services.queue, services.forwarding.rules)
    hours = services.synchronisation.content_pass
    content_pass: dict[Duty, float] = {}
    if hours is not None:
        content_pass[ContentPass(services.queue, hours).keep] = _TIDY_S
    return {
        **everywhere,
        **content_pass,
        rounds.keep: services.synchronisation.interval_s,
        waking.wake: _WAKE_S,
        waking.tidy: _TIDY_S,
        retrying.retry: _TIDY_S,
        forwarding.sweep: sweep_interval_s,
        PresentRules(services).apply: _TIDY_S,
    }


def _make_folders(settings: Settings) -> None:
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


def _wait_for_databases(settings: Settings, stop: threading.Event) -> bool:
    """Bring the databases up to date, trying again while they do not answer; False when told to end."""
    pause_s = _FIRST_PAUSE_S
    while not stop.is_set():
        try:
            _prepare_databases(settings)
        except StoreError as error:
            logger.error("%s Trying again in %.0f s.", error, pause_s)  # noqa: TRY400 - the text says it all
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        else:
            return True
    return False


def _prepare_databases(settings: Settings) -> None:
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


def _launch(settings: Settings, services: Services, name: str) -> list[QueuePolling]:
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


def _queues(settings: Settings) -> dict[str, int]:
    """Return the names of the queues and how many jobs of each this worker does at a time."""
    return {
        QUEUE: settings.worker_concurrency,
        TRANSFER_QUEUE: settings.transfer_concurrency,
        RELEASE_QUEUE: settings.deidentification.concurrency,
    }


class Watch:
    """What a worker does beside its jobs: signs of life, taking over from the dead, looking for work.

    Parameters
    ----------
    store
        Where signs of life are kept.
    reception
        Finds work in Orthanc.
    name
        The worker's name among all workers.
    sweep_interval_s
        Seconds between two readings of Orthanc's change log.
    further
        What else is done, each with the seconds between two turns.
    """

    def __init__(
        self,
        store: Store,
        reception: Reception,
        name: str,
        sweep_interval_s: float,
        further: Mapping[Duty, float] | None = None,
    ) -> None:
        self._store = store
        self._name = name
        self._reception = reception
        self._started_at = datetime.now(UTC)
        self._swept = False
        self._duties: dict[Duty, float] = {
            self._live: HEARTBEAT_S,
            self._look_after_waiting: _WATCH_S,
            self._sweep: sweep_interval_s,
            **(further or {}),
        }

    def run(self, stop: threading.Event) -> None:
        """Do each duty in its interval until told to stop.

        Each has a thread of its own: a sweep over a large Orthanc must not keep back the signs of life.
        """
        for duty, interval_s in self._duties.items():
            threading.Thread(
                target=self._repeat, args=(duty, interval_s, stop), name=f"watch{duty.__name__}", daemon=True
            ).start()
        stop.wait()

    def _repeat(self, duty: Duty, interval_s: float, stop: threading.Event) -> None:
        while not stop.is_set():
            stop.wait(self._do(duty, interval_s))

    def _do(self, duty: Duty, interval_s: float) -> float:
        """Do a duty and return how long to wait for its next turn: what it says, else its interval."""
        try:
            sooner_s = duty()
        except PacsSuiteError as error:
            logger.warning("The watch will try again: %s", error)
        except Exception as error:  # noqa: BLE001 - the edge: one duty must not end the others
            logger.error("The watch met a fault: %s", describe_exception(error))  # noqa: TRY400
        else:
            return interval_s if sooner_s is None else sooner_s
        return min(interval_s, HEARTBEAT_S)

    def _live(self) -> None:
        self._store.heartbeat(self._name, os.getpid(), self._started_at)
        silent = self._store.silent_workers(SILENT_AFTER)
        if silent:
            logger.warning("Taking over the jobs of silent workers: %s.", ", ".join(silent))
            # First the jobs, then the names: taking over twice is harmless, forgetting too early is not.
            DBOS._recover_pending_workflows(silent)  # noqa: SLF001 - DBOS offers no public way to name executors
            self._store.forget_workers(silent, SILENT_AFTER)

    def _look_after_waiting(self) -> float | None:
        began = time.monotonic()
        if not self._reception.look_after_waiting():
            return None
        return max(_CLOSE_WATCH_S, (time.monotonic() - began) / _WATCH_SHARE)

    def _sweep(self) -> None:
        self._reception.sweep(thorough=not self._swept)
        self._swept = True


def _quieten_libraries() -> None:
    """Keep libraries from logging values: pydicom's warnings quote the data set."""
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    durable = logging.getLogger("dbos")
    durable.handlers[:] = logging.getLogger("orthanc_plugins").handlers
    durable.propagate = False
    durable.addFilter(adapt_engine_line)


def _stop_event(*, end_with_stdin: bool) -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())

    def follow_stdin() -> None:
        while sys.stdin.buffer.read(1):
            pass
        stop.set()

    if end_with_stdin:
        threading.Thread(target=follow_stdin, name="parent", daemon=True).start()
    return stop


@contextmanager
def _only_one(settings: Settings, name: str, stop: threading.Event) -> Iterator[None]:
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


if __name__ == "__main__":
    sys.exit(main())
