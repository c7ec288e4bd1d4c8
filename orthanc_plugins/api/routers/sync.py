"""Keeping both archives in step: how it stands, and a round now."""

import asyncio
import time
import uuid
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.dependencies import Joined, wait_for_job
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.routers.process import failed_job_response
from orthanc_plugins.api.routers.sync_history import Round, round_of
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.jobs import Job, JobState, synchronise_request
from orthanc_plugins.rules import SyncDirection
from orthanc_plugins.services import Services
from orthanc_plugins.store import TransferRecord, TransferState
from orthanc_plugins.sync.plan_text import counted

router = APIRouter(prefix="/sync", tags=["both archives"])
alias = APIRouter(tags=["both archives"])
"""Routes of other names for the same."""

_POLL_S = 0.2
_NO_SECOND = "No second archive is set: write its address into Dcm4chee.Url of the settings, or DCM4CHEE_URL."


class ArchiveStanding(BaseModel):
    """How far the inventory knows an archive."""

    state: str = Field(description="`current`, `incomplete` (its first listing goes on) or `unreachable`.")
    error: str | None
    updated_at: datetime | None
    full_pass_at: datetime | None = Field(description="When everything was last listed.")
    studies: int
    series: int
    instances: int


class Agreement(BaseModel):
    """How many studies are where, by the inventories and by comparisons of content that are current."""

    same: int = Field(description="Not known to differ; whether their content was compared is not said.")
    differing: int
    by_content: int = Field(description="Those of `differing` that are the same by their lists.")
    only_orthanc: int
    only_dcm4chee: int


class Held(BaseModel):
    """That an archive lost so much at once that none of it is copied back until a person decides."""

    archive: str
    since: datetime
    studies: int
    address: str | None = Field(description="Where the archive is asked.")
    former_address: str | None = Field(
        description="Where it was asked before, when what is missing at the new address is held."
    )
    text: str = Field(description="The same in words, with what can be done.")


class SyncStatus(BaseModel):
    """How synchronisation stands."""

    state: Literal["idle", "running", "not_configured"]
    direction: SyncDirection
    interval_s: float
    last_run: Round | None
    next_run: datetime | None = Field(description="When the next round is due; null while one runs.")
    archives: dict[str, ArchiveStanding]
    studies: Agreement
    transfers: dict[str, int] = Field(
        description="Transfers by state, without those that failed and were made good since."
    )
    waiting_for_hours: int = Field(description="Those of the queued transfers that wait for their hours.")
    holds: list[Held] = Field(description="What waits for a decision: POST api/sync/holds.")


class SyncRequest(BaseModel):
    """How to synchronise now."""

    model_config = ConfigDict(extra="forbid")

    full: bool = Field(default=False, description="List everything anew, not only what changed.")
    synchronous: bool = Field(default=True, description="Wait for the round and its transfers.")
    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")


class SyncAnswer(BaseModel):
    """What a round found and did."""

    status: str = Field(
        description="`success`: both archives answered and every transfer is verified; `partial`: see "
        "errors; `running`: ask again."
    )
    synced_studies: int = Field(description="Studies of which this round's transfers are verified.")
    pending_studies: int = Field(description="Studies whose transfers are not ended yet.")
    differing_studies: int | None
    duration_seconds: float
    errors: list[str]
    notes: list[str] = Field(description="What was not sent since DCM4CHEE would not take it; no error.")
    run_id: str | None
    job_id: str
    job_url: str


@router.get("/status", summary="How synchronisation stands")
def sync_status(services: Joined) -> SyncStatus:
    """Tell the newest round, when the next is due, how far each archive is known and how they agree."""
    inventory = services.store.inventory
    newest = inventory.newest_run()
    last = None if newest is None else round_of(newest)
    summary = inventory.summary()
    running = last is not None and last.state == "running"
    configured = ArchiveName.DCM4CHEE in services.archives
    return SyncStatus(
        state="running" if running else "idle" if configured else "not_configured",
        direction=services.synchronisation.direction,
        interval_s=services.synchronisation.interval_s,
        last_run=last,
        next_run=None if running or not configured else _next_run(services),
        archives={name.value: _standing(services, name) for name in services.archives},
        studies=Agreement(
            same=summary.same,
            differing=summary.differing,
            by_content=summary.by_content,
            only_orthanc=summary.only_left,
            only_dcm4chee=summary.only_right,
        ),
        transfers=_transfers(services),
        waiting_for_hours=services.store.transfers.waiting_for_hours(),
        holds=[
            Held(
                archive=one.archive,
                since=one.since,
                studies=one.studies,
                address=one.address,
                former_address=one.former_address,
                text=one.text,
            )
            for one in inventory.holds().values()
        ],
    )


