"""One study, de-identified, checked, and released or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from pydicom.uid import UID

from orthanc_plugins.deid.markers import longitudinal, method_codes
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.errors import DeidError, HeldForReview
from orthanc_plugins.release.instances import Made, Maker
from orthanc_plugins.release.outcome import Decided, HeldObject, Outcome, ReleasedFile, State
from orthanc_plugins.release.staging import staging
from orthanc_plugins.validation import Box, Claims, Pair, check_study
from orthanc_plugins.validation.processes import process_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from orthanc_plugins.release.decisions import Decisions
    from orthanc_plugins.release.inputs import StudyInput
    from orthanc_plugins.release.project import Project

    type Progress = Callable[[int, int], None]

_BATCH = 16
"""Files that a process is handed at once."""
_FEWEST_FOR_PROCESSES = 32
"""Files of a study for which processes are started; they take a second to begin."""
_MOST_REASONS = 5
_DECIDE = (
    "A person looks at them: decide of each what becomes of it, where the suite releases them (`held` of the "
    "release); or leave them out of the study, or take a profile that lets them pass, and ask again."
)


def release(  # noqa: PLR0913 - each is a fact of its own, given by name
    study: StudyInput,
    project: Project,
    destination: Path,
    *,
    workers: int = 1,
    progress: Progress = lambda _done, _all: None,
    decisions: Decisions | None = None,
) -> Outcome:
    """De-identify a study, check it, and put it below a folder; return what became of it.

    It stands there as ``<pseudonym>/<study>/<series>/<instance>.dcm``; nothing of it does unless the
    outcome's state is ``RELEASED``. What was released before and is the same stays; the same instance with
    other content refuses the study.

    Parameters
    ----------
    workers
        Processes that share the work.
    progress
        Told how many objects of how many were de-identified, and are to be checked together afterwards.
    decisions
        What persons have decided of objects that were held.

    Raises
    ------
    OSError
        The destination cannot be written.
    CustodyError
        The project's register cannot be used.
    """
    outcome = Outcome(State.REFUSED, instances=len(study.files))
    workers = workers if len(study.files) >= _FEWEST_FOR_PROCESSES else 1
    try:
        with staging(destination) as folder:
            made = made_of(study, project, folder, outcome, Effort(workers, progress, decisions or {}))
            if checked(made, claims_of(made, study, project), folder, outcome, workers):
                outcome.files = _moved(made, destination, outcome)
                outcome.state = State.RELEASED
    except HeldForReview as error:
        outcome.state, outcome.reason = State.HELD, str(error)
    except DeidError as error:
        outcome.reason = str(error)
    return outcome


@dataclass(frozen=True)
class Effort:
    """How the work is done, who hears of it, and what persons have decided before."""

    workers: int = 1
    progress: Progress = lambda _done, _all: None
    decisions: Decisions = field(default_factory=dict)


def made_of(
    study: StudyInput, project: Project, folder: Path, outcome: Outcome, effort: Effort
) -> list[Made]:
    """Return the objects without identity, and tell what was done; raise what keeps them back."""
    made = objects_of(study, project, folder, outcome, effort)
    expect_releasable(made, project)
    return made


def objects_of(
    study: StudyInput, project: Project, folder: Path, outcome: Outcome, effort: Effort
) -> list[Made]:
    """Return what was made of each object, or why nothing was, and tell what was done."""
    subject = project.subject(study)
    outcome.pseudonym = subject.pseudonym
    outcome.study_uid = project.engine.uid(study.study_uid)
    begun = perf_counter()
    maker = Maker(project.engine, subject, folder, effort.decisions)
    originals, made = list(study.files.values()), []
    for one in _each_made(maker, originals, effort.workers):
        made.append(one)
        effort.progress(len(made), len(originals))
    outcome.seconds["deidentification"] = perf_counter() - begun
    _tell(made, study, project, outcome)
    return made


def expect_releasable(made: Sequence[Made], project: Project) -> None:
    """Raise what keeps a study from being released, if anything does."""
    _stop_at_faults(made)
    _stop_at_surfaces(made, project)


def checked(made: Sequence[Made], claims: Claims, folder: Path, outcome: Outcome, workers: int) -> bool:
    """Return whether the check finds nothing that keeps the study back."""
    begun = perf_counter()
    pairs = [Pair(one.original, one.file) for one in made if one.file is not None]
    outcome.check = check_study(pairs, claims, folder=folder, conformance=True, workers=workers)
    outcome.seconds["check"] = perf_counter() - begun
    if not outcome.check.passed:
        outcome.reason = "The check found what must not leave, or what is broken."
    return outcome.check.passed


def _each_made(maker: Maker, originals: Sequence[Path], workers: int) -> Iterator[Made]:
    if workers == 1:
        yield from map(maker.made, originals)
        return
    with process_pool(workers, maker.begin) as pool:
        yield from pool.map(Maker.made_here, originals, chunksize=_BATCH)


def _tell(made: Sequence[Made], study: StudyInput, project: Project, outcome: Outcome) -> None:
    """Count what was done, and note what persons have decided, or are to."""
    uids = {path: uid for uid, path in study.files.items()}
    for one in made:
        uid = project.engine.uid(uids[one.original])
        if one.is_held:
            outcome.held.append(HeldObject(uid, one.original, one.reason, one.holds))
        if one.decision is not None:
            outcome.decisions.append(Decided(uid, one.decision))
    for one in made:
        outcome.actions.update(one.counts)
        outcome.looked_at += one.boxes is not None
        outcome.masked += bool(one.boxes)
        outcome.faces.update(one.faces)
    if outcome.faces and any(one.has_surface for one in made):
        outcome.faces["a structure set has the surface of the body"] += sum(one.has_surface for one in made)


def _stop_at_faults(made: Sequence[Made]) -> None:
    """Raise what keeps the study from being released, if anything does."""
    faults = [one for one in made if one.file is None and not one.is_left_out]
    if not faults:
        if all(one.is_left_out for one in made):
            raise DeidError("All objects are left out, so there is nothing to release.")
        return
    reasons = Counter(f"{_kind_of(one)}: {one.reason.rstrip('.')}." for one in faults)
    told = [f"{times:,} of {reason}" for reason, times in reasons.most_common(_MOST_REASONS)]
    if len(reasons) > _MOST_REASONS:
        told.append("And others.")
    text = f"{len(faults)} of {len(made)} objects: {' '.join(told)}"
    if not all(one.is_held for one in faults):
        raise DeidError(text)
    raise HeldForReview(f"{text} {_DECIDE}")


def _kind_of(one: Made) -> str:
    """Return the name that the standard has for an object's class; no value of the object's own."""
    sop_class = UID(read_part10(one.original.read_bytes()).sop_class_uid)
    return sop_class.name if sop_class.type == "SOP Class" else "a class that is not known"


def _stop_at_surfaces(made: Sequence[Made], project: Project) -> None:
    """Hold a structure set with the surface of a body whose images do not say that it is no head's."""
    if project.profile.faces != "refuse" or any(one.has_pixels for one in made):
        return  # an image of a head is held by itself
    if any(one.has_surface for one in made):
        raise HeldForReview(
            "A structure set has the surface of a body, perhaps of a face, and no images are there to tell."
        )


