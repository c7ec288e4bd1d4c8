"""What has changed since a page last asked."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from orthanc_plugins.api.dependencies import Joined

router = APIRouter(tags=["operation"])


class Pulse(BaseModel):
    """A token for each topic; it says nothing but that it differs from the one before."""

    topics: dict[str, str] = Field(
        description="jobs, transfers, inventory, comparisons, results, releases, benchmarks, events."
    )


@router.get("/pulse", summary="Tell what has changed")
def pulse(response: Response, services: Joined) -> Pulse:
    """Tell a token for each topic that changes when the topic does, cheap enough for every two seconds.

    `jobs` are those of the queue and their phases; `events` changes with everything that makes events.
    """
    response.headers["Cache-Control"] = "no-store"
    topics = services.store.pulse.tokens()
    queue = services.queue.revision()
    return Pulse(topics=topics | {topic: topics[topic] + queue for topic in ("jobs", "events")})
