"""How the archives grow, and of which modalities what they hold is, as the inventory knows it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from orthanc_plugins.api.dependencies import Joined, Parameters
from orthanc_plugins.store import ModalitiesHeld

router = APIRouter(prefix="/statistics", tags=["operation"])


class GrowthParameters(Parameters):
    """Over how many days."""

    days: int = Field(default=90, ge=1, le=366, description="Today and the days before, UTC.")


class GrowthDay(BaseModel):
    """What an archive received on one day."""

    day: str = Field(description="YYYY-MM-DD, UTC.")
    studies: int = Field(description="New in this archive, or there again.")
    instances: int = Field(description="By which its studies grew.")


class Growth(BaseModel):
    """What each archive received, by day; a day without anything is left out."""

    since: datetime
    time_means: str = Field(description="What the time of a day's count is the time of.")
    archives: dict[str, list[GrowthDay]]


class ModalitiesParameters(Parameters):
    """How many sets of modalities are told apart."""

    top: int = Field(default=10, ge=1, le=100)


class ModalityCount(BaseModel):
    """How much is held of studies of the same modalities."""

    modalities: list[str] = Field(description="Modalities in Study; empty where none is stated.")
    studies: int
    series: int
    instances: int


class ModalitiesOfArchive(BaseModel):
    """The most frequent modalities of an archive, by studies, and the others together."""

    top: list[ModalityCount]
    others: ModalityCount | None


class Modalities(BaseModel):
    """Of which modalities each archive's studies are."""

    archives: dict[str, ModalitiesOfArchive]


@router.get("/growth", summary="Count what came, by day")
def growth(response: Response, services: Joined, asked: Annotated[GrowthParameters, Query()]) -> Growth:
    """Count what each archive received, by day, from the history of the inventory.

    What stood in an archive when it was first listed is no growth; history is kept for a time that is set.
    """
    response.headers["Cache-Control"] = "no-store"
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=asked.days - 1)
    archives: dict[str, list[GrowthDay]] = {name: [] for name in services.archive_names}
    for one in services.store.growth.by_day(since):
        day = GrowthDay(day=one.day, studies=one.studies, instances=one.instances)
        archives.setdefault(one.archive, []).append(day)
    return Growth(
        since=since, time_means="when synchronisation first saw it in the archive", archives=archives
    )


@router.get("/modalities", summary="Count by modality")
def modalities(
    response: Response, services: Joined, asked: Annotated[ModalitiesParameters, Query()]
) -> Modalities:
    """Count studies with their series and instances by the modalities they are of, from the inventory.

    A study of two modalities counts once, under both together: the inventory knows its series by number only.
    """
    response.headers["Cache-Control"] = "no-store"
    held: dict[str, list[ModalitiesHeld]] = {name: [] for name in services.archive_names}
    for one in services.store.growth.by_modalities():
        held.setdefault(one.archive, []).append(one)
    return Modalities(
        archives={
            name: ModalitiesOfArchive(
                top=[_count([one], one.modalities) for one in rows[: asked.top]],
                others=_count(rows[asked.top :], "") if rows[asked.top :] else None,
            )
            for name, rows in held.items()
        }
    )


def _count(rows: list[ModalitiesHeld], modalities: str) -> ModalityCount:
    return ModalityCount(
        modalities=modalities.split("\\") if modalities else [],
        studies=sum(one.studies for one in rows),
        series=sum(one.series for one in rows),
        instances=sum(one.instances for one in rows),
    )