def claims_of(made: Sequence[Made], study: StudyInput, project: Project) -> Claims:
    """Return what is said of the objects, which the check holds against them."""
    originals = {path: uid for uid, path in study.files.items()}
    boxes = {
        originals[one.original]: tuple(Box(box.top, box.left, box.bottom, box.right) for box in one.boxes)
        for one in made
        if one.boxes is not None
    }
    return Claims(
        method_codes=frozenset(method_codes(project.profile, pixels_cleaned=bool(boxes))),
        longitudinal=longitudinal(project.profile).lower(),  # type: ignore[arg-type] # one of the three
        pixels_cleaned=bool(boxes),
        masked=boxes,
    )


def _moved(made: Sequence[Made], destination: Path, outcome: Outcome) -> list[ReleasedFile]:
    """Move the files to their places, and return them; what is there already and is the same stays."""
    places = []
    for one in made:
        if one.is_left_out:
            continue
        if one.file is None:
            raise DeidError("An object without a file was to be released.")
        path = f"{outcome.pseudonym}/{outcome.study_uid}/{one.series_uid}/{one.file.name}"
        released = ReleasedFile(path, one.sha256, one.sop_class_uid, one.original, one.boxes is not None)
        places.append((one.file, released))
    for file, released in places:
        target = destination / released.path
        if target.exists() and target.read_bytes() != file.read_bytes():
            raise DeidError(
                f"{released.path} is there already with other content, so nothing of the study was released; "
                "take another folder, or move it away."
            )
    for _, released in places:  # what can fail comes before the first file is moved
        (destination / released.path).parent.mkdir(parents=True, exist_ok=True)
    for file, released in places:
        file.replace(destination / released.path)
    return [released for _, released in places]
