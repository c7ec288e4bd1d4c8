"""Objects of a release that wait for a person: what the person is shown of them, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.pixels import Box
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.errors import HeldForReview
from orthanc_plugins.release import Decision, content_token, frames_of, holds_of
from orthanc_plugins.rules.holds import Hold
from orthanc_plugins.store import HeldRecord, ShownFiles, held_picture

if TYPE_CHECKING:
    from orthanc_plugins.release import Decisions, HeldObject, Outcome, Project, StudyInput
    from orthanc_plugins.rules import DeidentificationProject
    from orthanc_plugins.services import Services

MOST_FRAMES = 500
"""An object of more frames is shown to nobody, so it can only be left out."""
_NOT_DRAWN = frozenset({Hold.VIDEO, Hold.DOCUMENT, Hold.ELSEWHERE, Hold.UNREADABLE, Hold.TOO_MANY_FRAMES})


def decisions_of(services: Services, settings: DeidentificationProject, release_id: str) -> Decisions:
    """Return what persons have decided for a release and its project allows still, by the content."""
    return {
        one.content: Decision(
            one.decide,
            frozenset(one.holds),
            one.decided_by,
            one.decided_at,
            one.why,
            tuple(Box(*corners) for corners in one.boxes),
            one.frames,
        )
        for one in services.store.held.decisions(release_id)
        if one.decide in settings.decisions
    }


def note_held(
    services: Services, release_id: str, project: Project, study: StudyInput | None, outcome: Outcome
) -> None:
    """Have persons see what a release waits for now; what it waits for no more is not shown any longer."""
    files = ShownFiles(services.data, "held")
    files.remove(release_id)
    records = []
    if study is not None and outcome.held:
        echoes = project.subject(study).echoes
        for one in outcome.held:
            data = one.original.read_bytes()
            holds, boxes = holds_of(data, project.profile, echoes)
            records.append(_shown(files, release_id, one, data, ({*holds, *one.holds}, boxes), project))
    services.store.held.hold(release_id, records)


def _shown(  # noqa: PLR0913, PLR0917 - each is a fact of its own
    files: ShownFiles,
    release_id: str,
    one: HeldObject,
    data: bytes,
    found: tuple[set[Hold], tuple[Box, ...]],
    project: Project,
) -> HeldRecord:
    """Keep the pictures of a held object, and return its record."""
    holds, boxes = found
    count = rows = columns = 0
    if not holds & _NOT_DRAWN:
        try:
            frames = frames_of(data)
        except HeldForReview:
            holds |= {Hold.UNREADABLE}
        else:
            count, rows, columns = frames.count, frames.rows, frames.columns
    if count > MOST_FRAMES:
        holds, count = {*holds, Hold.TOO_MANY_FRAMES}, 0
    for number in range(1, count + 1):
        files.keep(release_id, held_picture(one.sop_instance_uid, number), frames.png(number))
        if boxes:
            name = held_picture(one.sop_instance_uid, number, boxes=True)
            files.keep(release_id, name, frames.png(number, boxes))
    return HeldRecord(
        one.sop_instance_uid,
        content_token(project.pseudonyms, data),
        read_part10(data).sop_class_uid,
        tuple(sorted(holds)),
        tuple((box.left, box.top, box.right, box.bottom) for box in boxes),
        count,
        rows,
        columns,
    )
