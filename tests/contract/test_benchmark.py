"""The benchmark against a real Orthanc and what stands in DCM4CHEE's place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.cleaning import clean_all
from orthanc_plugins.benchmark.dataset import StudyMaker
from orthanc_plugins.benchmark.plan import Question, new_plan
from orthanc_plugins.benchmark.publishing import publish
from orthanc_plugins.benchmark.refusal import refuse_production
from orthanc_plugins.benchmark.run import Run
from orthanc_plugins.benchmark.site import Site
from orthanc_plugins.benchmark.targets import DicomAddress, Target, dcm4chee_target, orthanc_target
from orthanc_plugins.benchmark.upkeep import upkeep_of
from orthanc_plugins.errors import BenchmarkRefused
from tests.stack import eventually
from tests.standin import running_plain_orthanc, running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.standin import PlainOrthanc, StandIn

SCALE = 0.01
WITHOUT_CROWD = tuple(question for question in Question if question is not Question.USERS_50)


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainOrthanc]:
    with running_plain_orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(scope="module")
def targets(orthanc: PlainOrthanc, standin: StandIn) -> Mapping[ArchiveName, Target]:
    dicom = DicomAddress(standin.aet, standin.dicom_host, standin.dicom_port)
    return {
        ArchiveName.ORTHANC: orthanc_target(orthanc.url),
        ArchiveName.DCM4CHEE: dcm4chee_target(standin.url, dicom=dicom),
    }


def held(orthanc: PlainOrthanc, standin: StandIn) -> list[dict[str, Any]]:
    """Return all that both archives hold, the Orthanc inside the stand-in asked itself."""
    keys = ("CountPatients", "CountStudies", "CountSeries", "CountInstances", "TotalDiskSize")
    told = [
        requests.get(f"{url}/statistics", timeout=30).json() for url in (orthanc.url, standin.orthanc_url)
    ]
    counts = {
        level: requests.get(f"{standin.url}/{level}/count", timeout=30).json()["count"]
        for level in ("patients", "studies", "series", "instances")
    }
    return [*({key: one[key] for key in keys} for one in told), counts]


def store_someone(target: Target) -> None:
    """Store a study that no benchmark has made: one of another name."""
    study = StudyMaker("ffffffff", 1).study("X", 0, 1, 16)
    content = [file.content for file in study.files()]
    someone = content[0].replace(study.patient_id.encode(), b"DOE".ljust(len(study.patient_id)))
    site = Site(target, upkeep_of(target), 0.0)
    (file,) = study.files()
    site.put([type(file)(file.sop_instance_uid, file.sop_class_uid, file.transfer_syntax_uid, someone)])


@pytest.fixture(scope="module")
def content(
    orthanc: PlainOrthanc,
    standin: StandIn,
    targets: Mapping[ArchiveName, Target],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """A run of six of the seven questions, after which both archives hold what they held."""
    folder = tmp_path_factory.mktemp("benchmarks")
    before = held(orthanc, standin)
    plan = new_plan(scale=SCALE, rounds=2, seed=1, questions=WITHOUT_CROWD)
    results = Run(plan, targets, folder, lambda _: None).go()
    assert held(orthanc, standin) == before
    publish(results, folder)
    content: dict[str, Any] = json.loads((folder / plan.run_id / "results.json").read_text(encoding="utf-8"))
    return content


def test_every_request_to_both_archives_is_answered_rightly(content: dict[str, Any]) -> None:
    rows = {(row["row"], row["condition"]) for row in content["rows"]}
    assert ("upload_c_store", "warm") in rows
    assert len(rows) == 11
    assert content["not_asked"] == []
    for row in content["rows"]:
        for name in ("orthanc", "dcm4chee"):
            assert row[name]["ok"] == row[name]["requests"] > 0, (row["row"], name, row[name]["faults"])


def test_the_archives_hold_what_they_held(content: dict[str, Any]) -> None:
    for facts in content["archives"].values():
        assert facts["left_behind"] == 0
        assert facts["changed"] == {}
        assert facts["before"] == facts["after"]


def test_the_stand_in_is_named_as_one(content: dict[str, Any]) -> None:
    assert content["archives"]["orthanc"]["stand_in"] is None
    assert "stand-in" in content["archives"]["dcm4chee"]["stand_in"]


def test_memory_is_that_of_each_orthanc_and_the_shims_stands_apart(
    content: dict[str, Any], orthanc: PlainOrthanc, standin: StandIn
) -> None:
    left, right = (content["archives"][name]["memory"] for name in ("orthanc", "dcm4chee"))
    assert left["processes"] == [f"Orthanc (pid {orthanc.program.pid})"]
    assert right["processes"] == [f"Orthanc (pid {standin.orthanc.program.pid})"]
    assert [f"(pid {standin.shim.pid})" in name for name in right["shim"]] == [True]
    assert left["shim"] == []
    for memory in (left, right):
        assert len(memory["rounds"]) == 2
        assert memory["peak_bytes"] >= memory["idle_bytes"] > 10_000_000


def test_disk_is_that_of_the_folder_each_orthanc_keeps_its_files_in(
    content: dict[str, Any], orthanc: PlainOrthanc, standin: StandIn
) -> None:
    folders = (orthanc.folder / "storage", standin.orthanc.folder / "storage")
    for name, folder in zip(("orthanc", "dcm4chee"), folders, strict=True):
        facts = content["archives"][name]
        assert facts["storage"] == str(folder)
        assert "dropped from the system's cache" in facts["cold"]
        assert facts["disk_use"]["allocated_bytes"] >= facts["disk_use"]["all_sent_bytes"]
        assert 0 <= facts["disk_use"]["told_overhead_percent"] < 50


def test_the_client_alone_is_measured_in_every_row(content: dict[str, Any]) -> None:
    for row in content["rows"]:
        assert row["client_alone_ms"] > 0, row["row"]


def test_an_orthanc_with_someones_study_is_refused_and_the_stand_in_is_not(
    orthanc: PlainOrthanc, standin: StandIn, targets: Mapping[ArchiveName, Target], content: dict[str, Any]
) -> None:
    assert content["rows"]
    for target in targets.values():
        store_someone(target)
    with pytest.raises(BenchmarkRefused, match=r"^Orthanc at [^ ]+ holds studies .* \(1 study in all\)"):
        refuse_production(targets.values())
    before = held(orthanc, standin)
    assert clean_all(standin.folder, targets, lambda _: None) == 0
    assert held(orthanc, standin) == before


def _benchmark(
    orthanc: PlainOrthanc, standin: StandIn, folder: Path, *arguments: str
) -> subprocess.Popen[str]:
    both = ["--orthanc", orthanc.url, "--dcm4chee", standin.url, "--out", str(folder)]
    # Ctrl-C counts, also where the tests run in the background.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "orthanc_plugins", "benchmark"]
    command += [*both, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_what_a_killed_run_has_left_goes_with_clean(tmp_path: Path) -> None:
    with (
        running_plain_orthanc(tmp_path / "orthanc") as orthanc,
        running_standin(tmp_path / "dcm4chee") as standin,
    ):
        before = held(orthanc, standin)
        folder = tmp_path / "out"
        with _benchmark(orthanc, standin, folder, "--scale", "0.05", "--questions", "query") as running:
            eventually(lambda: held(orthanc, standin)[2]["studies"] > 5, "both archives have something")
            running.send_signal(signal.SIGKILL)
        assert len(list((folder / "journal").iterdir())) == 1
        assert held(orthanc, standin) != before
        with _benchmark(orthanc, standin, folder, "--clean") as cleaning:
            _, told = cleaning.communicate(timeout=120)
        assert cleaning.returncode == 0, told
        assert held(orthanc, standin) == before
        assert list((folder / "journal").iterdir()) == []


def test_ctrl_c_removes_what_was_sent(
    orthanc: PlainOrthanc, standin: StandIn, tmp_path: Path, content: dict[str, Any]
) -> None:
    assert content["rows"]
    before = held(orthanc, standin)
    arguments = ("--scale", "0.02", "--questions", "query,retrieve", "--rounds", "50", "--i-mean-it")
    with _benchmark(orthanc, standin, tmp_path, *arguments) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "round 1 of" in line:
                break
        time.sleep(0.2)
        os.kill(running.pid, signal.SIGINT)
        _, told = running.communicate(timeout=120)
    assert running.returncode == 130, told
    assert "interrupted" in told
    assert held(orthanc, standin) == before
    assert not list(tmp_path.glob("*/results.json"))
