"""What Orthanc is asked for when it loads the suite."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.plugin import registration
from orthanc_plugins.services import AUTHORISATION_VARIABLE
from orthanc_plugins.settings import CONFIGURATION_FILE_VARIABLE
from tests.fakes import ChangeType, FakeOrthanc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class RecordingSupervisor:
    """Takes the place of the worker's supervisor."""

    made: list[RecordingSupervisor]

    def __init__(self, command: list[str], **options: Any) -> None:
        self.command = command
        self.options = options
        self.life: list[str] = []
        RecordingSupervisor.made.append(self)

    def start(self) -> None:
        self.life.append("started")

    def stop(self) -> None:
        self.life.append("stopped")


@pytest.fixture
def supervisors(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[RecordingSupervisor]]:
    logger = logging.getLogger("orthanc_plugins")
    before = logger.handlers[:], logger.level, logger.propagate
    RecordingSupervisor.made = []
    monkeypatch.setattr(registration, "WorkerSupervisor", RecordingSupervisor)
    yield RecordingSupervisor.made
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


def registered(data: Path, **section: Any) -> FakeOrthanc:
    orthanc = FakeOrthanc({"PacsSuite": {"DataDirectory": str(data), **section}, "DicomAet": "SECRETAET"})
    registration.register(orthanc, {"PATH": "/bin"})
    return orthanc


def test_an_embedded_worker_lives_and_ends_with_orthanc(
    supervisors: list[RecordingSupervisor], tmp_path: Path
) -> None:
    orthanc = registered(tmp_path, PythonExecutable=sys.executable)
    orthanc.change(ChangeType.ORTHANC_STARTED)
    orthanc.change(ChangeType.ORTHANC_STOPPED)
    (supervisor,) = supervisors
    assert supervisor.life == ["started", "stopped"]
    assert supervisor.command == [sys.executable, "-m", "orthanc_plugins.worker", "--embedded"]


def test_the_worker_reads_what_the_suite_is_set_to_from_a_file_of_its_owner(
    supervisors: list[RecordingSupervisor], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "worker.json").write_text("{}", encoding="utf-8")
    (folder / "worker.json").chmod(0o644)
    orthanc = registered(tmp_path, LogLevel="DEBUG")
    environment = supervisors[0].options["environment"]
    path = folder / "worker.json"
    assert environment[CONFIGURATION_FILE_VARIABLE] == str(path)
    assert environment[AUTHORISATION_VARIABLE] == "Bearer of-the-fake"
    assert environment["PATH"] == "/bin"
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "PacsSuite": {"DataDirectory": str(tmp_path), "LogLevel": "DEBUG"},
        "DicomAet": "SECRETAET",
    }
    assert path.stat().st_mode & 0o077 == 0
    orthanc.change(ChangeType.ORTHANC_STOPPED)


def test_the_token_is_in_no_file_and_no_log_line(
    supervisors: list[RecordingSupervisor], tmp_path: Path
) -> None:
    orthanc = registered(tmp_path)
    orthanc.change(ChangeType.ORTHANC_STARTED)
    orthanc.change(ChangeType.ORTHANC_STOPPED)
    written = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any("of-the-fake" in text for text in [*written, *(text for _, text in orthanc.logged)])


def test_external_workers_are_someone_elses(supervisors: list[RecordingSupervisor], tmp_path: Path) -> None:
    orthanc = registered(tmp_path, Workers="external")
    orthanc.change(ChangeType.ORTHANC_STARTED)
    orthanc.change(ChangeType.ORTHANC_STOPPED)
    assert supervisors == []
    assert not (tmp_path / "run" / "worker.json").exists()


def test_the_routes_stand_below_the_mount(supervisors: list[RecordingSupervisor], tmp_path: Path) -> None:
    orthanc = registered(tmp_path, Workers="external")
    answer = orthanc.call("GET", "/pacs/openapi.json")
    assert answer.status == 200
    assert json.loads(answer.body)["servers"] == [{"url": "/pacs"}]
    assert orthanc.call("GET", "/pacsx").status == 404
    orthanc.change(ChangeType.ORTHANC_STOPPED)


def test_the_explorer_offers_what_can_be_done_here(
    supervisors: list[RecordingSupervisor], tmp_path: Path
) -> None:
    project = {"Name": "trial", "Destination": {"Kind": "folder", "Folder": "/srv/out"}}
    alone = registered(tmp_path, Workers="external")
    both = registered(tmp_path, Workers="external", Dcm4chee={"Url": "http://archive.invalid/rs"})
    offering = registered(tmp_path, Workers="external", Deidentification={"Projects": [project]})
    for orthanc, names in (
        (alone, set()),
        (both, {"compare", "send", "view-dcm4chee"}),
        (offering, {"deidentify"}),
    ):
        listed = json.loads(re.search(r"const ACTIONS = (\[.*\]);", orthanc.explorer)[1])  # type: ignore[index]
        met = {one["id"].removeprefix("pacs-suite-study-") for one in listed if one["level"] == "study"}
        assert met & {"compare", "send", "view-dcm4chee", "deidentify"} == names
        assert {"show", "structures", "view-orthanc", "jobs"} <= met
        orthanc.change(ChangeType.ORTHANC_STOPPED)


def test_orthanc_that_stops_before_it_has_started_is_not_hindered(
    supervisors: list[RecordingSupervisor], tmp_path: Path
) -> None:
    orthanc = registered(tmp_path, Workers="external")
    orthanc.change(ChangeType.ORTHANC_STOPPED)
    assert [text for severity, text in orthanc.logged if severity == "error"] == []


def test_a_misspelt_section_is_refused_before_anything_is_registered(
    supervisors: list[RecordingSupervisor], tmp_path: Path
) -> None:
    orthanc = FakeOrthanc({"PacsSuite": {"DataDirectry": str(tmp_path)}})
    with pytest.raises(ConfigurationError, match="DataDirectry"):
        registration.register(orthanc, {})
    assert orthanc.call("GET", "/pacs/openapi.json").status == 404
