"""Transfers between the archives: what is on its way, what arrived, and changing that."""

import uuid
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.dependencies import (
    JOB_ID_PATTERN,
    STUDY_PATTERN,
    Joined,
    PageParameters,
    study_uid_of,
    wait_for_job,
)
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.routers.jobs import Failure
from orthanc_plugins.api.routers.process import failed_job_response
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.archives.commitment import commitment_not_configured
from orthanc_plugins.errors import JobNotFound, TransferNotFound
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.services import Services
from orthanc_plugins.store import (
    InstanceState,
    TransferFilter,
    TransferRecord,
    TransferRequest,
    TransferState,
    WaitsFor,
)
from orthanc_plugins.transfers import ask_for_transfer, hand_over

router = APIRouter(tags=["transfers"])

_CAUSE_PATTERN = r"^(?:sync|request|rule:[A-Za-z0-9 _.-]{0,64}|repair:[0-9a-f]{0,64})$"
_UNDER_WAY = [state for state in TransferState if not state.ended]

TransferIdPath = Annotated[str, Path(pattern=JOB_ID_PATTERN, description="Identifier of a transfer.")]


class Transfer(BaseModel):
    """A transfer as it stands now; times are UTC."""

    transfer_id: str
    study_uid: str
    source: str
    destination: str
    cause: str = Field(description="`rule:NAME`, `sync`, `repair:ID`, or `request` of a person.")
    transport: str = Field(description="`stow` or `c-store`.")
    priority: int
    verify: str = Field(
        description="`instances`: each one is asked back by the list; `content`: and by its content."
    )
    storage_commitment: bool
    window: str | None = Field(description="Hours in which it may run.")
    remark: str = Field(description="Why it is not as its rule alone would have it; empty where it is.")
    state: TransferState = Field(
        description="`queued`, `sending`, `sent` (all has left), `accepted` (the destination says it has "
        "all), `verified` (each one was asked back: this alone is success), `partly`, `failed`, `cancelled`."
    )
    settled: bool = Field(
        description="It failed, and was made good since: a later transfer of the study is verified, or both "
        "archives hold the same of it. It is no longer counted as failed."
    )
    waits_for: WaitsFor | None = Field(description="What a queued one waits for besides a worker.")
    waits_until: datetime | None
    wanted: int = Field(description="Instances it is about; 0 until it has looked, where all are wanted.")
    already_there: int
    sent: int
    accepted: int
    verified: int = Field(description="Asked back, those already there among them.")
    failed: int
    bytes_sent: int
    attempts: int
    retries: int = Field(description="How often it was asked for again by itself after it had failed.")
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: Failure | None = Field(description="Why it did not end well, or what it waits for.")
    job_id: str
    job_url: str
    href: str


class TransferInstance(BaseModel):
    """One instance of a transfer."""

    sop_instance_uid: str
    state: InstanceState
    sends: int = Field(description="How often it has left; 0 and verified: it was already there.")
    failure_reason: str | None = Field(
        description="FailureReason (0008,1197) or C-STORE status, four hexadecimal digits."
    )
    detail: str


class TransferDetail(Transfer):
    """A transfer with its instances."""

    instances: list[TransferInstance] = Field(
        description="By UID; those of verified transfers are forgotten after a year."
    )
    limit: int
    offset: int


class TransferPage(BaseModel):
    """A page of transfers, the newest first."""

    transfers: list[Transfer]
    total: int
    limit: int
    offset: int


class TransferParameters(PageParameters):
    """Which transfers to list."""

    state: TransferState | None = Field(default=None, description="Only those in this state.")
    study: str | None = Field(
        default=None, pattern=STUDY_PATTERN, description="Only of this study, by UID or Orthanc identifier."
    )
    cause: str | None = Field(
        default=None,
        pattern=_CAUSE_PATTERN,
        description="Only of this cause: `sync`, `request`, `rule:NAME`; `rule:` stands for every rule.",
    )


class InstanceParameters(PageParameters):
    """Which instances of a transfer to show."""

    limit: int = Field(default=500, ge=0, le=5000)
    instance_state: InstanceState | None = Field(default=None, description="Only those in this state.")


class ForwardRequest(BaseModel):
    """How to send a study now."""

    model_config = ConfigDict(extra="forbid")

    transport: Literal["stow", "c-store"] = "stow"
    verify: Literal["instances", "content"] = Field(
        default="instances", description="What the destination is asked afterwards."
    )
    storage_commitment: bool = False
    synchronous: bool = Field(default=True, description="Wait until it is verified.")
    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")


