"""Whether what was sent is there: asked back from the destination, instance by instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.errors import NotFound
from orthanc_plugins.store import InstanceState
from orthanc_plugins.transfers.order import batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orthanc_plugins.archives.base import Archive, DicomFile, InstanceEntry
    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.transfers.effects import Effects, SameContent
    from orthanc_plugins.transfers.sides import Sides

_AT_ONCE = 16
_AT_ONCE_BYTES = 64 * 10**6
"""Instances whose content is compared together; the destination's copies are in memory meanwhile."""


def verify(sides: Sides, effects: Effects) -> None:
    """Tell of every instance that the destination lists whether it is what was sent.

    Raises
    ------
    ArchiveUnavailable
        An archive did not give back all it lists.
    """
    listed_rightly: list[InstanceEntry] = []
    for uid, entry in sides.entries.items():
        if uid not in sides.there:
            continue
        otherwise = _listed_otherwise(entry, sides.there[uid])
        if otherwise is not None:
            sides.notes.set(uid, InstanceState.FAILED, otherwise)
        elif effects.same_content is None:
            sides.notes.set(uid, InstanceState.VERIFIED)
        else:
            listed_rightly.append(entry)
    for uid in sides.gone & sides.there.keys():
        if effects.same_content is None:
            detail = f"{sides.source.name} no longer holds it; {sides.destination.name} lists it."
            sides.notes.set(uid, InstanceState.VERIFIED, detail)
    sides.notes.flush()
    if effects.same_content is not None:
        batch_bounds = {"most_instances": _AT_ONCE, "most_bytes": _AT_ONCE_BYTES}
        for batch in batches(listed_rightly, **batch_bounds):
            effects.check()
            _verify_content(sides, batch, effects.same_content)
            sides.notes.flush()


def commit(sides: Sides, effects: Effects) -> str:
    """Have the destination commit itself to what is verified; return why there will be no answer, if so.

    Raises
    ------
    ArchiveUnavailable
        It may answer later.
    """
    verified = [
        entry for uid, entry in sides.entries.items() if sides.notes.state(uid) is InstanceState.VERIFIED
    ]
    if effects.commit is None or not verified:
        return ""
    effects.check()
    answer = effects.commit(verified)
    if answer.unavailable:
        return answer.unavailable
    for entry in verified:
        uid = entry.sop_instance_uid
        if uid not in answer.committed:
            detail = f"{sides.destination.name} does not commit itself to keeping it."
            sides.notes.set(uid, InstanceState.FAILED, detail, answer.failed.get(uid))
    sides.notes.flush()
    return ""


def _listed_otherwise(sent: InstanceEntry, listed: InstanceEntry) -> str | None:
    """Return what the destination lists of an instance otherwise than it was sent, None when nothing."""
    if listed.series_uid != sent.series_uid:
        return f"The destination lists it in another series, {listed.series_uid}: compare the study."
    if listed.sop_class_uid and sent.sop_class_uid and listed.sop_class_uid != sent.sop_class_uid:
        return f"The destination lists it with another SOP class, {listed.sop_class_uid}: compare the study."
    return None


def _verify_content(sides: Sides, batch: Sequence[InstanceEntry], same_content: SameContent) -> None:
    wanted = [sides.there[entry.sop_instance_uid] for entry in batch]
    given = _given(sides.destination, sides.study_uid, wanted)
    back = {file.sop_instance_uid: file for file in given}
    compared = set()
    for file in _given(sides.source, sides.study_uid, batch):
        there = back.pop(file.sop_instance_uid, None)
        if there is None:
            continue
        compared.add(file.sop_instance_uid)
        difference = same_content(file, there)
        if difference is None:
            sides.notes.set(file.sop_instance_uid, InstanceState.VERIFIED)
        else:
            sides.notes.set(file.sop_instance_uid, InstanceState.FAILED, f"Its content differs: {difference}")
    for entry in batch:
        if entry.sop_instance_uid not in compared:
            detail = "Its content was not compared: one of the archives did not give it back."
            sides.notes.set(entry.sop_instance_uid, InstanceState.FAILED, detail)


def _given(archive: Archive, study_uid: StudyUid, wanted: Sequence[InstanceEntry]) -> Iterator[DicomFile]:
    """Yield what an archive gives of what it listed; some of it may be gone by now."""
    try:
        yield from archive.retrieve(study_uid, wanted)
    except NotFound:
        return
