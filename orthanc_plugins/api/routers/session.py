"""What the suite's pages need at their start, in one answer."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from orthanc_plugins import __version__
from orthanc_plugins.api.callers import User
from orthanc_plugins.api.dependencies import Joined
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.rules import SyncDirection

router = APIRouter(tags=["operation"])


class Features(BaseModel):
    """What this installation is set up for."""

    dcm4chee: bool = Field(description="There is a second archive to compare and synchronise with.")
    xnat: bool = Field(description="There is an XNAT that releases are delivered to.")
    projects: list[str] = Field(description="Projects of de-identification, those that are unusable too.")
    default_project: str | None
    labels: bool = Field(description="Studies in Orthanc bear what the suite knows of them.")
    direction: SyncDirection = Field(description="Which way synchronisation copies by itself.")


class Session(BaseModel):
    """Who asks, and of what."""

    user: str | None = Field(
        description="The account that asks; null where nobody vouches for one. Whoever reaches the suite "
        "may use all of it, but for looking up who is behind a pseudonym."
    )
    may_look_up: bool = Field(description="Whether this account may ask who is behind a pseudonym.")
    version: str
    languages: list[str] = Field(description="Of the suite's pages.")
    archives: list[ArchiveName] = Field(description="Those that are set; Orthanc always is.")
    viewer_url: str = Field(description="OHIF's address as a browser sees it.")
    features: Features


@router.get("/session", summary="Tell who asks, and of what")
def session(response: Response, services: Joined, user: User) -> Session:
    """Tell who asks as the suite knows it, and what is set up here."""
    response.headers["Cache-Control"] = "no-store"
    chosen = services.deidentification
    return Session(
        user=user,
        may_look_up=user is not None and user in chosen.look_up_users,
        version=__version__,
        languages=["en", "fr"],
        archives=services.archive_names,
        viewer_url=services.viewer_url,
        features=Features(
            dcm4chee=ArchiveName.DCM4CHEE in services.archives,
            xnat=chosen.xnat is not None,
            projects=sorted(chosen.projects),
            default_project=chosen.default_project,
            labels=services.labels.enabled,
            direction=services.synchronisation.direction,
        ),
    )