_DEFAULT_REQUEST = ForwardRequest()


@router.get("/transfers", summary="List transfers")
def list_transfers(
    services: Joined, links: Linked, wanted: Annotated[TransferParameters, Query()]
) -> TransferPage:
    """List transfers between the archives, the newest first."""
    study = None if wanted.study is None else study_uid_of(services, wanted.study)
    states = None if wanted.state is None else [wanted.state]
    transfers = services.store.transfers
    found, total = transfers.transfers(
        TransferFilter(study_uid=study, states=states, cause=wanted.cause),
        limit=wanted.limit,
        offset=wanted.offset,
    )
    settled = transfers.settled([one.transfer_id for one in found])
    return TransferPage(
        transfers=[_told(links, one, settled=one.transfer_id in settled) for one in found],
        total=total,
        limit=wanted.limit,
        offset=wanted.offset,
    )


@router.get("/transfers/{transfer_id}", summary="Show a transfer")
def show_transfer(
    services: Joined,
    links: Linked,
    transfer_id: TransferIdPath,
    wanted: Annotated[InstanceParameters, Query()],
) -> TransferDetail:
    """Show a transfer with what became of each instance."""
    record = _record(services, transfer_id)
    states = None if wanted.instance_state is None else [wanted.instance_state]
    instances = services.store.transfers.instances(
        transfer_id, states=states, limit=wanted.limit, offset=wanted.offset
    )
    return TransferDetail(
        **_transfer(services, links, record).model_dump(),
        instances=[
            TransferInstance(
                sop_instance_uid=one.sop_instance_uid,
                state=one.state,
                sends=one.sends,
                failure_reason=None if one.failure_reason is None else f"{one.failure_reason:04X}",
                detail=one.detail,
            )
            for one in instances
        ],
        limit=wanted.limit,
        offset=wanted.offset,
    )


@router.post(
    "/transfers/{transfer_id}/retry",
    summary="Do a transfer again",
    responses={409: problem_documented("It is verified, or under way.")},
)
def retry_transfer(services: Joined, links: Linked, transfer_id: TransferIdPath) -> Transfer:
    """Do a transfer again that failed, arrived in part, or was cancelled; only what is missing is sent."""
    record = _record(services, transfer_id)
    if not services.store.transfers.ask_again(transfer_id):
        raise Problem(HTTPStatus.CONFLICT, _not_done_again(record))
    hand_over(services.store.transfers, services.queue, _record(services, transfer_id))
    return _transfer(services, links, _record(services, transfer_id))


@router.post(
    "/transfers/{transfer_id}/cancel",
    summary="Cancel a transfer",
    responses={409: problem_documented("It has ended.")},
)
def cancel_transfer(services: Joined, links: Linked, transfer_id: TransferIdPath) -> Transfer:
    """Stop a transfer after the batch that is on its way; what has arrived stays."""
    record = _record(services, transfer_id)
    if not services.store.transfers.cancel(transfer_id):
        raise Problem(HTTPStatus.CONFLICT, f"The transfer has ended: it is {record.state}.")
    with suppress(JobNotFound):  # it was asked for at this moment
        services.queue.cancel(record.job_id)
    return _transfer(services, links, _record(services, transfer_id))


@router.post(
    "/studies/{study}/forward",
    summary="Send a study on now",
    response_model=Transfer,
    responses={
        202: {"model": Transfer, "description": "It is not verified yet."},
        404: problem_documented("Orthanc does not hold the study."),
        409: problem_documented(
            "No second archive or no port for storage commitment is set, or it was cancelled meanwhile."
        ),
        502: problem_documented("Not every instance arrived."),
    },
)
async def forward_study(
    services: Joined,
    links: Linked,
    study: Annotated[
        str, Path(pattern=STUDY_PATTERN, description="Study Instance UID or Orthanc identifier.")
    ],
    request: ForwardRequest = _DEFAULT_REQUEST,
) -> JSONResponse:
    """Send a study from Orthanc to DCM4CHEE now, whatever the rules say; only what is missing is sent.

    While such a transfer of the study is under way, that one is answered.
    """
    record = await run_in_threadpool(_asked, services, study, request)
    job = await wait_for_job(services, record.job_id, request.wait_s if request.synchronous else 0)
    failed = failed_job_response(job)
    if failed is not None:
        return failed
    record = await run_in_threadpool(_record, services, record.transfer_id)
    verified = record.state is TransferState.VERIFIED
    content = _transfer(services, links, record).model_dump(mode="json")
    return JSONResponse(content, HTTPStatus.OK if verified else HTTPStatus.ACCEPTED)


