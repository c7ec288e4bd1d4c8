"""Health, status, statistics and metrics."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

import requests
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from orthanc_plugins import __version__
from orthanc_plugins.api.deadline import Question
from orthanc_plugins.api.dependencies import Joined
from orthanc_plugins.archives.base import Archive, ArchiveName
from orthanc_plugins.archives.sessions import HttpOptions
from orthanc_plugins.archives.xnat_state import xnat_state
from orthanc_plugins.errors import ArchiveError, AuditError, PacsSuiteError
from orthanc_plugins.jobs import JobState
from orthanc_plugins.metrics import MEDIA_TYPE, count_jobs, render_metrics
from orthanc_plugins.projects import Custodian
from orthanc_plugins.services import Services
from orthanc_plugins.sync.strategies import archive_title

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
    warnings: list[str] = Field(description="What a person should look at, although every part answers.")


class Status(BaseModel):
    """Every neighbour, probed at the address the suite is configured with."""

    services: dict[str, ServiceHealth]
    addresses: dict[str, str]


class ArchiveStatistics(BaseModel):
    """What an archive holds; null where it does not tell, or does not answer: ``detail`` says why."""

    patients: int | None
    studies: int | None
    series: int | None
    instances: int | None
    bytes: int | None
    detail: str | None = None


class Statistics(BaseModel):
    """What the archives hold and how the jobs stand."""

    archives: dict[str, ArchiveStatistics]
    jobs: dict[JobState, int]
    structure_sets_with_results: int


@router.get("/health", summary="Tell the health", responses={503: {"model": Health}})
def health(request: Request, response: Response, services: Joined) -> Health:
    """Tell how the suite is; 503 when it cannot work."""
    essential = {"orthanc": _orthanc(services), "store": _store(services), "jobs": _jobs(services)}
    parts = _probe({**essential, "worker": _worker(services), **_neighbours(services)})
    wrong = {name for name, part in parts.items() if part.state == "unhealthy"}
    warnings = [] if "store" in wrong else [one.text for one in services.store.inventory.holds().values()]
    warnings += _unusable_projects(services)
    warnings += _faults_of_trail(services.deidentification.custodian)
    status: Literal["healthy", "degraded", "unhealthy"] = "degraded" if wrong or warnings else "healthy"
    if wrong & essential.keys():
        status = "unhealthy"
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    uptime_s = round(time.monotonic() - request.app.state.started, 1)
    return Health(status=status, uptime_s=uptime_s, version=__version__, services=parts, warnings=warnings)


def _faults_of_trail(custodian: Custodian) -> list[str]:
    """Return why nothing can be recorded, else what the worker that reads all of the trail found wrong."""
    if custodian.trail_folder is None or not custodian.projects():
        return []
    try:
        custodian.trail()
    except AuditError as error:
        return [f"Nothing is released: {error}"]
    found = custodian.trail_place().warning()
    return [] if found is None else [found]


def _unusable_projects(services: Services) -> list[str]:
    """Return which projects of de-identification cannot be used, and why."""
    chosen = services.deidentification
    faults = {name: chosen.fault_of(project) for name, project in chosen.projects.items()}
    return [f"De-identification for {name}: {fault}" for name, fault in faults.items() if fault is not None]


@router.get("/status", summary="Probe the neighbours")
def status(services: Joined) -> Status:
    """Probe every neighbour at its configured address."""
    probes = {"orthanc": _orthanc(services), "ohif": _viewer(services), **_neighbours(services)}
    addresses = {"orthanc": services.orthanc.url, "ohif": services.viewer_url}
    archive = services.archives.get(ArchiveName.DCM4CHEE)
    if archive is not None:
        addresses["dcm4chee"] = archive.url
    if services.deidentification.xnat is not None:
        addresses["xnat"] = services.deidentification.xnat.url
    return Status(services=_probe(probes), addresses=addresses)


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
    archives = {"orthanc": orthanc}
    if ArchiveName.DCM4CHEE in services.archives:
        archives["dcm4chee"] = _counted(services.archives[ArchiveName.DCM4CHEE])
    return Statistics(
        archives=archives, jobs=jobs, structure_sets_with_results=services.store.count_results()
    )


def _counted(archive: Archive) -> ArchiveStatistics:
    """Return what an archive says it holds."""
    try:
        held = Question(archive, archive.counts).answer()
    except ArchiveError as error:
        unknown = dict.fromkeys(("patients", "studies", "series", "instances", "bytes"))
        return ArchiveStatistics(**unknown, detail=str(error))
    untold = f"{archive_title(archive.name)} does not tell how many bytes it keeps: look at its storage."
    return ArchiveStatistics(
        patients=held.patients,
        studies=held.studies,
        series=held.series,
        instances=held.instances,
        bytes=held.stored_bytes,
        detail=untold if held.stored_bytes is None else None,
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


@dataclass(frozen=True)
class _Answer:
    """What a part says of itself; ``stand_in`` where something else plays its part."""

    version: str | None = None
    stand_in: bool = False


type Probe = Callable[[], _Answer]


def _probe(probes: dict[str, Probe]) -> dict[str, ServiceHealth]:
    """Run all probes at the same time; each answers or raises."""
    with ThreadPoolExecutor(len(probes)) as pool:
        return dict(zip(probes, pool.map(_measure, probes.values()), strict=True))


def _measure(probe: Probe) -> ServiceHealth:
    began = time.perf_counter()
    try:
        answer, detail = probe(), None
    except PacsSuiteError as error:
        answer, detail = _Answer(), str(error)
    latency_ms = round(1000 * (time.perf_counter() - began), 1)
    return ServiceHealth(
        state="healthy" if detail is None else "unhealthy",
        latency_ms=latency_ms,
        stand_in=answer.stand_in,
        version=answer.version,
        detail=detail,
    )


def _orthanc(services: Services) -> Probe:
    return lambda: _Answer(str(services.orthanc.system()["Version"]))


def _neighbours(services: Services) -> dict[str, Probe]:
    """Return the probes of the archives beside Orthanc, of those that there are."""
    return {**_dcm4chee(services), **_xnat(services)}


def _dcm4chee(services: Services) -> dict[str, Probe]:
    """Return the probe of the second archive, where there is one; it is waited for a short time only."""
    archive = services.archives.get(ArchiveName.DCM4CHEE)
    if archive is None:
        return {}

    def probe() -> _Answer:
        state = Question(archive, archive.probe, _PROBE_TIMEOUT_S).answer()
        return _Answer(state.version or None, state.stand_in is not None)

    return {"dcm4chee": probe}


def _xnat(services: Services) -> dict[str, Probe]:
    """Return the probe of XNAT, where there is one; it is waited for a short time only."""
    access = services.deidentification.xnat
    if access is None:
        return {}
    options = HttpOptions(ca_file=access.ca_file, timeout_s=_PROBE_TIMEOUT_S)

    def probe() -> _Answer:
        state = xnat_state(access.url, options)
        return _Answer(state.version, state.stand_in is not None)

    return {"xnat": probe}


def _store(services: Services) -> Probe:
    def probe() -> _Answer:
        services.store.ping()
        return _Answer()

    return probe


def _jobs(services: Services) -> Probe:
    def probe() -> _Answer:
        services.queue.jobs(limit=1)
        return _Answer()

    return probe


def _worker(services: Services) -> Probe:
    def probe() -> _Answer:
        heartbeats = services.store.workers().values()
        silent_s = min(((datetime.now(UTC) - beat).total_seconds() for beat in heartbeats), default=None)
        if silent_s is None:
            raise PacsSuiteError(
                "No worker has ever started: see Workers in the settings and the worker's log."
            )
        if silent_s > WORKER_SILENT_S:
            raise PacsSuiteError(f"No worker has been heard of for {silent_s:.0f} s: see the worker's log.")
        return _Answer()

    return probe


def _viewer(services: Services) -> Probe:
    def probe() -> _Answer:
        try:
            with requests.Session() as session:
                session.trust_env = False  # as with the archives, no proxy is meant
                answer = session.get(services.viewer_url, timeout=_PROBE_TIMEOUT_S)
        except requests.RequestException as error:
            raise PacsSuiteError(f"OHIF did not answer ({type(error).__name__}): is it running?") from error
        if not answer.ok:
            raise PacsSuiteError(f"OHIF answered HTTP {answer.status_code}.")
        return _Answer()

    return probe
