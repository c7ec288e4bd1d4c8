"""Repairs: from what differs to a plan, carried out when asked for, decided where a person has to, undone.

Orthanc's process changes nothing itself: a repair is planned, carried out and undone by jobs.
"""

import time
import uuid
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.callers import Asker
from orthanc_plugins.api.dependencies import (
    STUDY_PATTERN,
    Joined,
    PageParameters,
    Parameters,
    study_uid_of,
    wait_for_job,
)
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.repair_answers import (
    AskedPolicy,
    DecisionPage,
    OpenDecision,
    RepairDetail,
    RepairPage,
    RepairSummary,
    action_told,
    detail,
    left_out,
    notes,
    plan_of,
    standing,
    summary,
)
from orthanc_plugins.api.repair_jobs import asking, begin, settled, submit
from orthanc_plugins.api.routers.process import failed_job_response
from orthanc_plugins.api.routers.studies import StudyPath
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import RepairError
from orthanc_plugins.jobs import (
    plan_repair_request,
    repair_study_request,
    undo_repair_request,
)
from orthanc_plugins.services import Services
from orthanc_plugins.store import ActionState, RepairFiles, RepairRecord, RepairState
from orthanc_plugins.sync.actions import Keep
from orthanc_plugins.sync.plan_text import plan_text
from orthanc_plugins.sync.settle import allowed

router = APIRouter(prefix="/repairs", tags=["repairs"])
of_study = APIRouter(prefix="/studies/{study}/repair", tags=["repairs"])
"""Where a repair begins."""

RepairIdPath = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="Identifier of a repair.")]
_NO_SECOND = "No second archive is set: write its address into Dcm4chee.Url of the settings, or DCM4CHEE_URL."
_APPLICABLE = frozenset(
    {
        RepairState.PLANNED,
        RepairState.FAILED,
        RepairState.PARTLY,
        RepairState.APPLIED,
        RepairState.VERIFIED,
    }
)
_UNDOABLE = frozenset(
    {
        RepairState.FAILED,
        RepairState.PARTLY,
        RepairState.APPLIED,
        RepairState.VERIFIED,
        RepairState.UNDO_FAILED,
    }
)


class Waits(BaseModel):
    """Whether to wait for the work."""

    model_config = ConfigDict(extra="forbid")

    synchronous: bool = Field(default=True, description="Wait for the job.")
    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")


class RepairAsked(Waits):
    """What to repair, and how."""

    policy: AskedPolicy = Field(
        default_factory=AskedPolicy,
        description="What may be done by itself; what is left out is as the settings say.",
    )
    dry_run: bool = Field(default=True, description="Only plan: nothing is changed until it is applied.")
    format: Literal["json", "text"] = Field(default="json", description="How the plan is answered.")


class Decision(BaseModel):
    """What a person decides of an action."""

    model_config = ConfigDict(extra="forbid")

    keep: Keep = Field(
        description="One of the action's `options`. Of missing instances: `copy` them, or `leave` them out, "
        "which is remembered with a tombstone when the repair is applied. Of what differs: `orthanc` or "
        "`dcm4chee`, whose copy is right, or `leave`: each stays as it is."
    )


class RepairFilter(PageParameters):
    """Which repairs to list."""

    study: str | None = Field(
        default=None, pattern=STUDY_PATTERN, description="Only of this study, by UID or Orthanc identifier."
    )
    state: RepairState | None = Field(default=None, description="Only in this state.")


class Shown(Parameters):
    """How a repair is shown."""

    format: Literal["json", "text"] = Field(
        default="json", description="`text`: to be read from top to bottom."
    )


_RESPONSES: dict[int | str, dict[str, object]] = {
    200: {"model": RepairDetail, "description": "The repair with its plan.", "content": {"text/plain": {}}},
    202: {"model": RepairSummary, "description": "The job goes on; ask for the repair."},
    409: problem_documented("It cannot be done as things stand; the detail says why."),
    503: problem_documented("An archive or the database does not answer: ask again later."),
}


# A repair begins


