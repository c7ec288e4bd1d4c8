"""The rules of forwarding, and what one would have sent."""

import uuid
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from orthanc_plugins.api.dependencies import Joined, wait_for_job
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem, problem_documented
from orthanc_plugins.api.routers.process import failed_job_response
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import Job, JobState, rule_test_request
from orthanc_plugins.rules import ForwardingRule
from orthanc_plugins.services import Services
from orthanc_plugins.store import RuleTrialFiles

router = APIRouter(prefix="/rules", tags=["transfers"])


class RuleList(BaseModel):
    """The rules of forwarding, in the order in which they are asked."""

    rules: list[ForwardingRule]
    match: Literal["first", "all"] = Field(
        description="Whether the first rule that matches decides, or all that do."
    )
    bandwidth_limit_bytes_s: float | None = Field(
        description="Bytes a second that all transfers of a worker may take."
    )
    destination_configured: bool = Field(description="Whether there is an archive to send to.")


class RuleTest(BaseModel):
    """Which rule to try, and on how many studies."""

    model_config = ConfigDict(extra="forbid")

    rule: ForwardingRule | None = Field(
        default=None,
        description="A rule as it would stand in the settings; whether it is enabled is no matter.",
    )
    name: str | None = Field(default=None, description="Instead of it, the name of one of the settings.")
    last: int = Field(
        default=100, ge=1, le=2000, description="On so many studies, those to which something came last."
    )
    synchronous: bool = Field(default=True, description="Wait for the outcome.")
    wait_s: float = Field(default=30.0, ge=0, le=600, description="Seconds to wait before answering 202.")


class TriedStudy(BaseModel):
    """What the rule says of a study, were it switched on and alone."""

    study_uid: str
    received_at: datetime | None = Field(description="When its last instance came to Orthanc.")
    goes_at: datetime | None = Field(
        default=None,
        description="When it would have been sent: once it was there, or when the rule's hours opened. Null "
        "where nothing of it is sent, or it is not known when it came.",
    )
    matched: bool
    reasons: list[str] = Field(
        description="Why it matches, or does not; why more goes than matches, or less; what it waits for."
    )
    series: int = Field(description="Series of which anything would have been sent.")
    instances: int
    stored_bytes: int
    kept_back: int = Field(
        description="Instances kept back: the archive had sent them, or they were removed from there."
    )
    also: list[str] = Field(description="Other rules, switched on, that match it, too.")


class BusiestHour(BaseModel):
    """The hour in which most bytes would have had to be sent, by when each study would have gone."""

    begins_at: datetime
    studies: int
    instances: int
    stored_bytes: int


class Load(BaseModel):
    """What all of it would have asked of the destination."""

    studies: int
    series: int
    instances: int
    stored_bytes: int
    bytes_per_day: float | None = Field(description="Null within less than a day.")
    busiest_hour: BusiestHour | None
    bytes_per_s: float | None = Field(
        description="How fast the destination took what was sent lately, within the limit; or not measured."
    )
    sending_s: float | None = Field(description="How long sending all of it takes at that rate.")


class RuleTestAnswer(BaseModel):
    """What a rule would have sent; nothing was."""

    status: JobState
    rule: str | None
    window: str | None = Field(
        description="The rule's hours, in the local time of the worker's machine; null for always."
    )
    studies: list[TriedStudy] = Field(description="All that were looked at, the newest first.")
    load: Load | None
    job_id: str
    job_url: str


@router.get("", summary="Show the rules of forwarding")
def show_rules(services: Joined) -> RuleList:
    """Show the rules of the settings, in their order."""
    forwarding = services.forwarding
    return RuleList(
        rules=list(forwarding.rules),
        match=forwarding.match,
        bandwidth_limit_bytes_s=forwarding.bandwidth_limit_bytes_s,
        destination_configured=ArchiveName.DCM4CHEE in services.archives,
    )


@router.post(
    "/test",
    summary="Try a rule",
    response_model=RuleTestAnswer,
    responses={
        202: {"model": RuleTestAnswer, "description": "It is not done yet: ask the job."},
        404: problem_documented(
            "The settings hold no rule of this name, or the outcome is gone after a day."
        ),
        422: problem_documented("The rule is not valid, or not exactly one is given."),
    },
)
async def try_rule(request: RuleTest, services: Joined, links: Linked) -> JSONResponse:
    """Try a rule on the studies that came last, and tell what it would have sent; sends nothing.

    It is tried as if it were switched on and alone. What is already in the destination is not asked there.
    """
    token = await run_in_threadpool(_submit, services, request)
    return await _answered(services, links, token, request.wait_s if request.synchronous else 0)


@router.get(
    "/test/{token}",
    summary="Show a trial of a rule",
    response_model=RuleTestAnswer,
    responses={202: {"model": RuleTestAnswer, "description": "It is not done yet."}},
)
async def show_trial(
    token: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")], services: Joined, links: Linked
) -> JSONResponse:
    """Show the outcome of a trial by what follows `test-rules.` in its job's identifier."""
    return await _answered(services, links, token, 0)


async def _answered(services: Services, links: Links, token: str, wait_s: float) -> JSONResponse:
    job = await wait_for_job(services, rule_test_request(token).job_id, wait_s)
    failed = failed_job_response(job)
    if failed is not None:
        return failed
    return await run_in_threadpool(_answer, services, links, job, token)


def _submit(services: Services, request: RuleTest) -> str:
    if (request.rule is None) == (request.name is None):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Give either a rule or the name of one.")
    rule = request.rule or _named(services, request.name)
    token = uuid.uuid4().hex
    content = {"rule": rule.model_dump(mode="json", by_alias=True), "last": request.last}
    RuleTrialFiles(services.data).write(token, "rule", content)
    services.queue.submit(rule_test_request(token))
    return token


def _named(services: Services, name: str | None) -> ForwardingRule:
    for rule in services.forwarding.rules:
        if rule.name == name:
            return rule
    known = ", ".join(rule.name for rule in services.forwarding.rules) or "none"
    raise Problem(HTTPStatus.NOT_FOUND, f"The settings hold no rule of this name; there are: {known}.")


def _answer(services: Services, links: Links, job: Job, token: str) -> JSONResponse:
    content: dict[str, Any] | None = None
    if job.state is JobState.SUCCEEDED:
        content = RuleTrialFiles(services.data).read(token, "outcome")
        if content is None:
            raise Problem(HTTPStatus.NOT_FOUND, "The outcome is no longer kept: try the rule again.")
    answer = RuleTestAnswer(
        status=job.state,
        rule=None if content is None else content["rule"],
        window=None if content is None else content.get("window"),
        studies=[] if content is None else content["studies"],
        load=None if content is None else content["load"],
        job_id=job.job_id,
        job_url=links.job(JobId(job.job_id)),
    )
    status = HTTPStatus.ACCEPTED if content is None else HTTPStatus.OK
    return JSONResponse(answer.model_dump(mode="json"), status)
