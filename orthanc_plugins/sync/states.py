"""What tells whether an archive's copy of a study is still the one that was compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import StudyQuery
from orthanc_plugins.store.inventory_notes import SideState
from orthanc_plugins.sync.inventory import (
    attributes_digest,
    contents_digest,
    instance_key,
    joined_keys,
    told_revision,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.archives.base import Archive, InstanceEntry, StudyEntry
    from orthanc_plugins.identifiers import StudyUid

_NO_REVISION = "#"
"""So begins what `told_revision` makes of an archive's empty one."""


def state_of(entry: StudyEntry | None, instances: Sequence[InstanceEntry]) -> SideState | None:
    """Return the state of a study as an archive lists it, None where it lists none of it.

    The same listing gives the same state in the inventory. An archive that lists fewer instances than it
    counts is not done with the study: its revision is empty, as there.
    """
    if entry is None or not instances:
        return None
    keys = joined_keys(instance_key(one.sop_instance_uid) for one in instances)
    short = len(instances) < entry.instance_count
    return SideState(
        "" if short else told_revision(entry), contents_digest(keys), attributes_digest(entry.attributes)
    )


def listed_state(archive: Archive, study_uid: StudyUid) -> SideState | None:
    """Ask an archive for the state of a study.

    Raises
    ------
    ArchiveError
        It does not answer, or refuses.
    """
    entry = next(iter(archive.studies(StudyQuery(study_uids=(study_uid,)))), None)
    return state_of(entry, () if entry is None else archive.instances(study_uid))


def tells_changes(state: SideState | None) -> bool:
    """Return whether what is in the instances cannot change without the state: there is a revision in it."""
    return state is None or not (state.revision or _NO_REVISION).startswith(_NO_REVISION)
