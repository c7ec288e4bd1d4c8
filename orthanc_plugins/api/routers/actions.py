"""What can be done with a study, a series, an instance or several studies, for whoever makes a menu of it."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from orthanc_plugins.api.actions import ACTIONS, RESOURCE, Level, Need, what_is_set
from orthanc_plugins.api.dependencies import Joined
from orthanc_plugins.api.links import Linked

router = APIRouter(prefix="/actions", tags=["pages"])


class Words(BaseModel):
    """What an action is called, by language."""

    en: str
    fr: str


class ActionAnswer(BaseModel):
    """Something that can be done with a resource."""

    id: str
    level: Level
    words: Words
    icon: str = Field(description="Name of one of the Bootstrap Icons.")
    href: str = Field(
        description=f"Address of its page; `{RESOURCE}` stands once for Orthanc's identifier of what is "
        "acted on, with commas between them where several."
    )
    elsewhere: bool = Field(description="Whether its page is another application's.")
    needs: list[Need] = Field(
        description="`dcm4chee` and `project` have to be set; `rt-structure-set`: the resource has to be, or "
        "hold, an RT Structure Set."
    )
    available: bool = Field(description="Whether what has to be set is.")


@router.get("", summary="List the actions of the pages")
def list_actions(services: Joined, links: Linked) -> list[ActionAnswer]:
    """List what can be done with studies, series and instances, in the order in which menus show it."""
    met = what_is_set(services)
    return [
        ActionAnswer(
            id=action.action_id,
            level=action.level,
            words=Words.model_validate(dict(action.words)),
            icon=action.icon,
            href=links.page(action.path),
            elsewhere=action.elsewhere,
            needs=sorted(action.needs),
            available=action.needs <= met,
        )
        for action in ACTIONS
    ]
