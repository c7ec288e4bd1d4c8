"""Whether a destination still holds a release: a cheap look by counts, when a study is asked for again."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_plugins.archives.researchers import archive_of
from orthanc_plugins.errors import ArchiveError
from orthanc_plugins.identifiers import StudyUid

if TYPE_CHECKING:
    from orthanc_plugins.projects import XnatAccess
    from orthanc_plugins.rules import DeidentificationProject
    from orthanc_plugins.store import ReleaseRecord

logger = logging.getLogger(__name__)


def is_held(project: DeidentificationProject, access: XnatAccess | None, release: ReleaseRecord) -> bool:
    """Return whether the project's destination holds as many objects as were released, or more.

    Where it does not answer nobody can tell, and nothing is delivered anew for that: then it is True.
    """
    try:
        held = _count(project, access, release)
    except (ArchiveError, OSError) as error:
        logger.warning(
            "The destination does not tell whether it still holds a release: %s", type(error).__name__
        )
        return True
    return held is None or held >= release.instances


def _count(project: DeidentificationProject, access: XnatAccess | None, release: ReleaseRecord) -> int | None:
    """Return how many objects are there, None where there is nobody to ask."""
    choice = project.destination
    if choice.kind == "folder":
        return sum(1 for _ in Path(release.address).rglob("*.dcm"))
    if choice.kind == "xnat":
        return None if access is None else _count_in_xnat(access, release)
    with closing(archive_of(choice)) as archive:
        return sum(1 for _ in archive.instances(StudyUid(release.study_uid)))


def _count_in_xnat(access: XnatAccess, release: ReleaseRecord) -> int | None:
    if not {"project", "session"} <= release.labels.keys():
        return None
    with access.opened() as xnat:
        session = xnat.sessions.find(release.labels["project"], release.labels["session"])
        if session is None or session.study_uid not in {"", release.study_uid}:
            return 0
        return xnat.sessions.count(session)