def _not_done_again(record: TransferRecord) -> str:
    """Return why a transfer is not done again, and what else can be done about one that waits."""
    if record.state is TransferState.VERIFIED:
        return "The transfer is verified: there is nothing left to do."
    awaited = _AWAITED.get(record.waits_for) if record.waits_for is not None else None
    if awaited is None or record.not_before is None:
        return "The transfer is under way: it goes on by itself."
    hours = f", {record.window}" if record.waits_for is WaitsFor.WINDOW else ""
    told = f"The transfer is under way: it waits {awaited}{hours}, until {record.not_before:{_MINUTE}}."
    if record.waits_for is WaitsFor.WINDOW and record.destination == ArchiveName.DCM4CHEE:
        return f"{told} `POST /pacs/api/studies/{record.study_uid}/forward` sends the study at once."
    return told


_MINUTE = "%Y-%m-%d %H:%M UTC"
_AWAITED = {
    WaitsFor.WINDOW: "for its hours",
    WaitsFor.ARCHIVE: "for an archive that does not answer or has no space",
    WaitsFor.STUDY: "for another transfer or a repair of the study",
}


def _asked(services: Services, study: str, request: ForwardRequest) -> TransferRecord:
    if ArchiveName.DCM4CHEE not in services.archives:
        raise Problem(
            HTTPStatus.CONFLICT,
            "There is no archive to send to: write its address into Dcm4chee.Url of the settings.",
        )
    if request.storage_commitment and services.commit is commitment_not_configured:
        raise Problem(
            HTTPStatus.CONFLICT,
            "Storage commitment cannot be asked for: set Dcm4chee.CommitmentPort, on which DCM4CHEE's answer "
            "is waited for, and let DCM4CHEE know it.",
        )
    study_uid = study_uid_of(services, study)
    if not services.orthanc.lookup(study_uid, "Study"):
        raise Problem(HTTPStatus.NOT_FOUND, "Orthanc does not hold this study.")
    transfers = services.store.transfers
    wanted = TransferFilter(study_uid, _UNDER_WAY, "request", ArchiveName.DCM4CHEE)
    under_way, _ = transfers.transfers(wanted, limit=1)
    if under_way:
        hand_over(transfers, services.queue, under_way[0])
        return under_way[0]
    return ask_for_transfer(transfers, services.queue, _request(study_uid, request))


def _request(study_uid: StudyUid, request: ForwardRequest) -> TransferRequest:
    transfer_id = f"request.{study_uid}.{uuid.uuid4().hex[:16]}"
    return TransferRequest(
        transfer_id=transfer_id,
        job_id=transfer_job_id(transfer_id),
        study_uid=study_uid,
        source=ArchiveName.ORTHANC,
        destination=ArchiveName.DCM4CHEE,
        cause="request",
        transport=request.transport,
        priority=_FOR_A_PERSON,
        verify=request.verify,
        storage_commitment=request.storage_commitment,
    )


_FOR_A_PERSON = 100
"""Priority of what a person asks for."""


def _record(services: Services, transfer_id: str) -> TransferRecord:
    record = services.store.transfers.transfer(transfer_id)
    if record is None:
        raise TransferNotFound("No transfer has this identifier.")
    return record


def _transfer(services: Services, links: Links, record: TransferRecord) -> Transfer:
    settled = services.store.transfers.settled([record.transfer_id])
    return _told(links, record, settled=bool(settled))


def _told(links: Links, record: TransferRecord, *, settled: bool) -> Transfer:
    error = None
    if record.error_message is not None:
        error = Failure(name=record.error_name or "Waiting", message=record.error_message)
    return Transfer(
        transfer_id=record.transfer_id,
        study_uid=record.study_uid,
        source=record.source,
        destination=record.destination,
        cause=record.cause,
        transport=record.transport,
        priority=record.priority,
        verify=record.verify,
        storage_commitment=record.storage_commitment,
        window=record.window,
        remark=record.remark,
        state=record.state,
        settled=settled,
        waits_for=record.waits_for,
        waits_until=record.not_before,
        wanted=record.wanted,
        already_there=record.already_there,
        sent=record.sent,
        accepted=record.accepted,
        verified=record.verified,
        failed=record.failed,
        bytes_sent=record.bytes_sent,
        attempts=record.attempts,
        retries=record.retries,
        requested_at=record.requested_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        error=error,
        job_id=record.job_id,
        job_url=links.job(record.job_id),
        href=links.transfer(record.transfer_id),
    )
