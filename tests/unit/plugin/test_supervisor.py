"""The worker's supervisor, with programs of a few lines for a worker."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.plugin import supervisor as supervision
from orthanc_plugins.plugin.supervisor import WorkerSupervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    type Supervise = Callable[[str], WorkerSupervisor]

NOTE_A_START = "import os, sys; fifo = open('starts', 'w'); fifo.write(f'{os.getpid()}\\n'); fifo.close()\n"
OBEDIENT = NOTE_A_START + "sys.stdin.read()\n"
SHORT_LIVED = NOTE_A_START + "sys.exit(7)\n"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    + NOTE_A_START
    + "import time\ntime.sleep(60)\n"
)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(supervision, "_LONGEST_PAUSE_S", 0.04)
    monkeypatch.setattr(supervision, "_GRACE_S", 0.2)


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    """Supervise a program; it writes its process identifier to the pipe ``starts``."""
    os.mkfifo(tmp_path / "starts")
    made: list[WorkerSupervisor] = []

    def make(program: str) -> WorkerSupervisor:
        made.append(
            WorkerSupervisor(
                [sys.executable, "-I", "-S", "-c", program],
                folder=tmp_path,
                environment={"PATH": os.environ["PATH"], "GREETING": "from the supervisor"},
                log_path=tmp_path / "logs" / "worker.log",
            )
        )
        made[-1].start()
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.stop()


def next_start(folder: Path) -> int:
    """Wait until a worker has started and return its process."""
    while True:  # a reader that meets the end of the start before reads nothing
        with (folder / "starts").open(encoding="ascii") as fifo:
            if line := fifo.readline():
                return int(line)


def is_running(process: int) -> bool:
    return os.path.exists(f"/proc/{process}")  # noqa: PTH110 - a kernel interface, no file


def test_a_worker_is_started_and_stopped(supervise: Supervise, tmp_path: Path) -> None:
    supervisor = supervise(OBEDIENT)
    process = next_start(tmp_path)
    assert is_running(process)
    supervisor.stop()
    assert not is_running(process)


def test_a_worker_that_ends_is_started_again(
    supervise: Supervise, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "orthanc_plugins.plugin.supervisor"):
        supervise(SHORT_LIVED)
        starts = {next_start(tmp_path) for _ in range(3)}
    assert len(starts) == 3
    assert "ended with status 7" in caplog.text
    assert "logs/worker.log" in caplog.text


def test_pauses_grow_to_a_limit_and_begin_anew_after_a_good_run(
    supervise: Supervise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "orthanc_plugins.plugin.supervisor"):
        supervise(SHORT_LIVED)
        for _ in range(5):
            next_start(tmp_path)
        monkeypatch.setattr(supervision, "_RAN_WELL_S", 0.0)
        for _ in range(3):
            next_start(tmp_path)
    again = [record.args for record in caplog.records if "again" in record.msg]
    pauses = [arguments[0] for arguments in again if isinstance(arguments, tuple)]
    assert pauses[:4] == [0.01, 0.02, 0.04, 0.04]
    assert pauses[-1] == 0.01


def test_a_worker_that_will_not_end_is_ended(supervise: Supervise, tmp_path: Path) -> None:
    supervisor = supervise(STUBBORN)
    process = next_start(tmp_path)
    supervisor.stop()
    assert not is_running(process)


def test_a_program_that_cannot_be_started_is_logged_with_what_to_check(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "PythonExecutable" in record.getMessage():
                said.set()

    logger = logging.getLogger("orthanc_plugins.plugin.supervisor")
    listener = Listener()
    logger.addHandler(listener)
    supervisor = WorkerSupervisor(
        [str(tmp_path / "absent")], folder=tmp_path, environment={}, log_path=tmp_path / "worker.log"
    )
    supervisor.start()
    assert said.wait(10)
    supervisor.stop()
    logger.removeHandler(listener)


def test_stopping_what_never_started_is_harmless(tmp_path: Path) -> None:
    WorkerSupervisor(["true"], folder=tmp_path, environment={}, log_path=tmp_path / "worker.log").stop()


def test_stopping_between_two_starts_does_not_wait_for_the_pause(
    supervise: Supervise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_S", 600.0)
    monkeypatch.setattr(supervision, "_LONGEST_PAUSE_S", 600.0)
    supervisor = supervise(SHORT_LIVED)
    next_start(tmp_path)
    supervisor.stop()
    assert not supervisor._thread.is_alive()


def test_the_worker_has_the_environment_it_was_given_and_its_words_are_in_the_log(
    supervise: Supervise, tmp_path: Path
) -> None:
    speaking = "import os, sys; print(os.environ['GREETING'], flush=True); sys.stderr.write('to both\\n')\n"
    supervisor = supervise(speaking + OBEDIENT)
    next_start(tmp_path)
    supervisor.stop()
    log = (tmp_path / "logs" / "worker.log").read_text(encoding="utf-8")
    assert "from the supervisor" in log
    assert "to both" in log


def test_a_worker_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "starts")
    parent_program = f"""
import sys, threading
from pathlib import Path
from orthanc_plugins.plugin.supervisor import WorkerSupervisor
WorkerSupervisor(
    [sys.executable, "-I", "-S", "-c", {OBEDIENT!r}],
    folder=Path({str(tmp_path)!r}), environment={{}}, log_path=Path({str(tmp_path / "worker.log")!r}),
).start()
threading.Event().wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", parent_program])
    worker = next_start(tmp_path)
    parent.kill()
    parent.wait(10)
    try:
        pidfd = os.pidfd_open(worker)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([pidfd], [], [], 10)
        assert ready, "the worker still runs"
    finally:
        os.close(pidfd)