@of_study.post("", summary="Plan a repair", response_model=RepairDetail, responses=_RESPONSES)
async def repair_study(  # noqa: PLR0913, PLR0917 - each is what FastAPI hands in
    services: Joined,
    links: Linked,
    request: Request,
    by: Asker,
    study: StudyPath,
    wanted: RepairAsked | None = None,
) -> Response:
    """Compare a study's copies and plan what would be done; with `dry_run` false do it at once."""
    wanted = wanted or RepairAsked()
    if ArchiveName.DCM4CHEE not in services.archives:
        raise Problem(HTTPStatus.CONFLICT, _NO_SECOND)
    study_uid = await run_in_threadpool(study_uid_of, services, study)
    repair_id = uuid.uuid4().hex
    policy = services.repair.model_copy(update=dict(wanted.policy.model_dump(exclude_unset=True)))
    asked = plan_repair_request(repair_id, apply=not wanted.dry_run)

    def ask() -> None:
        text = type(services.repair).model_validate(policy.model_dump()).model_dump_json()
        with asking(services, repair_id, asked):
            services.store.repairs.request(repair_id, study_uid, text, asked.job_id, by)
            submit(services, repair_id, asked)

    await run_in_threadpool(ask)
    return await _answer(services, links, repair_id, wanted, text=_wants_text(request, wanted.format))


@router.get("", summary="List repairs")
def list_repairs(services: Joined, links: Linked, wanted: Annotated[RepairFilter, Query()]) -> RepairPage:
    """List repairs, newest first."""
    study_uid = None if wanted.study is None else study_uid_of(services, wanted.study)
    page = services.store.repairs.repairs(
        study_uid=study_uid, state=wanted.state, limit=wanted.limit, offset=wanted.offset
    )
    listed = [RepairSummary(**summary(links, settled(services, record))) for record in page.entries]
    return RepairPage(repairs=listed, total=page.total, limit=wanted.limit, offset=wanted.offset)


@router.get("/manual", summary="List open decisions")
def list_open_decisions(
    services: Joined, links: Linked, wanted: Annotated[PageParameters, Query()]
) -> DecisionPage:
    """List what people have yet to decide, with what both archives have."""
    repairs = services.store.repairs
    page = repairs.open_decisions(limit=wanted.limit, offset=wanted.offset)
    plans = {
        one: plan_of(services, repairs.repair(one)) for one in {entry.repair_id for entry in page.entries}
    }
    told = []
    for entry in page.entries:
        plan = plans[entry.repair_id]
        action = None if plan is None else plan.action(entry.ordinal)
        if plan is not None and action is not None:
            told.append(
                OpenDecision(
                    **action_told(action, entry),
                    repair_id=entry.repair_id,
                    study_uid=plan.study_uid,
                    decide_url=links.repair(entry.repair_id, f"/actions/{entry.ordinal}/decide"),
                )
            )
    return DecisionPage(decisions=told, total=page.total, limit=wanted.limit, offset=wanted.offset)


@router.get(
    "/{repair_id}", summary="Show a repair", response_model=RepairDetail, responses={200: _RESPONSES[200]}
)
def show_repair(
    services: Joined,
    links: Linked,
    request: Request,
    repair_id: RepairIdPath,
    wanted: Annotated[Shown, Query()],
) -> Response:
    """Show a repair with its plan, as JSON or as text."""
    record = _record(services, repair_id)
    return _shown(services, links, record, text=_wants_text(request, wanted.format))


# Its plan is carried out, decided, undone


@router.post(
    "/{repair_id}/apply", summary="Apply a repair", response_model=RepairDetail, responses=_RESPONSES
)
async def apply_repair(
    services: Joined, links: Linked, by: Asker, repair_id: RepairIdPath, wanted: Waits | None = None
) -> Response:
    """Carry out what is planned or was decided since, unless the study has changed; then compare it again."""
    await run_in_threadpool(_begin_applying, services, repair_id, by)
    return await _answer(services, links, repair_id, wanted or Waits())


@router.post("/{repair_id}/undo", summary="Undo a repair", response_model=RepairDetail, responses=_RESPONSES)
async def undo_repair(
    services: Joined, links: Linked, by: Asker, repair_id: RepairIdPath, wanted: Waits | None = None
) -> Response:
    """Put back what the repair has changed and take out what it has copied.

    That instances were left out of an archive as decided stays so: its tombstone is lifted by itself.
    """
    await run_in_threadpool(_begin_undoing, services, repair_id, by)
    return await _answer(services, links, repair_id, wanted or Waits())