_RESPONSES: dict[int | str, dict[str, object]] = {
    202: {"model": SyncAnswer, "description": "The round or its transfers go on; ask for the job."},
    409: problem_documented("No second archive is set."),
    503: problem_documented("The database does not answer: ask again later."),
}


@router.post("", summary="Synchronise now", response_model=SyncAnswer, responses=_RESPONSES)
async def synchronise(services: Joined, links: Linked, wanted: SyncRequest | None = None) -> JSONResponse:
    """Ask both archives what changed, copy what is missing where the settings say so, and see it verified."""
    wanted = wanted or SyncRequest()
    if ArchiveName.DCM4CHEE not in services.archives:
        raise Problem(HTTPStatus.CONFLICT, _NO_SECOND)
    began = time.monotonic()
    wait_s = wanted.wait_s if wanted.synchronous else 0.0
    request = synchronise_request(uuid.uuid4().hex, full=wanted.full)
    job_id = await run_in_threadpool(services.queue.submit, request)
    job = await wait_for_job(services, job_id, wait_s)
    failed = failed_job_response(job)
    if failed is not None:
        return failed
    await _wait_for_transfers(services, job, began + wait_s)
    answer = await run_in_threadpool(_answer, services, links, job, time.monotonic() - began)
    status = HTTPStatus.ACCEPTED if answer.status == "running" else HTTPStatus.OK
    return JSONResponse(answer.model_dump(mode="json"), status)


@alias.post("/patients/sync", summary="Synchronise now", response_model=SyncAnswer, responses=_RESPONSES)
async def synchronise_patients(
    services: Joined, links: Linked, wanted: SyncRequest | None = None
) -> JSONResponse:
    """Do the same as POST api/sync."""
    return await synchronise(services, links, wanted)


async def _wait_for_transfers(services: Services, job: Job, deadline: float) -> None:
    """Return once all transfers of a round have ended, or the time is over."""
    while time.monotonic() < deadline:
        transfers = await run_in_threadpool(_transfers_of, services, job)
        if all(one.state.ended for one in transfers):
            return
        await asyncio.sleep(_POLL_S)


def _answer(services: Services, links: Links, job: Job, seconds: float) -> SyncAnswer:
    result = job.result or {}
    run_id = result.get("run_id")
    errors = [str(error) for error in _listed(result.get("errors"))]
    transfers = _transfers_of(services, job)
    verified = {one.transfer_id for one in transfers if one.state is TransferState.VERIFIED}
    failed = sum(one.state.ended and one.transfer_id not in verified for one in transfers)
    pending = {one.study_uid for one in transfers if not one.state.ended}
    unverified = {one.study_uid for one in transfers if one.transfer_id not in verified}
    if failed:
        told = counted(failed, "transfer")
        errors.append(f"{told} did not end well: GET api/transfers tells which and why.")
    running = job.state is not JobState.SUCCEEDED or bool(pending)
    return SyncAnswer(
        status="running" if running else "partial" if errors else "success",
        synced_studies=len({one.study_uid for one in transfers} - unverified),
        pending_studies=len(pending),
        differing_studies=_number(result.get("differing")),
        duration_seconds=round(seconds, 3),
        errors=errors,
        notes=[str(note) for note in _listed(result.get("notes"))],
        run_id=None if run_id is None else str(run_id),
        job_id=job.job_id,
        job_url=links.job(job.job_id),
    )


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _transfers_of(services: Services, job: Job) -> list[TransferRecord]:
    """Return the transfers that a round asked for, as they stand now."""
    asked = _listed((job.result or {}).get("transfers"))
    found = (services.store.transfers.transfer(str(one)) for one in asked)
    return [one for one in found if one is not None]


def _transfers(services: Services) -> dict[str, int]:
    """Return how many transfers are in which state; of those that failed, what was made good is left out."""
    found: dict[str, int] = {state.value: 0 for state in TransferState}
    for total in services.store.transfers.totals():
        found[total.state.value] += total.transfers - total.settled
    return found


def _next_run(services: Services) -> datetime | None:
    """Return when the next round is due, from when the newest scheduled or nightly one began."""
    newest = services.store.inventory.newest_run(("schedule", "nightly"))
    interval = timedelta(seconds=services.synchronisation.interval_s)
    return None if newest is None else newest.started_at + interval


def _standing(services: Services, name: ArchiveName) -> ArchiveStanding:
    position = services.store.inventory.position(name)
    totals = services.store.inventory.totals(name)
    return ArchiveStanding(
        state=position.state,
        error=position.error or None,
        updated_at=position.updated_at,
        full_pass_at=position.full_pass_at,
        studies=totals.studies,
        series=totals.series,
        instances=totals.instances,
    )
