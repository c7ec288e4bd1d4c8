"""What both archives hold of a study, as far as a transfer has looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.store import InstanceState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orthanc_plugins.archives.base import Archive, InstanceEntry
    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
    from orthanc_plugins.transfers.notes import Notes


class Sides:
    """The instances of a study at their source and at their destination.

    ``entries`` are those that are to go, as the source lists them, ``gone`` those that it no longer holds;
    ``there`` is what the destination listed when it was last looked at.
    """

    def __init__(self, source: Archive, destination: Archive, study_uid: StudyUid, notes: Notes) -> None:
        self.source = source
        self.destination = destination
        self.study_uid = study_uid
        self.notes = notes
        self.entries: dict[SopInstanceUid, InstanceEntry] = {}
        self.gone: set[SopInstanceUid] = set()
        self.there: dict[SopInstanceUid, InstanceEntry] = {}

    def look_at_source(self, wanted: Iterable[SopInstanceUid] | None) -> None:
        """Learn what the source holds of what is wanted (None: of all); what it does not hold has failed."""
        listed = {entry.sop_instance_uid: entry for entry in self.source.instances(self.study_uid)}
        known = [one.sop_instance_uid for one in self.notes.in_state(*InstanceState)]
        uids = dict.fromkeys([*known, *(listed if wanted is None else wanted)])
        self.entries = {uid: listed[uid] for uid in uids if uid in listed}
        for uid in uids:
            if uid not in listed:
                self._gone(uid)
            elif self.notes.state(uid) not in {InstanceState.SENDING, InstanceState.ACCEPTED}:
                self.notes.set(uid, InstanceState.QUEUED)

    def look_at_destination(self) -> None:
        """Learn what the destination lists; what stands there has been accepted, whatever was answered."""
        listed = self.destination.instances(self.study_uid)
        self.there = {entry.sop_instance_uid: entry for entry in listed}
        for uid in self.entries:
            if uid in self.there and self.notes.state(uid) is not InstanceState.VERIFIED:
                self.notes.set(uid, InstanceState.ACCEPTED)
        self.notes.flush()

    def keep_back(self, taken_out: Mapping[SopInstanceUid, str]) -> None:
        """Let fail, each with its reason, what the destination does not list of these instances."""
        for uid in taken_out.keys() & self.entries.keys() - self.there.keys():
            del self.entries[uid]
            self.notes.set(uid, InstanceState.FAILED, taken_out[uid])

    def missing(self, *states: InstanceState) -> list[InstanceEntry]:
        """Return what the destination does not list, of instances in one of these states."""
        return [
            entry
            for uid, entry in self.entries.items()
            if uid not in self.there and self.notes.state(uid) in states
        ]

    def still_held(self, entries: Sequence[InstanceEntry]) -> list[InstanceEntry]:
        """Return those that the source still holds and that are neither accepted nor given up."""
        listed = {entry.sop_instance_uid for entry in self.source.instances(self.study_uid)}
        pending = {InstanceState.QUEUED, InstanceState.SENDING}
        left = [entry for entry in entries if self.notes.state(entry.sop_instance_uid) in pending]
        for entry in left:
            if entry.sop_instance_uid not in listed:
                self._gone(entry.sop_instance_uid)
        self.notes.flush()
        return [entry for entry in left if entry.sop_instance_uid in listed]

    def _gone(self, uid: SopInstanceUid) -> None:
        self.gone.add(uid)
        self.notes.set(uid, InstanceState.FAILED, f"{self.source.name} no longer holds it.")
