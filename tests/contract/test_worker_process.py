"""How a worker's process begins and ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.settings import CONFIGURATION_FILE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a worker's process that has nothing to do: Orthanc is not there."""
    started: list[subprocess.Popen[str]] = []

    def make(section: dict[str, Any] | None = None, *arguments: str) -> subprocess.Popen[str]:
        configuration = tmp_path / "orthanc.json"
        given = {
            "DataDirectory": str(tmp_path),
            "WorkerName": "one",
            "Orthanc": {"Url": "http://127.0.0.1:9"},
        }
        configuration.write_text(json.dumps({"PacsSuite": {**given, **(section or {})}}), encoding="utf-8")
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "orthanc_plugins.worker", *arguments],
                env={**os.environ, CONFIGURATION_FILE_VARIABLE: str(configuration)},
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stderr):
            if pipe is not None:
                pipe.close()


def until(process: subprocess.Popen[str], wanted: str) -> list[str]:
    """Read what a worker says up to a line; return the loggers that spoke, each line of which is JSON."""
    assert process.stderr is not None
    loggers = []
    for text in process.stderr:
        line = json.loads(text)
        loggers.append(line["logger"])
        if wanted in line["message"]:
            return loggers
    raise AssertionError(f"The worker ended with status {process.wait()}.")


@pytest.mark.parametrize("ending", ["terminated", "stdin closed"])
def test_a_worker_speaks_json_and_ends_cleanly_when_it_is_told_to(
    start: Callable[..., subprocess.Popen[str]], ending: str
) -> None:
    process = start(None, "--embedded")
    until(process, "is ready") + until(process, "will try again")
    if ending == "terminated":
        process.terminate()
    else:
        assert process.stdin is not None
        process.stdin.close()
    assert process.wait(20) == 0


def test_a_misspelt_setting_ends_the_worker_with_its_name(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    process = start({"LogLevl": "INFO"})
    assert process.stderr is not None
    said = process.stderr.read()
    assert process.wait(20) == 2
    assert "LogLevl" in said
    assert "Traceback" not in said


def test_two_workers_of_one_name_do_not_work_at_the_same_time(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    first = start()
    until(first, "is ready")
    second = start()
    first.terminate()
    assert first.wait(20) == 0
    until(second, "is ready")
