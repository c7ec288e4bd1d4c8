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


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if "is ready" in json.loads(line)["message"]:
            return
    raise AssertionError(f"The worker ended with status {process.wait()}.")


@pytest.mark.parametrize("ending", ["terminated", "stdin closed"])
def test_a_worker_ends_cleanly_when_it_is_told_to(
    start: Callable[..., subprocess.Popen[str]], ending: str
) -> None:
    process = start(None, "--embedded")
    ready(process)
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
    first, second = start(), start()
    ready(first)
    first.terminate()
    assert first.wait(20) == 0
    ready(second)


def test_every_line_a_worker_says_is_json(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start()
    assert process.stderr is not None
    said: list[str] = []
    while not any("will try again" in line for line in said):
        said.append(process.stderr.readline())
    process.terminate()
    said += process.stderr.readlines()
    assert {json.loads(line)["logger"] for line in said} >= {"orthanc_plugins.worker"}
