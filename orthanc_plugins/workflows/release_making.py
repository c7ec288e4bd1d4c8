"""A study fetched from Orthanc and de-identified in a work folder: the same input gives the same files."""

from __future__ import annotations

import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from orthanc_plugins.orthanc_facts import contents_of
from orthanc_plugins.release import Outcome, State, release, report_of, sorted_studies
from orthanc_plugins.workflows.release_parcel import fault_of

if TYPE_CHECKING:
    from orthanc_plugins.archives import OrthancRest
    from orthanc_plugins.jobs import DeidentificationOrder
    from orthanc_plugins.release import Decisions, Project, Studies
    from orthanc_plugins.workflows.release_work import WorkFolder


def fetched(orthanc: OrthancRest, order: DeidentificationOrder, work: WorkFolder) -> int | None:
    """Fetch a study's objects into an empty work folder; return how many, None where it holds others now.

    Raises
    ------
    NotFound
        Orthanc does not hold the study any more.
    """
    work.begin()
    instances = sorted(orthanc.instance_ids(order.study))
    for number, instance in enumerate(instances, 1):
        (work.originals / f"{number}.dcm").write_bytes(orthanc.file(instance))
    return len(instances) if contents_of(orthanc, order.study) == order.content else None


def made(
    project: Project,
    order: DeidentificationOrder,
    work: WorkFolder,
    *,
    workers: int,
    decisions: Decisions | None = None,
) -> tuple[Studies, Outcome]:
    """De-identify and check what was fetched, as persons decided; return what it was and what came of it."""
    shutil.rmtree(work.released, ignore_errors=True)  # of a run that was cut off
    found = sorted_studies([work.originals])
    fault = fault_of(found)
    if fault is not None:
        return found, Outcome(State.HELD, instances=found.files, reason=fault)
    if order.one_person:
        project.settle(found.studies[0])
    return found, release(found.studies[0], project, work.released, workers=workers, decisions=decisions)


def told(project: Project, found: Studies, outcome: Outcome) -> dict[str, Any]:
    """Return what later steps need of what was made."""
    return {
        "report": report_of(project, found, [outcome]),
        "made_of": {file.path: file.original.name for file in outcome.files},
        "cleaned": [PurePosixPath(file.path).stem for file in outcome.files if file.pixels_cleaned],
    }