@router.post(
    "/{repair_id}/actions/{ordinal}/decide",
    summary="Decide an action",
    responses={409: _RESPONSES[409], 404: problem_documented("There is no such repair or action.")},
)
def decide_action(  # noqa: PLR0913, PLR0917 - likewise
    services: Joined,
    links: Linked,
    by: Asker,
    repair_id: RepairIdPath,
    ordinal: Annotated[int, Path(ge=1, description="Number of the action.")],
    wanted: Decision,
) -> RepairDetail:
    """Decide an action; it is done when the repair is applied, and can be decided otherwise until then."""
    record = _record(services, repair_id)
    plan = plan_of(services, record)
    action = None if plan is None else plan.action(ordinal)
    if action is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"The repair has no action {ordinal}.")
    allowed(action, wanted.keep)
    if not services.store.repairs.decide(repair_id, ordinal, wanted.keep.value, by):
        raise RepairError(
            f"Action {ordinal} can no longer be decided: it is done, the repair was undone, or a worker has "
            "it now."
        )
    return detail(services, links, services.store.repairs.repair(repair_id))


# Parts


def _wants_text(request: Request, asked: str) -> bool:
    accepted = request.headers.get("accept", "")
    return asked == "text" or accepted.partition(",")[0].partition(";")[0].strip() == "text/plain"


async def _answer(
    services: Services, links: Links, repair_id: str, wanted: Waits, *, text: bool = False
) -> Response:
    """Answer a repair once its jobs have ended, or 202 when that takes longer."""
    deadline = time.monotonic() + (wanted.wait_s if wanted.synchronous else 0.0)
    while True:
        record = await run_in_threadpool(services.store.repairs.repair, repair_id)
        job = await wait_for_job(services, record.job_id, max(0.0, deadline - time.monotonic()))
        record = await run_in_threadpool(_record, services, repair_id)
        if record.job_id == job.job_id:
            break  # else another job has followed, which carries out what this one has planned
    failed = failed_job_response(job)
    if failed is not None:
        return failed
    if not job.state.ended or record.state.at_work:
        pending = RepairSummary(**summary(links, record))
        return JSONResponse(pending.model_dump(mode="json"), HTTPStatus.ACCEPTED)
    return await run_in_threadpool(lambda: _shown(services, links, record, text=text))


def _shown(services: Services, links: Links, record: RepairRecord, *, text: bool) -> Response:
    if not text:
        return JSONResponse(detail(services, links, record).model_dump(mode="json"))
    plan = plan_of(services, record)
    if plan is None:
        raise RepairError(f"The repair has no plan: it is {record.state}.")
    known = services.store.repairs.actions(record.repair_id)
    said = [] if record.error_message is None else [record.error_message]
    told = "".join(f"\n{sentence}\n" for sentence in said + notes(record, plan, known))
    shown = plan_text(plan, standing(record, known))
    return PlainTextResponse(f"{shown}{told}\nState: {record.state}. Repair {record.repair_id}.\n")


def _record(services: Services, repair_id: str) -> RepairRecord:
    return settled(services, services.store.repairs.repair(repair_id))


def _begin_applying(services: Services, repair_id: str, by: str) -> None:
    record = _record(services, repair_id)
    if record.state not in _APPLICABLE or not record.plan_digest:
        raise RepairError(f"The repair is {record.state}: it cannot be applied. Plan a new one if need be.")
    waiting = {ActionState.PLANNED, ActionState.DECIDED, ActionState.FAILED}
    nothing_left = not any(one.state in waiting for one in services.store.repairs.actions(repair_id))
    if record.state is RepairState.VERIFIED and nothing_left:
        raise RepairError("The repair is verified, and nothing was decided since: there is nothing to apply.")
    begin(services, record, RepairState.APPLYING, repair_study_request(repair_id, uuid.uuid4().hex), by)


def _begin_undoing(services: Services, repair_id: str, by: str) -> None:
    record = _record(services, repair_id)
    changes = services.store.repairs.changes(repair_id)
    if record.state not in _UNDOABLE or not changes:
        plan = plan_of(services, record)
        told = [] if plan is None else left_out(plan, services.store.repairs.actions(repair_id))
        nothing = f"The repair is {record.state} and has changed nothing: there is nothing to undo."
        raise RepairError(" ".join([nothing, *told]))
    files = RepairFiles(services.data)
    if any(one.former and not files.holds(repair_id, one.former) for one in changes):
        raise RepairError(
            "The repair can no longer be undone: the files from before its changes are kept for "
            f"{services.retention.undo.days} days after its end (Retention.UndoDays). Compare the study, and "
            "plan a new repair if need be."
        )
    begin(services, record, RepairState.UNDOING, undo_repair_request(repair_id, uuid.uuid4().hex), by)
