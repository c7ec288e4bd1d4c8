"""Health, status, statistics and metrics."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

import requests
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from orthanc_plugins import __version__
from orthanc_plugins.api.dependencies import Joined
from orthanc_plugins.errors import PacsSuiteError
from orthanc_plugins.jobs import JobState
from orthanc_plugins.metrics import MEDIA_TYPE, count_jobs, render_metrics
from orthanc_plugins.services import Services

router = APIRouter(tags=["operation"])

WORKER_SILENT_S = 30.0
"""A worker without a sign of life for so long counts as not running."""

_PROBE_TIMEOUT_S = 3.0


class ServiceHealth(BaseModel):
    """How one part answers now."""

    state: Literal["healthy", "unhealthy"]
    latency_ms: float = Field(description="Milliseconds until it answered or failed.")
    stand_in: bool = Field(default=False, description="Whether something else plays its part.")
    version: str | None = None
    detail: str | None = Field(default=None, description="What is wrong, and what to do.")


class Health(BaseModel):
    """How the suite is, as a whole and part by part."""

    status: Literal["healthy", "degraded", "unhealthy"]
    uptime_s: float = Field(description="Seconds since Orthanc loaded the suite.")
    version: str
    services: dict[str, ServiceHealth]


class Status(BaseModel):
    """Every neighbour, probed at the address the suite is configured with."""

    services: dict[str, ServiceHealth]
    addresses: dict[str, str]


class ArchiveStatistics(BaseModel):
    """What an archive holds."""

    patients: int
    studies: int
    series: int
    instances: int
    bytes: int


class Statistics(BaseModel):
    """What the archives hold and how the jobs stand."""

    archives: dict[str, ArchiveStatistics]
    jobs: dict[JobState, int]
    structure_sets_with_results: int


@router.get("/health", summary="Tell the health", responses={503: {"model": Health}})
def health(request: Request, response: Response, services: Joined) -> Health:
    """Tell how the suite is; 503 when it cannot work."""
    parts = _probe({"orthanc": _orthanc(services), "store": _store(services), "jobs": _jobs(services)})
    worker = _probe({"worker": _worker(services)})["worker"]
    essential = all(part.state == "healthy" for part in parts.values())
    status: Literal["healthy", "degraded", "unhealthy"] = "healthy"
    if not essential:
        status = "unhealthy"
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    elif worker.state == "unhealthy":
        status = "degraded"
    uptime_s = round(time.monotonic() - request.app.state.started, 1)
    return Health(status=status, uptime_s=uptime_s, version=__version__, services={**parts, "worker": worker})


@router.get("/status", summary="Probe the neighbours")
def status(services: Joined) -> Status:
    """Probe every neighbour at its configured address."""
    probes = {"orthanc": _orthanc(services), "ohif": _viewer(services)}
    return Status(
        services=_probe(probes), addresses={"orthanc": services.orthanc.url, "ohif": services.viewer_url}
    )


@router.get("/statistics", summary="Count what is held")
def statistics(services: Joined) -> Statistics:
    """Count what the archives hold and how the jobs stand."""
    held = services.orthanc.statistics()
    jobs = dict.fromkeys(JobState, 0)
    for (_, state), count in count_jobs(services.store, services.queue).items():
        jobs[state] += count
    orthanc = ArchiveStatistics(
        patients=held.patients,
        studies=held.studies,
        series=held.series,
        instances=held.instances,
        bytes=held.stored_bytes,
    )
    return Statistics(
        archives={"orthanc": orthanc}, jobs=jobs, structure_sets_with_results=services.store.count_results()
    )


@router.get(
    "/metrics",
    summary="Export metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
def metrics(services: Joined) -> Response:
    """Answer with Prometheus's text format."""
    return Response(render_metrics(services.store, services.queue, services.orthanc), media_type=MEDIA_TYPE)


def _probe(probes: dict[str, Callable[[], str | None]]) -> dict[str, ServiceHealth]:
    """Run all probes at the same time; a probe returns a version or raises."""
    with ThreadPoolExecutor(len(probes)) as pool:
        return dict(zip(probes, pool.map(_measure, probes.values()), strict=True))


def _measure(probe: Callable[[], str | None]) -> ServiceHealth:
    began = time.perf_counter()
    try:
        version, detail = probe(), None
    except PacsSuiteError as error:
        version, detail = None, str(error)
    latency_ms = round(1000 * (time.perf_counter() - began), 1)
    return ServiceHealth(
        state="healthy" if detail is None else "unhealthy",
        latency_ms=latency_ms,
        version=version,
        detail=detail,
    )


def _orthanc(services: Services) -> Callable[[], str]:
    return lambda: str(services.orthanc.system()["Version"])


def _store(services: Services) -> Callable[[], None]:
    return services.store.ping


def _jobs(services: Services) -> Callable[[], None]:
    def probe() -> None:
        services.queue.jobs(limit=1)

    return probe


def _worker(services: Services) -> Callable[[], None]:
    def probe() -> None:
        heartbeats = services.store.workers().values()
        silent_s = min(((datetime.now(UTC) - beat).total_seconds() for beat in heartbeats), default=None)
        if silent_s is None:
            raise PacsSuiteError(
                "No worker has ever started: see Workers in the settings and the worker's log."
            )
        if silent_s > WORKER_SILENT_S:
            raise PacsSuiteError(f"No worker has been heard of for {silent_s:.0f} s: see the worker's log.")

    return probe


def _viewer(services: Services) -> Callable[[], None]:
    def probe() -> None:
        try:
            answer = requests.get(services.viewer_url, timeout=_PROBE_TIMEOUT_S)
        except requests.RequestException as error:
            raise PacsSuiteError(f"OHIF did not answer ({type(error).__name__}): is it running?") from error
        if not answer.ok:
            raise PacsSuiteError(f"OHIF answered HTTP {answer.status_code}.")

    return probe
