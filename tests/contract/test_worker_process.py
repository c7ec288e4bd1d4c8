"""How a worker's process begins and ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.settings import CONFIGURATION_FILE_VARIABLE
from tests.contract.waiting import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.postgresql import Postgres


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


PASSWORD = "kept-secret"


@pytest.mark.parametrize(
    "address",
    [f"not an address {PASSWORD}", f"mysql://pacs:{PASSWORD}@db/x", f"postgresql://a:{PASSWORD}@b:c/d"],
)
def test_an_address_that_is_none_ends_the_worker_with_one_line(
    start: Callable[..., subprocess.Popen[str]], address: str
) -> None:
    process = start({"DatabaseUrl": address})
    assert process.stderr is not None
    (line,) = process.stderr.read().splitlines()
    assert process.wait(20) == 2
    assert "DatabaseUrl cannot be used" in json.loads(line)["message"]
    assert PASSWORD not in line


def test_a_database_that_is_away_is_waited_for(start: Callable[..., subprocess.Popen[str]]) -> None:
    port = free_port()
    process = start({"DatabaseUrl": f"postgresql://pacs:{PASSWORD}@127.0.0.1:{port}/pacs"}, "--embedded")
    assert process.stderr is not None
    first, second = (process.stderr.readline() for _ in range(2))
    for line in (first, second):
        told = json.loads(line)
        assert told["level"] == "ERROR"
        assert f"127.0.0.1:{port}/pacs" in told["message"]
        assert "DatabaseUrl" in told["message"]
        assert "Trying again" in told["message"]
        assert PASSWORD not in line
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == ""


def test_a_worker_begins_once_its_database_is_there(
    start: Callable[..., subprocess.Popen[str]], postgres: Postgres
) -> None:
    later = f"later_{uuid.uuid4().hex}"
    process = start({"DatabaseUrl": postgres.url(later)})
    until(process, "Trying again")
    postgres.new_database(later)
    until(process, "is ready")


def test_a_data_directory_that_cannot_be_written_ends_the_worker_with_one_line(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    process = start({"DataDirectory": str(tmp_path / "file")})
    assert process.stderr is not None
    (line,) = process.stderr.read().splitlines()
    assert process.wait(20) == 2
    assert "DataDirectory" in json.loads(line)["message"]


def test_two_workers_of_one_name_do_not_work_at_the_same_time(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    first = start()
    until(first, "is ready")
    second = start()
    first.terminate()
    assert first.wait(20) == 0
    until(second, "is ready")
