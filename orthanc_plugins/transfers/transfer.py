"""From one archive into another: send what is missing, then ask for it back.

Whatever happens, nothing is taken for granted that was not seen: before anything is sent the destination is
asked what it has, after every answer that leaves a doubt it is asked again, and at the end for everything. So
a transfer can be cut off at any point and begun again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.errors import InstancesNotTaken
from orthanc_plugins.store import InstanceState, TransferState
from orthanc_plugins.transfers.delivery import Delivery
from orthanc_plugins.transfers.notes import Notes
from orthanc_plugins.transfers.order import groups
from orthanc_plugins.transfers.sides import Sides
from orthanc_plugins.transfers.verification import commit, verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.archives.base import Archive, Transport
    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
    from orthanc_plugins.store import TransferredInstance
    from orthanc_plugins.transfers.effects import Effects


@dataclass(frozen=True)
class TransferOutcome:
    """How a transfer ended: ``verified``, ``partly`` or ``failed``.

    Why instances failed stands with each of them; ``remark`` is what else keeps it from being verified.
    """

    state: TransferState
    remark: str = ""


@dataclass(frozen=True)
class Transfer:
    """Instances of a study that go from one archive to another.

    Parameters
    ----------
    wanted
        Which instances; None for all that the source holds.
    known
        How instances stand by an earlier run that was cut off.
    patient
        Whether there will be another run: what the destination does not take now is left for it. Otherwise
        that has failed, and the rest is sent all the same.
    taken_out
        What is not sent unless the destination has it, each with why, for a person.
    """

    source: Archive
    destination: Archive
    study_uid: StudyUid
    transport: Transport
    wanted: Sequence[SopInstanceUid] | None = None
    known: Mapping[SopInstanceUid, TransferredInstance] = field(default_factory=dict)
    patient: bool = True
    taken_out: Mapping[SopInstanceUid, str] = field(default_factory=dict)

    def run(self, effects: Effects) -> TransferOutcome:
        """Send what is missing, verify all, and return how it ended.

        Raises
        ------
        ArchiveUnavailable
            An archive does not answer, or the destination takes nothing now: run it again later.
        ArchiveRefused
            An archive refuses to be asked at all.
        """
        notes = Notes(effects.recorder, self.known)
        sides = Sides(self.source, self.destination, self.study_uid, notes)
        delivery = Delivery(sides, effects, self.transport, patient=self.patient)
        effects.check()
        sides.look_at_source(self.wanted)
        sides.look_at_destination()
        sides.keep_back(self.taken_out)
        delivery.settle(sides.missing(InstanceState.SENDING, InstanceState.ACCEPTED))
        for group in groups(sides.missing(*InstanceState)):
            delivery.deliver(group)
        _tell_progress(notes, effects)
        sides.look_at_destination()
        _insist(sides, delivery)
        verify(sides, effects)
        remark = self._commit(sides, effects)
        return TransferOutcome(_state(notes, remark), remark)

    def _commit(self, sides: Sides, effects: Effects) -> str:
        """Have the destination commit itself; return why it does not, where it will not soon."""
        try:
            return commit(sides, effects)
        except InstancesNotTaken as error:
            if self.patient:
                raise
            return str(error)


def _tell_progress(notes: Notes, effects: Effects) -> None:
    notes.flush()
    effects.recorder.become(TransferState.SENT)
    if not notes.in_state(InstanceState.QUEUED, InstanceState.SENDING, InstanceState.FAILED):
        effects.recorder.become(TransferState.ACCEPTED)


def _insist(sides: Sides, delivery: Delivery) -> None:
    """Send once more what the destination accepted and does not list; then that has failed."""
    delivery.settle(sides.missing(InstanceState.ACCEPTED))
    lost = sides.missing(InstanceState.ACCEPTED)
    if not lost:
        return
    for group in groups(lost):
        delivery.deliver(group)
    sides.look_at_destination()
    delivery.settle(sides.missing(InstanceState.ACCEPTED))
    for entry in sides.missing(InstanceState.ACCEPTED):
        sides.notes.set(
            entry.sop_instance_uid,
            InstanceState.FAILED,
            f"{sides.destination.name} answered twice that it stored it, and does not list it: look whether "
            "it was rejected there.",
        )
    sides.notes.flush()


def _state(notes: Notes, remark: str) -> TransferState:
    verified = notes.in_state(InstanceState.VERIFIED)
    if not verified:
        return TransferState.FAILED
    some_failed = len(notes.in_state(*InstanceState)) > len(verified)
    return TransferState.PARTLY if some_failed or remark else TransferState.VERIFIED
