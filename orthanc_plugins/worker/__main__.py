"""The worker process: brings the databases up to date, runs the durable workflows, keeps watch.

``python -m orthanc_plugins.worker`` reads the configuration that ``PACS_SUITE_CONFIGURATION`` names.
With ``--embedded`` it ends when its standard input closes, so that it never outlives the Orthanc that
started it.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import signal
import sys
import threading

from orthanc_plugins import __version__
from orthanc_plugins.errors import ConfigurationError, PacsSuiteError
from orthanc_plugins.logs import configure_logging
from orthanc_plugins.reception import Reception
from orthanc_plugins.services import AUTHORISATION_VARIABLE, build_services
from orthanc_plugins.settings import Settings, read_settings
from orthanc_plugins.worker.duties import duties
from orthanc_plugins.worker.starting import (
    end,
    launch,
    make_folders,
    only_one,
    quieten_libraries,
    wait_for_databases,
)
from orthanc_plugins.worker.watch import Watch
from orthanc_plugins.workflows import share_memory_among_threads

logger = logging.getLogger("orthanc_plugins.worker")  # run as a program, the module is called __main__


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
    quieten_libraries()
    status = _guarded_run(settings, _stop_event(end_with_stdin=embedded))
    # Threads that still compute must not keep a worker alive that was told to end: their jobs go on later.
    logging.shutdown()
    os._exit(status)


def _guarded_run(settings: Settings, stop: threading.Event) -> int:
    """Run the worker and return its exit status; what it cannot run with is told in one line."""
    name = settings.worker_name or platform.node()
    try:
        make_folders(settings)
        with only_one(settings, name, stop):
            if wait_for_databases(settings, stop):
                _run(settings, name, stop)
    except PacsSuiteError as error:
        logger.error("The worker ends: %s", error)  # noqa: TRY400 - the text says it all
        return 2 if isinstance(error, ConfigurationError) else 1
    return 0


def _run(settings: Settings, name: str, stop: threading.Event) -> None:
    services = build_services(settings, os.environ.get(AUTHORISATION_VARIABLE))
    pollings = launch(settings, services, name)
    logger.info("Worker %s of Orthanc PACS Suite %s is ready.", name, __version__)
    reception = Reception(
        services.orthanc,
        services.store,
        services.queue,
        process_existing=settings.structures.process_existing,
    )
    interval_s = settings.sweep_interval_s
    Watch(services.store, reception, name, interval_s, duties(services, interval_s)).run(stop)
    logger.info("Worker %s ends.", name)
    end(pollings)
    services.close()


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


if __name__ == "__main__":
    sys.exit(main())
