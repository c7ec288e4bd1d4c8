"""One question to both archives at the same time, and what each answered or why it did not.

One that has not answered by the deadline of `deadline` is told as unavailable, and the other's answer given.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from orthanc_plugins.api.deadline import Question
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.archives.base import Archive, StudyEntry, StudyQuery
    from orthanc_plugins.services import Services

MOST_STUDIES = 2000
"""Studies taken from each archive for one search; who finds more asks more precisely."""


class ArchiveAnswer(BaseModel):
    """Whether an archive answered; one that did not is not one that holds nothing."""

    state: Literal["answered", "unavailable", "not_configured"]
    detail: str | None = Field(description="Why it did not answer, and what to do.")
    duration_ms: float | None = Field(description="How long its answer took.")
    truncated: bool = Field(default=False, description="Whether it holds more than were asked for.")


class BothAnswers(BaseModel):
    """How each archive answered."""

    orthanc: ArchiveAnswer
    dcm4chee: ArchiveAnswer


@dataclass(frozen=True)
class Found:
    """What one archive listed, None when it did not answer."""

    studies: Sequence[StudyEntry] | None
    answer: ArchiveAnswer


def ask_both(services: Services, queries: Sequence[StudyQuery]) -> dict[ArchiveName, Found]:
    """Return what both archives list for any of some queries, each study once; they are asked in parallel."""
    asked = {name: _ask(services.archives.get(name), queries) for name in ArchiveName}
    return {
        name: question if isinstance(question, Found) else _found(question)
        for name, question in asked.items()
    }


def answers(found: dict[ArchiveName, Found]) -> BothAnswers:
    """Return how each archive answered."""
    return BothAnswers(orthanc=found[ArchiveName.ORTHANC].answer, dcm4chee=found[ArchiveName.DCM4CHEE].answer)


type _Listed = tuple[Sequence[StudyEntry], float]
"""Studies, and the milliseconds until they were listed."""


def _ask(archive: Archive | None, queries: Sequence[StudyQuery]) -> Question[_Listed] | Found:
    """Begin to ask an archive; what was found where it is not asked at all."""
    if archive is None:
        detail = "No second archive is set: see Dcm4chee.Url in the settings."
        return Found(None, ArchiveAnswer(state="not_configured", detail=detail, duration_ms=None))
    return Question(archive, lambda: _listed(archive, queries))


def _listed(archive: Archive, queries: Sequence[StudyQuery]) -> _Listed:
    began = time.perf_counter()
    listed = {
        entry.study_uid: entry
        for query in queries
        for entry in islice(archive.studies(query), MOST_STUDIES + 1)
    }
    return list(listed.values()), (time.perf_counter() - began) * 1000


def _found(question: Question[_Listed]) -> Found:
    try:
        listed, taken_ms = question.answer()
    except ArchiveError as error:
        return Found(None, ArchiveAnswer(state="unavailable", detail=str(error), duration_ms=None))
    answer = ArchiveAnswer(
        state="answered", detail=None, duration_ms=round(taken_ms, 1), truncated=len(listed) > MOST_STUDIES
    )
    return Found(listed[:MOST_STUDIES], answer)
