"""A benchmark asked of the running suite: a worker runs it, routes tell it, both archives forget it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.stack import PATIENCE_S, eventually
from tests.system.test_forwarding import running_pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.conftest import Study
    from tests.system.test_forwarding import Pair

SMALL = {"scale": 0.005, "rounds": 1, "questions": ["upload", "query", "memory"]}
_LONG_S = 4 * PATIENCE_S


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The suite that forwards and synchronises whatever it can."""
    section = {
        "Forwarding": {"Rules": [{"Name": "all", "Destination": "dcm4chee"}]},
        "Synchronisation": {"Direction": "both", "IntervalS": 2},
    }
    with running_pair(tmp_path_factory.mktemp("benchmark"), suite=section) as pair:
        yield pair


def ended(pair: Pair, url: str) -> dict[str, Any]:
    """Return a benchmark once it has ended."""

    def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = pair.stack.get(url).json()
        return shown if shown["status"] not in {"queued", "running"} else None

    return eventually(look, "the benchmark has ended", within_s=_LONG_S)


def counts(pair: Pair) -> list[dict[str, Any]]:
    told = [
        requests.get(f"{url}/statistics", timeout=PATIENCE_S).json()
        for url in (pair.stack.url, pair.archive.orthanc_url)
    ]
    return [{key: one[key] for key in one if key.startswith("Count")} for one in told]


def test_a_benchmark_is_run_and_told_and_nothing_of_it_is_left(pair: Pair) -> None:
    before = counts(pair)
    asked = pair.stack.post("/pacs/api/benchmarks", json=SMALL)
    assert asked.status_code == 202, asked.text
    second = pair.stack.post("/pacs/api/benchmarks", json=SMALL)
    assert second.status_code == 409, second.text
    shown = ended(pair, asked.json()["benchmark_url"])
    assert shown["status"] == "succeeded", shown["failure"]
    assert shown["stand_in"] is True
    for row in shown["results"]["rows"]:
        for name in ("orthanc", "dcm4chee"):
            assert row[name]["ok"] == row[name]["requests"] > 0, row
    assert counts(pair) == before
    report = pair.stack.get(shown["report_url"])
    assert report.ok
    assert "<svg" in report.text
    samples = pair.stack.get(shown["samples_url"])
    assert samples.text.startswith("row,archive,round")


def test_what_it_sent_was_neither_forwarded_nor_synchronised(pair: Pair) -> None:
    transfers = pair.stack.get("/pacs/api/transfers?limit=500")
    transfers.raise_for_status()
    assert transfers.json()["transfers"] == []
    eventually(
        lambda: pair.stack.get("/pacs/api/sync/status").json()["archives"]["orthanc"]["studies"] == 0,
        "the inventory holds nothing of it",
        within_s=_LONG_S,
    )


def test_where_patients_are_it_is_refused(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images)
    refused = pair.stack.post("/pacs/api/benchmarks", json=SMALL)
    assert refused.status_code == 409
    assert "holds studies that no benchmark has made" in refused.json()["detail"]
