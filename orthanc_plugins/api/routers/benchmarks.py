"""Benchmarks of both archives: asked for here, run by a worker, told with all they found."""

from datetime import datetime
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.dependencies import Joined, PageParameters
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.routers.jobs import Failure
from orthanc_plugins.api.routers.study_comparison import NO_SECOND
from orthanc_plugins.benchmark.plan import LEAST_SCALE, MOST_ROUNDS, ROUNDS, Question, new_plan
from orthanc_plugins.benchmark.quiet import SYNCHRONISATION, holder_of
from orthanc_plugins.benchmark.refusal import refuse_production
from orthanc_plugins.errors import JobNotFound
from orthanc_plugins.jobs import JobState, run_benchmark_request
from orthanc_plugins.services import Services
from orthanc_plugins.store import BenchmarkRecord, BenchmarkRequest, BenchmarkState

router = APIRouter(prefix="/benchmarks", tags=["both archives"])

RESULTS = "results.json"
FILES = {"report.html": "text/html; charset=utf-8", "samples.csv": "text/csv; charset=utf-8"}
"""Files of a benchmark, and their media types."""

_NO_SCRIPT = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"
_ENDED = {
    JobState.SUCCEEDED: BenchmarkState.SUCCEEDED,
    JobState.FAILED: BenchmarkState.FAILED,
    JobState.CANCELLED: BenchmarkState.CANCELLED,
}

BenchmarkIdPath = Annotated[
    str, Path(pattern=r"^[0-9a-f]{8}$", description="Identifier of a benchmark: eight hex digits.")
]


class BenchmarkOrder(BaseModel):
    """What to measure."""

    model_config = ConfigDict(extra="forbid")

    scale: float = Field(
        default=1.0,
        ge=LEAST_SCALE,
        le=1.0,
        description="1: 100 images, 1,000 patients, 500 MB; less for less data.",
    )
    rounds: int = Field(default=ROUNDS, ge=1, le=MOST_ROUNDS, description="Rounds that count.")
    seed: int | None = Field(
        default=None, ge=0, lt=2**31, description="What data and order follow from; by lot when null."
    )
    questions: list[Question] = Field(default_factory=list, description="All seven when empty.")
    i_mean_it: bool = Field(
        default=False, description="Also where an archive holds studies that no benchmark has made."
    )


class BenchmarkAsked(BaseModel):
    """A benchmark that was asked for."""

    status: BenchmarkState
    benchmark_id: str
    benchmark_url: str
    job_id: str
    job_url: str


class Finding(BaseModel):
    """What one row found, in short."""

    row: str
    condition: str = Field(description="`cold`, `warm`, or `session` for several users.")
    question: Question
    title: str
    orthanc_ms: float | None = Field(description="Orthanc's median.")
    dcm4chee_ms: float | None = Field(description="DCM4CHEE's median.")
    performance_ratio: float | None = Field(
        description="DCM4CHEE's median over Orthanc's; null where it is withheld."
    )
    withheld: str | None = Field(description="Why it is.")


class Benchmark(BaseModel):
    """How a benchmark stands, and what it found in short."""

    benchmark_id: str
    benchmark_url: str
    status: BenchmarkState
    progress: str = Field(description="What it is at, while it runs.")
    scale: float
    rounds: int
    seed: int
    questions: list[str]
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    orthanc_version: str | None
    dcm4chee_version: str | None
    stand_in: bool | None = Field(description="Whether a stand-in played DCM4CHEE's part.")
    findings: list[Finding]
    failure: Failure | None
    job_id: str
    job_url: str
    report_url: str | None
    samples_url: str | None


class BenchmarkInFull(Benchmark):
    """A benchmark with all it found but the samples."""

    results: dict[str, Any] | None = Field(
        description="Every row with percentiles, intervals and tests; hardware; memory; disk; null before "
        "it has ended."
    )


class BenchmarkPage(BaseModel):
    """A page of benchmarks, newest first."""

    benchmarks: list[Benchmark]
    total: int
    limit: int
    offset: int


@router.post(
    "",
    summary="Benchmark both archives",
    status_code=HTTPStatus.ACCEPTED,
    responses={
        409: problem_documented("An archive is one that people work with, or another benchmark is at work.")
    },
)
def ask_for_benchmark(
    services: Joined, links: Linked, wanted: BenchmarkOrder | None = None
) -> BenchmarkAsked:
    """Ask both archives the same, round by round, with data made for it and removed again.

    Not against an archive that holds studies of patients, unless that is said to be meant.
    """
    order = wanted or BenchmarkOrder()
    targets = services.benchmark_targets
    if not targets:
        raise Problem(HTTPStatus.CONFLICT, NO_SECOND)
    _refuse_second(services, links)
    if not order.i_mean_it:
        refuse_production(targets.values())
    plan = new_plan(scale=order.scale, rounds=order.rounds, seed=order.seed, questions=tuple(order.questions))
    request = run_benchmark_request(plan.run_id)
    asked = BenchmarkRequest(
        benchmark_id=plan.run_id,
        job_id=request.job_id,
        scale=plan.scale,
        rounds=plan.rounds,
        seed=plan.seed,
        questions=tuple(plan.questions),
        meant=order.i_mean_it,
    )
    services.store.benchmarks.request(asked)
    services.queue.submit(request)
    return BenchmarkAsked(
        status=BenchmarkState.QUEUED,
        benchmark_id=plan.run_id,
        benchmark_url=links.benchmark(plan.run_id),
        job_id=request.job_id,
        job_url=links.job(request.job_id),
    )


