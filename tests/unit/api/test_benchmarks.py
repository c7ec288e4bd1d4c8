"""Benchmarks as the routes ask for them and show them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.quiet import SYNCHRONISATION, holder_of
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import JobKind
from orthanc_plugins.store import BenchmarkOutcome, BenchmarkRequest, BenchmarkState
from tests.unit.api.conftest import Client
from tests.unit.benchmark.doubles import ArchiveDouble, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue

FINDING = {
    "row": "upload_stow",
    "condition": "warm",
    "question": "upload",
    "title": "Upload of 100 images (STOW-RS, warm)",
    "orthanc_ms": 1400.0,
    "dcm4chee_ms": 1736.0,
    "performance_ratio": 1.24,
    "withheld": None,
}
OUTCOME = BenchmarkOutcome("1.12.7", "5.34.1", dcm4chee_stand_in=False, folder="0123abcd", findings=[FINDING])


@pytest.fixture
def orthanc_double() -> Iterator[ArchiveDouble]:
    with running(ArchiveDouble(ArchiveName.ORTHANC)) as double:
        yield double


@pytest.fixture
def dcm4chee_double() -> Iterator[ArchiveDouble]:
    with running(ArchiveDouble(ArchiveName.DCM4CHEE)) as double:
        yield double


@pytest.fixture
def both(services: Services, orthanc_double: ArchiveDouble, dcm4chee_double: ArchiveDouble) -> Services:
    targets = {
        ArchiveName.ORTHANC: orthanc_double.target,
        ArchiveName.DCM4CHEE: dcm4chee_double.target,
    }
    return replace(services, benchmark_targets=targets)


@pytest.fixture
def asking(both: Services) -> Client:
    return Client(create_app(both))


def ask(client: Client, **order: Any) -> dict[str, Any]:
    answer = client.post("api/benchmarks", json=order)
    assert answer.status_code == 202, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


def test_a_benchmark_is_a_job_that_the_store_knows(
    asking: Client, both: Services, queue: MemoryQueue
) -> None:
    asked = ask(asking, scale=0.1, rounds=11, seed=5, questions=["query", "upload"])
    job = queue.job(JobId(asked["job_id"]))
    assert job.kind is JobKind.RUN_BENCHMARK
    assert queue.requests[job.job_id].arguments == (asked["benchmark_id"],)
    known = both.store.benchmarks.find(asked["benchmark_id"])
    assert known is not None
    assert (known.request.scale, known.request.rounds, known.request.seed) == (0.1, 11, 5)
    assert known.request.questions == ("query", "upload")
    assert asking.get(asked["benchmark_url"]).json()["status"] == "queued"
    assert asking.get(asked["job_url"]).json()["kind"] == "run_benchmark"


def test_without_a_body_all_seven_questions_are_asked(asking: Client, both: Services) -> None:
    answer = asking.post("api/benchmarks")
    assert answer.status_code == 202, answer.text
    known = both.store.benchmarks.find(answer.json()["benchmark_id"])
    assert known is not None
    assert known.request.scale == 1
    assert len(known.request.questions) == 7
    assert not known.request.meant


@pytest.mark.parametrize(
    "order",
    [
        {"scale": 0},
        {"scale": 1.1},
        {"rounds": 0},
        {"rounds": 201},
        {"questions": ["speed"]},
        {"seed": -1},
        {"meant": True},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(asking: Client, order: dict[str, Any]) -> None:
    answer = asking.post("api/benchmarks", json=order)
    assert answer.status_code == 422


def test_archives_people_work_with_are_refused_with_what_was_found(
    asking: Client, both: Services, queue: MemoryQueue, dcm4chee_double: ArchiveDouble
) -> None:
    dcm4chee_double.hold("DOE-4711")
    answer = asking.post("api/benchmarks", json={})
    assert answer.status_code == 409
    assert "holds studies that no benchmark has made (1 study in all)" in answer.json()["detail"]
    assert '"i_mean_it": true' in answer.json()["detail"]
    assert "DOE" not in answer.text
    assert both.store.benchmarks.page(10, 0).total == 0
    assert not queue.requests


def test_unless_that_is_said_to_be_meant(
    asking: Client, both: Services, dcm4chee_double: ArchiveDouble
) -> None:
    dcm4chee_double.hold("DOE-4711")
    known = both.store.benchmarks.find(ask(asking, i_mean_it=True)["benchmark_id"])
    assert known is not None
    assert known.request.meant


def test_an_archive_that_does_not_answer_is_told(asking: Client, orthanc_double: ArchiveDouble) -> None:
    orthanc_double.fault = lambda *_: 503
    answer = asking.post("api/benchmarks", json={})
    assert answer.status_code == 503
    assert "HTTP 503" in answer.json()["detail"]


def test_without_a_second_archive_there_is_nothing_to_compare(client: Client) -> None:
    answer = client.post("api/benchmarks", json={})
    assert answer.status_code == 409
    assert "No second archive is set" in answer.json()["detail"]


def test_two_at_a_time_are_refused(asking: Client) -> None:
    first = ask(asking)
    answer = asking.post("api/benchmarks", json={})
    assert answer.status_code == 409
    assert answer.json()["benchmark_url"] == first["benchmark_url"]
    assert "two at a time would measure each other" in answer.json()["detail"]


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_one_whose_job_has_ended_stands_in_nobodys_way(
    asking: Client, both: Services, queue: MemoryQueue, how: str
) -> None:
    first = ask(asking)
    job_id = JobId(first["job_id"])
    if how == "cancelled":
        queue.cancel(job_id)
    else:
        queue.fail(job_id, "Abandoned", "The worker ended again and again.")
    assert asking.get(first["benchmark_url"]).json()["status"] == how
    assert ask(asking)["benchmark_id"] != first["benchmark_id"]
    assert both.store.benchmarks.page(10, 0).total == 2


@pytest.mark.parametrize(("lives", "status"), [(True, "running"), (False, "failed")])
def test_one_on_the_command_line_runs_as_long_as_it_keeps_synchronisation_away(
    asking: Client, both: Services, *, lives: bool, status: str
) -> None:
    request = BenchmarkRequest(
        "0123abcd", JobId("command-line.0123abcd"), 1.0, 12, 1, ("query",), meant=False
    )
    both.store.benchmarks.request(request)
    both.store.benchmarks.begin("0123abcd")
    if lives:
        both.store.leases.acquire(SYNCHRONISATION, holder_of("0123abcd"), timedelta(minutes=1))
    assert asking.get("api/benchmarks/0123abcd").json()["status"] == status
    assert (asking.post("api/benchmarks").status_code == 409) is lives


def finish(services: Services, benchmark_id: str, **changes: Any) -> None:
    """Do what the worker does at the end."""
    folder = services.benchmarks / benchmark_id
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps({"rows": [FINDING], "run_id": benchmark_id}))
    (folder / "report.html").write_text("<html>report</html>")
    (folder / "samples.csv").write_text("row,archive\n")
    outcome = replace(OUTCOME, folder=benchmark_id)
    services.store.benchmarks.end(benchmark_id, BenchmarkState.SUCCEEDED, outcome=outcome, **changes)


def test_one_that_has_ended_is_told_with_all_it_found(asking: Client, both: Services) -> None:
    asked = ask(asking)
    assert asking.get(asked["benchmark_url"]).json()["results"] is None
    finish(both, asked["benchmark_id"])
    shown = asking.get(asked["benchmark_url"]).json()
    assert shown["status"] == "succeeded"
    assert shown["results"]["rows"] == [FINDING]
    assert shown["findings"] == [FINDING]
    assert (shown["orthanc_version"], shown["dcm4chee_version"], shown["stand_in"]) == (
        "1.12.7",
        "5.34.1",
        False,
    )


def test_report_and_samples_are_files_that_run_nothing(asking: Client, both: Services) -> None:
    asked = ask(asking)
    finish(both, asked["benchmark_id"])
    shown = asking.get(asked["benchmark_url"]).json()
    report, samples = asking.get(shown["report_url"]), asking.get(shown["samples_url"])
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in report.headers["content-security-policy"]
    assert "script" not in report.headers["content-security-policy"]
    assert report.text == "<html>report</html>"
    assert samples.headers["content-type"] == "text/csv; charset=utf-8"
    assert samples.text == "row,archive\n"


def test_the_list_tells_the_ratios_of_each(asking: Client, both: Services) -> None:
    first = ask(asking)
    finish(both, first["benchmark_id"])
    second = ask(asking)
    listed = asking.get("api/benchmarks?limit=10").json()
    assert [one["benchmark_id"] for one in listed["benchmarks"]] == [
        second["benchmark_id"],
        first["benchmark_id"],
    ]
    assert listed["total"] == 2
    assert [one["findings"] for one in listed["benchmarks"]] == [[], [FINDING]]
    assert listed["benchmarks"][0]["report_url"] is None


def test_why_one_failed_is_told(asking: Client, both: Services) -> None:
    asked = ask(asking)
    error = ("BenchmarkError", "Orthanc stopped answering.")
    both.store.benchmarks.end(asked["benchmark_id"], BenchmarkState.FAILED, error=error)
    shown = asking.get(asked["benchmark_url"]).json()
    assert shown["failure"] == {"name": "BenchmarkError", "message": "Orthanc stopped answering."}
    assert asking.get(f"{asked['benchmark_url']}/report.html").status_code == 404


@pytest.mark.parametrize("path", ["ffffffff", "ffffffff/report.html"])
def test_an_unknown_one_is_not_found(asking: Client, path: str) -> None:
    answer = asking.get(f"api/benchmarks/{path}")
    assert answer.status_code == 404
    assert "no such benchmark" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["results.json", "..%2Fsecret", "report.html.old"])
def test_no_other_file_is_given(asking: Client, both: Services, name: str) -> None:
    asked = ask(asking)
    finish(both, asked["benchmark_id"])
    assert asking.get(f"{asked['benchmark_url']}/{name}").status_code == 404


def test_a_name_that_is_none_is_refused(asking: Client) -> None:
    assert asking.get("api/benchmarks/NOT-A-NAME").status_code == 422
