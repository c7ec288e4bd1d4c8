"""Which studies Orthanc's change log tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveChanges
from orthanc_plugins.errors import NotFound

if TYPE_CHECKING:
    from orthanc_plugins.archives.orthanc_rest import OrthancRest
    from orthanc_plugins.identifiers import OrthancId, StudyUid

_PAGE = 1000
_AT_ONCE = 100
"""Resources in one request for their studies; Orthanc takes some milliseconds for each."""

_SAY_NOTHING = frozenset({"NewPatient", "StablePatient", "CompletedSeries", "UpdatedAttachment"})
"""Kinds of changes that change no study, or none that is not told by itself."""


def changed_studies(rest: OrthancRest, cursor: str | None) -> ArchiveChanges:
    """Return the studies of the entries of the log after a cursor.

    None begins at the end of the log, and tells no study. Orthanc takes the entries of what is deleted out of
    its log, and logs no deletion.
    """
    if cursor is None:
        return ArchiveChanges(frozenset(), str(rest.last_change()), "log")
    position = int(cursor)
    studies: set[StudyUid] = set()
    unknown: set[OrthancId] = set()
    while True:
        page = rest.changes(position, _PAGE)
        if not page.entries:
            if page.last < position:  # an Orthanc that was emptied, or another one
                return ArchiveChanges(frozenset(), str(page.last), "listing")
            break
        by_level: dict[str, dict[OrthancId, None]] = {}
        for entry in page.entries:
            if entry.kind not in _SAY_NOTHING:
                by_level.setdefault(entry.level, {})[entry.orthanc_id] = None
        found = _studies_of(rest, by_level)
        studies.update(found.values())
        unknown.update(one for one in by_level.get("Study", {}) if one not in found)
        position = page.last
        if page.done:
            break
    return ArchiveChanges(frozenset(studies), str(position), "log", frozenset(unknown))


def _studies_of(rest: OrthancRest, by_level: dict[str, dict[OrthancId, None]]) -> dict[OrthancId, StudyUid]:
    """Return the studies of resources, by their identifiers.

    Of instances, which come by the thousand, one tells of its study and so of all others of it.
    """
    instances = by_level.pop("Instance", {})
    larger = [one for resources in by_level.values() for one in resources]
    found: dict[OrthancId, StudyUid] = {}
    for start in range(0, len(larger), _AT_ONCE):
        found |= rest.studies_of(larger[start : start + _AT_ONCE])
    _strike_out(rest, found, instances)
    while instances:
        first = next(iter(instances))
        of_first = rest.studies_of([first])
        del instances[first]
        _strike_out(rest, of_first, instances)
        found |= of_first
    return found


def _strike_out(
    rest: OrthancRest, studies: dict[OrthancId, StudyUid], instances: dict[OrthancId, None]
) -> None:
    """Take the instances of studies out of those whose study is still to be found."""
    for study in studies:
        if not instances:
            return
        try:
            for instance in rest.instance_ids(study):
                instances.pop(instance, None)
        except NotFound:
            continue  # deleted meanwhile
