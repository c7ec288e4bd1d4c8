"""What a release would make of a study, by the release's own steps; nothing of it leaves its folder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orthanc_plugins.errors import DeidError, HeldForReview
from orthanc_plugins.release.outcome import Outcome, State
from orthanc_plugins.release.staging import staging
from orthanc_plugins.release.study import Effort, checked, claims_of, expect_releasable, objects_of
from orthanc_plugins.release.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orthanc_plugins.release.inputs import StudyInput
    from orthanc_plugins.release.instances import Made
    from orthanc_plugins.release.project import Project

    type See = Callable[[int, str, Made], None]
    """Is handed each object: its number from 1, its original SOP Instance UID, and what was made of it."""


@dataclass
class Preview:
    """What a release would make of a study.

    Parameters
    ----------
    outcome
        How it would end; ``RELEASED`` only where all objects were looked at and the check found nothing.
    held
        Why persons have to look before anything else.
    objects
        Of the study; of so many the preview is: ``seen``.
    """

    outcome: Outcome
    objects: int
    seen: int = 0
    held: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def previewed(  # noqa: PLR0913 - each is a fact of its own
    study: StudyInput, project: Project, folder: Path, see: See, effort: Effort, *, sample: int = 0
) -> Preview:
    """Return what a release would make of a study; the project's register is asked and never written.

    Parameters
    ----------
    project
        Opened for a preview.
    see
        Handed each object while its files are there.
    sample
        Of how many objects, spread over the study in its order; of all for 0. The check is of all or none.
    """
    preview = Preview(Outcome(State.REFUSED, instances=len(study.files)), len(study.files))
    chosen = replace(study, files=_sampled(study.files, sample))
    outcome = preview.outcome
    with staging(folder) as place:
        try:
            project.subject(study)
        except HeldForReview as error:
            preview.held.append(str(error))
            project.settle(study)
        made = objects_of(chosen, project, place, outcome, effort)
        preview.seen = len(made)
        uids = {path: uid for uid, path in study.files.items()}
        for number, one in enumerate(made, 1):
            see(number, uids[one.original], one)
            if one.file is not None:
                preview.tally.add(one.original.read_bytes(), one.file.read_bytes(), one.counts)
        try:
            expect_releasable(made, project)
            if len(made) == len(study.files):
                if checked(made, claims_of(made, study, project), place, outcome, effort.workers):
                    outcome.state = State.RELEASED
            else:
                outcome.state = State.RELEASED
        except HeldForReview as error:
            outcome.state, outcome.reason = State.HELD, str(error)
        except DeidError as error:
            outcome.reason = str(error)
    if preview.held and outcome.state is State.RELEASED:
        outcome.state = State.HELD
    return preview


def _sampled(files: dict[str, Path], sample: int) -> dict[str, Path]:
    """Return so many files, spread evenly, the first and the last among them."""
    if not 0 < sample < len(files):
        return dict(files)
    last, steps = len(files) - 1, max(1, sample - 1)
    places = sorted({round(last * number / steps) for number in range(sample)})
    listed = list(files.items())
    return dict(listed[place] for place in places)
