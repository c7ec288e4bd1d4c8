"""Orthanc's process with Python in it: it does not lock up, it starts or says why not, it ends cleanly."""

from __future__ import annotations

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.builders import ImageFrame, build_case
from tests.contract.real_orthanc import REPOSITORY, RealOrthanc, running_orthanc
from tests.contract.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import FileDataset

TIMEOUT_S = 30


def written(dataset: FileDataset) -> bytes:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


@pytest.fixture
def files(request: pytest.FixtureRequest) -> list[bytes]:
    """The files of a case of this test's own; the structure set is the last."""
    frame = ImageFrame(size=(24, 16, 16), spacing_mm=(8.0, 8.0), gap_mm=5.0)
    case = build_case(frame=frame, regions=1, seed=sum(request.node.name.encode()))
    return [written(dataset) for dataset in (*case.images, case.structure_set)]


def post(orthanc: RealOrthanc, path: str, body: bytes) -> int:
    return requests.post(f"{orthanc.url}/{path}", data=body, timeout=TIMEOUT_S).status_code


def told(orthanc: RealOrthanc) -> list[list[Any]]:
    found: list[list[Any]] = requests.get(f"{orthanc.url}/tell", timeout=TIMEOUT_S).json()["told"]
    return found


# Deadlocks that Orthanc's Python plugin is known for (each hangs without AllowThreads, or from a callback)


@pytest.mark.parametrize("route", ["store-through-python", "store-through-http"])
def test_a_route_that_stores_instances_does_not_lock_up_with_uploads(
    real_orthanc: RealOrthanc, files: list[bytes], route: str
) -> None:
    asked = [("instances" if number % 2 else route, file) for number, file in enumerate(4 * files)]
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda one: post(real_orthanc, *one), asked))
    assert set(statuses) == {200}


def test_a_route_that_waits_for_a_job_that_stores_instances_does_not_lock_up(
    real_orthanc: RealOrthanc, files: list[bytes]
) -> None:
    stored = requests.post(f"{real_orthanc.url}/instances", data=files[0], timeout=TIMEOUT_S).json()
    assert post(real_orthanc, f"anonymise/{stored['ParentStudy']}", b"") == 200


def test_events_that_lead_to_jobs_that_store_instances_do_not_lock_up_with_uploads(
    real_orthanc: RealOrthanc, files: list[bytes]
) -> None:
    """The callbacks only note what happened; the calls are made by the thread behind them."""
    before = len(told(real_orthanc))
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda file: post(real_orthanc, "instances", file), files))
    assert set(statuses) == {200}
    eventually(
        lambda: {"stored", "appeared"} <= {one[0] for one in told(real_orthanc)[before:]}, "events are told"
    )


# The suite itself


def suite(folder: Path, **section: Any) -> dict[str, Any]:
    """Return the differences of a configuration that loads the suite."""
    return {
        "PythonScript": str(REPOSITORY / "orthanc-config" / "pacs_suite.py"),
        "PacsSuite": {"DataDirectory": str(folder), "PythonExecutable": sys.executable, **section},
    }


@pytest.mark.parametrize(
    ("section", "named"), [({"DataDirectry": "x"}, "DataDirectry"), ({"Workers": "everywhere"}, "Workers")]
)
def test_orthanc_refuses_to_start_with_a_wrong_section_and_names_what_is_wrong(
    tmp_path: Path, section: dict[str, str], named: str
) -> None:
    orthanc = RealOrthanc(tmp_path, **suite(tmp_path, **section))
    assert orthanc.wait_until_it_ends() > 0
    lines = [line for line in orthanc.log().splitlines() if named in line and "PacsSuite" in line]
    assert lines, orthanc.log()[-3000:]
    assert "not valid" in lines[0]


@pytest.fixture(scope="module")
def with_suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealOrthanc]:
    folder = tmp_path_factory.mktemp("suite")
    with running_orthanc(folder, None, **suite(folder, Workers="external")) as orthanc:
        yield orthanc


def test_the_lines_of_the_suite_are_in_orthancs_log(with_suite: RealOrthanc) -> None:
    eventually(lambda: "is ready at /pacs" in with_suite.log(), "the suite is ready")


@pytest.mark.parametrize("content", [b"text", b"PK\x05\x06" + bytes(18), b"PK\x03\x04 no zip"])
def test_what_orthanc_cannot_store_is_rejected_file_by_file(with_suite: RealOrthanc, content: bytes) -> None:
    """Orthanc unpacks zips itself and then answers a list: the suite's route never hands one on."""
    answer = requests.post(f"{with_suite.url}/pacs/api/upload", data=content, timeout=TIMEOUT_S)
    assert [file["outcome"] for file in answer.json()["files"]] == ["rejected"]


def test_an_upload_is_stored_by_the_orthanc_that_answers_it(
    with_suite: RealOrthanc, files: list[bytes]
) -> None:
    outcomes = [
        requests.post(f"{with_suite.url}/pacs/api/upload", data=files[0], timeout=TIMEOUT_S).json()["files"][
            0
        ]
        for _ in range(2)
    ]
    assert [outcome["outcome"] for outcome in outcomes] == ["stored", "already_stored"]
    held = requests.get(f"{with_suite.url}/instances/{outcomes[0]['instance_id']}", timeout=TIMEOUT_S)
    assert held.ok


def test_orthanc_with_the_suite_ends_cleanly(tmp_path: Path) -> None:
    with running_orthanc(tmp_path, None, **suite(tmp_path, Workers="embedded")) as orthanc:
        health = requests.get(f"{orthanc.url}/pacs/api/health", timeout=TIMEOUT_S)
        assert health.status_code in {200, 503}
        assert orthanc.stop() == 0, orthanc.log()[-3000:]
        assert "Traceback" not in orthanc.log()