@router.get("", summary="Benchmarks")
def list_benchmarks(
    services: Joined, links: Linked, wanted: Annotated[PageParameters, Query()]
) -> BenchmarkPage:
    """List benchmarks with what they found in short, newest first."""
    page = services.store.benchmarks.page(wanted.limit, wanted.offset)
    shown = [Benchmark(**_shown(services, links, record)) for record in page.entries]
    return BenchmarkPage(benchmarks=shown, total=page.total, limit=wanted.limit, offset=wanted.offset)


@router.get(
    "/{benchmark_id}",
    summary="One benchmark",
    responses={404: problem_documented("There is no such benchmark.")},
)
async def one_benchmark(services: Joined, links: Linked, benchmark_id: BenchmarkIdPath) -> BenchmarkInFull:
    """Tell how a benchmark stands, with all it found once it has ended."""
    record = await run_in_threadpool(_record, services, benchmark_id)
    shown = await run_in_threadpool(_shown, services, links, record)
    results = await run_in_threadpool(_results, services, record)
    return BenchmarkInFull(**shown, results=results)


@router.get(
    "/{benchmark_id}/{name}",
    summary="Report or samples",
    response_class=FileResponse,
    responses={
        200: {"content": {media_type.partition(";")[0]: {} for media_type in FILES.values()}},
        404: problem_documented("There is no such benchmark or file, or it has no results."),
    },
)
def benchmark_file(
    services: Joined,
    benchmark_id: BenchmarkIdPath,
    name: Annotated[str, Path(description=f"One of {', '.join(f'`{name}`' for name in FILES)}.")],
) -> FileResponse:
    """Answer the report for people (HTML, with every sample in its pictures), or all samples (CSV)."""
    record = _record(services, benchmark_id)
    if name not in FILES:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no such file; there are {', '.join(FILES)}.")
    path = _file(services, record, name)
    if path is None:
        raise Problem(HTTPStatus.NOT_FOUND, "The benchmark has no results: its state tells why.")
    return FileResponse(path, media_type=FILES[name], headers={"Content-Security-Policy": _NO_SCRIPT})


def _refuse_second(services: Services, links: Links) -> None:
    """Check that no other benchmark waits or runs.

    Raises
    ------
    Problem
        One does: two at a time would measure each other.
    """
    for record in services.store.benchmarks.under_way():
        if not _state(services, record).ended:
            raise Problem(
                HTTPStatus.CONFLICT,
                f"Benchmark {record.request.benchmark_id} is {record.state}: two at a time would measure "
                "each other. Wait for it, or cancel its job.",
                benchmark_url=links.benchmark(record.request.benchmark_id),
                job_url=links.job(record.request.job_id),
            )


def _state(services: Services, record: BenchmarkRecord) -> BenchmarkState:
    """Return how a benchmark stands: of a job that was cancelled before it ran the store knows nothing."""
    if record.state.ended:
        return record.state
    try:
        job = services.queue.job(record.request.job_id)
    except JobNotFound:  # it runs on the command line, or did until it was killed
        holder = services.store.leases.holder(SYNCHRONISATION)
        lives = holder == holder_of(record.request.benchmark_id)
        return record.state if lives else BenchmarkState.FAILED
    return _ENDED.get(job.state, record.state)


def _record(services: Services, benchmark_id: str) -> BenchmarkRecord:
    record = services.store.benchmarks.find(benchmark_id)
    if record is None:
        raise Problem(
            HTTPStatus.NOT_FOUND, "There is no such benchmark: GET /pacs/api/benchmarks lists them."
        )
    return record


def _shown(services: Services, links: Links, record: BenchmarkRecord) -> dict[str, Any]:
    asked, outcome = record.request, record.outcome
    url = links.benchmark(asked.benchmark_id)
    failure = None
    if record.error_name is not None:
        failure = Failure(name=record.error_name, message=record.error_message or "")
    return {
        "benchmark_id": asked.benchmark_id,
        "benchmark_url": url,
        "status": _state(services, record),
        "progress": record.progress,
        "scale": asked.scale,
        "rounds": asked.rounds,
        "seed": asked.seed,
        "questions": list(asked.questions),
        "requested_at": record.requested_at,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "orthanc_version": None if outcome is None else outcome.orthanc_version,
        "dcm4chee_version": None if outcome is None else outcome.dcm4chee_version,
        "stand_in": None if outcome is None else outcome.dcm4chee_stand_in,
        "findings": [] if outcome is None else outcome.findings,
        "failure": failure,
        "job_id": asked.job_id,
        "job_url": links.job(asked.job_id),
        "report_url": None if outcome is None else f"{url}/report.html",
        "samples_url": None if outcome is None else f"{url}/samples.csv",
    }


def _results(services: Services, record: BenchmarkRecord) -> dict[str, Any] | None:
    path = _file(services, record, RESULTS)
    if path is None:
        return None
    content: dict[str, Any] = orjson.loads(path.read_bytes())
    return content


def _file(services: Services, record: BenchmarkRecord, name: str) -> FilePath | None:
    """Return where a file of a benchmark is, None where it is not."""
    if record.outcome is None:
        return None
    path = services.benchmarks / record.outcome.folder / name
    return path if path.is_file() else None
