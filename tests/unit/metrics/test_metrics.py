"""Metrics: text that Prometheus reads, without anything that names a patient or a study."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import OrthancId, SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.jobs import JobKind, JobState, extract_structures_request
from orthanc_plugins.metrics import RequestMetrics, render_metrics
from orthanc_plugins.store import AwaitedImages, ResultRecord, StructureSubject

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import Store
    from tests.fakes import FakeOrthancRest, MemoryQueue

type Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(services: Services) -> Samples:
    text = render_metrics(services.store, services.queue, services.orthanc).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def work(queue: MemoryQueue, store: Store) -> None:
    """One job done, one that waits, one that failed."""
    done, waiting, failed = (queue.submit(extract_structures_request(OrthancId(n), "md5")) for n in "abc")
    subject = StructureSubject(
        StudyUid("1.2.77"), SeriesUid("1.2.78"), SopInstanceUid("1.2.79"), OrthancId("a")
    )
    store.publish_result(ResultRecord(subject, done, "1.2.77", 1, 0, datetime.now(UTC)))
    queue.succeed(done)
    awaited = AwaitedImages(
        StudyUid("1.2.77"), None, 0, 0, "They have not come.", blocking=True, since=datetime.now(UTC)
    )
    store.await_images(waiting, awaited)
    queue.wait(waiting)
    queue.fail(failed, "InvalidDicom")


def test_jobs_are_counted_by_kind_and_state(services: Services, queue: MemoryQueue, store: Store) -> None:
    work(queue, store)
    found = samples(services)
    counts = {state: value(found, "pacs_jobs", kind="extract_structures", state=state) for state in JobState}
    assert counts == {"queued": 0, "running": 0, "waiting": 1, "succeeded": 1, "failed": 1, "cancelled": 0}
    assert value(found, "pacs_jobs", kind="remove_results", state="queued") == 0


def test_results_holdings_and_workers_are_measured(
    services: Services, queue: MemoryQueue, store: Store, orthanc: FakeOrthancRest
) -> None:
    work(queue, store)
    orthanc.store("1", "1.1", "1.1.1", content=b"four")
    store.heartbeat("one", 1, datetime.now(UTC))
    found = samples(services)
    assert value(found, "pacs_structure_results") == 1
    assert value(found, "pacs_archive_objects", archive="orthanc", level="instance") == 1
    assert value(found, "pacs_archive_stored_bytes", archive="orthanc") == 4
    heard = value(found, "pacs_worker_last_heard_seconds")
    assert heard is not None
    assert 0 <= heard < 10
    assert {value(found, "pacs_up", part=part) for part in ("jobs", "store", "orthanc")} == {1}


def test_without_a_worker_no_age_is_invented(services: Services) -> None:
    assert value(samples(services), "pacs_worker_last_heard_seconds") is None


def test_a_part_that_does_not_answer_is_told_and_the_others_are_measured(
    services: Services, queue: MemoryQueue, orthanc: FakeOrthancRest
) -> None:
    queue.unavailable = True
    orthanc.failure = ArchiveUnavailable("Not now.", archive="orthanc")
    found = samples(services)
    assert [value(found, "pacs_up", part=part) for part in ("jobs", "store", "orthanc")] == [0, 1, 0]
    assert value(found, "pacs_jobs", kind="extract_structures", state="queued") is None
    assert value(found, "pacs_structure_results") == 0


def test_no_label_holds_an_identifier(services: Services, queue: MemoryQueue, store: Store) -> None:
    work(queue, store)
    labels = {label for _, pairs in samples(services) for label in pairs}
    allowed = {
        "kind": {kind.value for kind in JobKind},
        "state": {state.value for state in JobState},
        "part": {"jobs", "store", "orthanc"},
        "archive": {"orthanc"},
        "level": {"patient", "study", "series", "instance"},
    }
    for name, text in labels - {pair for pair in labels if pair[0] in {"method", "route", "status", "le"}}:
        assert text in allowed[name]
    assert not any("1.2.7" in text for _, text in labels)


# Requests


async def _nothing() -> dict[str, Any]:
    return {}


def ask(application: Any, method: str, template: str | None, path: str = "/pacs/secret/1.2.77") -> None:
    class Route:
        path = template

    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "root_path": "/pacs"}
    if template is not None:
        scope["route"] = Route

    async def send(_message: Any) -> None:
        """Take the answer."""

    asyncio.run(RequestMetrics(application)(scope, _nothing, send))


def test_requests_are_counted_by_route_and_status(services: Services) -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418})

    labels = {"method": "GET", "route": "/counted/{what}", "status": "418"}
    ask(application, "GET", "/counted/{what}")
    ask(application, "GET", "/counted/{what}")
    ask(application, "GET", None)
    found = samples(services)
    assert value(found, "pacs_api_requests_total", **labels) == 2
    assert value(found, "pacs_api_requests_total", **{**labels, "route": "unknown"}) == 1
    assert value(found, "pacs_api_request_duration_seconds_count", method="GET", route="/counted/{what}") == 2


def test_a_request_that_raises_counts_as_500(services: Services) -> None:
    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        ask(application, "POST", "/raising/{what}")
    found = samples(services)
    assert value(found, "pacs_api_requests_total", method="POST", route="/raising/{what}", status="500") == 1


@pytest.mark.parametrize(
    ("template", "path", "route"),
    [
        ("/of/{what}", "/pacs/api/of/1.2.77", "/api/of/{what}"),
        ("/of/{what}", "/pacs/of/1.2.77", "/of/{what}"),
        ("/{what}", "/pacs/api/beside/1.2.77", "/api/beside/{what}"),
        ("/api/whole", "/pacs/api/whole", "/api/whole"),
    ],
)
def test_the_label_is_the_template_as_the_user_sees_it(
    services: Services, template: str, path: str, route: str
) -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299})

    ask(application, "GET", template, path)
    found = samples(services)
    assert value(found, "pacs_api_requests_total", method="GET", route=route, status="299") == 1
