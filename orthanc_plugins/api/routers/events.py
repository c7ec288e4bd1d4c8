"""What happened last, in a form that a page makes words of in its reader's language."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from orthanc_plugins.api.dependencies import Joined, Parameters
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import EVENT_SOURCES, EventPlace, SuiteEvent

if TYPE_CHECKING:
    from collections.abc import Callable

router = APIRouter(tags=["operation"])

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 17
"""Of a number in a place; microseconds up to the year 5138 have as many."""
_ERRORS = frozenset({"failed", "undo_failed"})
_WARNINGS = frozenset({"partly", "differs", "disappeared", "held", "refused", "with_problems"})


class Event(BaseModel):
    """Something that happened."""

    at: datetime = Field(description="When; of a release to the minute.")
    kind: str = Field(
        description="Part and outcome: `inventory_appeared`, `transfer_verified`, `comparison_differs`, "
        "`repair_verified`, `results_made`, `release_certified`, `benchmark_succeeded`, `worker_started`, …"
    )
    severity: Literal["info", "warning", "error"]
    study_uid: str | None = Field(description="Null where it is of no study; a release never tells its own.")
    job_id: str | None
    link: str | None = Field(description="Address of what tells more, in the API.")
    values: dict[str, str | int] = Field(description="What words are made of: archives, counts, project.")


class EventList(BaseModel):
    """One page of events, newest first."""

    events: list[Event]
    next: str | None = Field(description="Give it as `before` for the next page; null at the end.")


class EventParameters(Parameters):
    """Which page of events."""

    limit: int = Field(default=20, ge=1, le=200)
    before: str | None = Field(default=None, max_length=400, description="`next` of the page before.")


@router.get("/events", summary="Tell what happened last")
def events(
    response: Response, services: Joined, links: Linked, asked: Annotated[EventParameters, Query()]
) -> EventList:
    """Tell what happened last in the whole suite, newest first: no names, words are the page's to make.

    What is told is what the tables still know: of each comparison, repair and transfer how it ended last.
    """
    response.headers["Cache-Control"] = "no-store"
    place = None if asked.before is None else _place(asked.before)
    found = services.store.events.newest(asked.limit + 1, place)
    page = found[: asked.limit]
    more = len(found) > len(page)
    return EventList(events=[_told(one, links) for one in page], next=_token(page[-1]) if more else None)


def _told(one: SuiteEvent, links: Links) -> Event:
    severity: Literal["info", "warning", "error"] = "info"
    if one.outcome in _ERRORS:
        severity = "error"
    elif one.outcome in _WARNINGS:
        severity = "warning"
    return Event(
        at=one.at,
        kind=f"{one.source}_{one.outcome}",
        severity=severity,
        study_uid=one.study_uid,
        job_id=one.job_id or None,
        link=_link(one, links),
        values=dict(one.values),
    )


def _link(one: SuiteEvent, links: Links) -> str | None:
    """Return the address that tells more, None where there is none."""
    if one.source in {"comparison", "inventory"} and one.study_uid is not None:
        return links.comparison(StudyUid(one.study_uid))
    if one.source == "results":
        return links.job(one.job_id or "")
    of_lists: dict[str, Callable[[str], str]] = {
        "transfer": links.transfer,
        "repair": links.repair,
        "release": links.release,
        "benchmark": links.benchmark,
    }
    found = of_lists.get(one.source)
    return None if found is None else found(one.key)


def _token(one: SuiteEvent) -> str:
    """Return a place in the order of events as text; `_place` reads it."""
    return f"{(one.at - _EPOCH) // timedelta(microseconds=1)}~{one.source}~{one.key}"


def _place(token: str) -> EventPlace:
    time, _, rest = token.partition("~")
    source, _, key = rest.partition("~")
    numbers = [time, key] if source == "inventory" else [time]
    known = source in EVENT_SOURCES and key
    if not known or not all(one.isascii() and one.isdecimal() and len(one) <= _DIGITS for one in numbers):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "before: this is no place in the list of events; give what a page told as next.",
        )
    return EventPlace(_EPOCH + timedelta(microseconds=int(time)), source, key)
