"""Numbers about jobs, workers and results, read from the store at the moment of asking."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, override

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from orthanc_plugins.errors import PacsSuiteError
from orthanc_plugins.jobs import JobKind, JobQueue, JobState
from orthanc_plugins.metrics.requests import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives import OrthancRest
    from orthanc_plugins.store import Store

MEDIA_TYPE = CONTENT_TYPE_LATEST
"""Media type of the text format."""


def render_metrics(store: Store, queue: JobQueue, orthanc: OrthancRest) -> bytes:
    """Return all metrics in Prometheus's text format.

    A part that does not answer is told by ``pacs_up`` 0 and leaves its own numbers out, rather than
    failing the whole answer.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(store, queue, orthanc))
    return generate_latest(registry) + generate_latest(REGISTRY)


def count_jobs(store: Store, queue: JobQueue) -> dict[tuple[JobKind, JobState], int]:
    """Return how many jobs of each kind are in each state; one that waits does not count as succeeded."""
    counts = Counter(queue.counts())
    awaiting = list(store.awaited(blocking=True))
    for job in queue.jobs(job_ids=awaiting, states=[JobState.WAITING], limit=len(awaiting)):
        counts[job.kind, JobState.SUCCEEDED] -= 1
        counts[job.kind, JobState.WAITING] += 1
    return counts


class _Collector(Collector):
    def __init__(self, store: Store, queue: JobQueue, orthanc: OrthancRest) -> None:
        self._store = store
        self._queue = queue
        self._orthanc = orthanc

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("pacs_up", "Whether a part answers.", labels=["part"])
        for part, measure in {"jobs": self._jobs, "store": self._remembered, "orthanc": self._held}.items():
            try:
                families = measure()
            except PacsSuiteError:
                up.add_metric([part], 0)
                continue
            up.add_metric([part], 1)
            yield from families
        yield up

    def _jobs(self) -> list[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("pacs_jobs", "Jobs by kind and state.", labels=["kind", "state"])
        counts = count_jobs(self._store, self._queue)
        for known in JobKind:
            for state in JobState:
                jobs.add_metric([known.value, state.value], counts.get((known, state), 0))
        return [jobs]

    def _remembered(self) -> list[GaugeMetricFamily]:
        results = GaugeMetricFamily("pacs_structure_results", "Structure sets that have results.")
        results.add_metric([], self._store.count_results())
        heard = GaugeMetricFamily(
            "pacs_worker_last_heard_seconds", "Seconds since any worker was last heard of."
        )
        beats = self._store.workers().values()
        if beats:
            heard.add_metric([], (datetime.now(UTC) - max(beats)).total_seconds())
        return [results, heard]

    def _held(self) -> list[GaugeMetricFamily]:
        held = self._orthanc.statistics()
        objects = GaugeMetricFamily(
            "pacs_archive_objects", "What an archive holds.", labels=["archive", "level"]
        )
        for level, count in (
            ("patient", held.patients),
            ("study", held.studies),
            ("series", held.series),
            ("instance", held.instances),
        ):
            objects.add_metric(["orthanc", level], count)
        stored = GaugeMetricFamily(
            "pacs_archive_stored_bytes", "Bytes an archive stores.", labels=["archive"]
        )
        stored.add_metric(["orthanc"], held.stored_bytes)
        return [objects, stored]
