"""Keeps the embedded worker running for as long as Orthanc runs."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_RAN_WELL_S = 60.0
_GRACE_S = 8.0


class WorkerSupervisor:
    """Starts the worker, starts it again with growing pauses when it ends, stops it with Orthanc.

    The worker's standard input is a pipe that closes with this process, however it ends: a worker
    never outlives its Orthanc.

    Parameters
    ----------
    command
        Program and arguments; an explicit Python, since ``sys.executable`` is Orthanc here.
    folder
        Working directory, so that the package is found.
    environment
        The worker's whole environment.
    log_path
        File the worker's log lines are appended to.
    """

    def __init__(
        self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log_path: Path
    ) -> None:
        self._command = list(command)
        self._folder = folder
        self._environment = dict(environment)
        self._log_path = log_path
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="pacs-worker", daemon=True)

    def start(self) -> None:
        """Start the worker and keep it running."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the worker to end, wait a little, then end it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_GRACE_S + 5)

    def _supervise(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = time.monotonic()
            self._run_once()
            if self._stopping.is_set():
                return
            pause_s = _FIRST_PAUSE_S if time.monotonic() - began > _RAN_WELL_S else pause_s
            logger.warning("Starting the worker again in %.1f s; its log is %s.", pause_s, self._log_path)
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _run_once(self) -> None:
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._log_path.open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 - the administrator's own configuration names the program
                    self._command,
                    cwd=self._folder,
                    env=self._environment,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                )
        except OSError as error:
            logger.error("The worker cannot be started: %s. Check PythonExecutable.", error)  # noqa: TRY400
            return
        logger.info("The worker runs as process %d.", process.pid)
        while process.poll() is None and not self._stopping.is_set():
            self._stopping.wait(0.2)
        self._end(process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            process.stdin.close()
        if process.poll() is None:
            process.terminate()
        try:
            status = process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            logger.warning(
                "The worker did not end within %.0f s and is ended now; its jobs go on later.", _GRACE_S
            )
            process.kill()
            status = process.wait()
        level = logging.INFO if self._stopping.is_set() else logging.WARNING
        logger.log(level, "The worker process %d ended with status %d.", process.pid, status)
