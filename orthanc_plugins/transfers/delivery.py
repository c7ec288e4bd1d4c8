"""Instances are sent until the destination has each, has refused it, or takes nothing now."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import StoreState
from orthanc_plugins.errors import ArchiveUnavailable, InstancesNotTaken, NotFound
from orthanc_plugins.store import InstanceState
from orthanc_plugins.transfers.feed import Feed
from orthanc_plugins.transfers.order import batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orthanc_plugins.archives.base import DicomFile, InstanceEntry, StoreOutcome, Transport
    from orthanc_plugins.identifiers import SopInstanceUid
    from orthanc_plugins.store import TransferredInstance
    from orthanc_plugins.transfers.effects import Effects
    from orthanc_plugins.transfers.notes import Notes
    from orthanc_plugins.transfers.sides import Sides

_OUT_OF_RESOURCES = range(0xA700, 0xA770)
"""Refused: out of resources (PS3.4 B.2.3); what comes after them are DCM4CHEE's own reasons."""

_TAKES_NONE = 50
"""After so many instances, one after the other, that it does not take, the destination is sent no more."""

_NOTED_AT_ONCE = 100
"""So many instances are noted to be about to leave, before the first of them does."""

PAUSES_S = (1.0, 4.0)
"""Seconds before what the destination did not take is sent again; after the last, it is given time."""

SETTLING_S = (0.5, 2.0, 5.0)
"""Seconds before the destination is asked again for what it may still be putting away."""


class Delivery:
    """Sends instances of a study.

    ``patient`` tells whether there will be another run: what the destination does not take now is left for
    it. Otherwise that has failed, and the rest is sent all the same.
    """

    def __init__(self, sides: Sides, effects: Effects, transport: Transport, *, patient: bool) -> None:
        self._sides = sides
        self._notes = sides.notes
        self._effects = effects
        self._transport = transport
        self._patient = patient
        self._refused: set[SopInstanceUid] = set()

    def settle(self, doubtful: Iterable[InstanceEntry]) -> None:
        """Give the destination a few moments to list what it may be putting away."""
        waited_for = {entry.sop_instance_uid for entry in doubtful}
        for pause_s in SETTLING_S:
            if waited_for <= self._sides.there.keys():
                return
            self._effects.pause(pause_s)
            self._effects.check()
            self._sides.look_at_destination()

    def deliver(self, group: Sequence[InstanceEntry]) -> None:
        """Send instances until the destination has each or has refused it.

        Raises
        ------
        InstancesNotTaken
            After some pauses there are still some that it does not take now.
        ArchiveUnavailable
            An archive does not answer.
        """
        pending, reason = self._try(group)
        for pause_s in PAUSES_S:
            if reason is None:
                return
            self._effects.pause(pause_s)
            pending, reason = self._try(pending)
        if reason is None:
            return
        if self._patient or self._is_full(pending):
            raise reason
        for entry in pending:
            before = self._notes.of(entry.sop_instance_uid)
            detail = before.detail or str(reason)
            self._notes.set(entry.sop_instance_uid, InstanceState.FAILED, detail, before.failure_reason)

    def _try(
        self, pending: Sequence[InstanceEntry]
    ) -> tuple[Sequence[InstanceEntry], ArchiveUnavailable | None]:
        """Send instances; return those that are not there, and why, None when nothing is left."""
        reason = self._send(pending)
        if reason is None and not self._refused:
            return (), None
        self._sides.look_at_destination()
        self._give_up_refused()
        left = self._sides.still_held(pending)
        return left, reason if left else None

    def _send(self, entries: Sequence[InstanceEntry]) -> ArchiveUnavailable | None:
        """Send instances batch by batch; return why some may not be there, None when nothing is in doubt.

        That some of a batch were not taken does not keep back the next; that none was, or that it was broken
        off, does.
        """
        reason: ArchiveUnavailable | None = None
        for batch in batches(entries):
            self._effects.check()
            broken_off = self._send_batch(batch)
            if broken_off is not None:
                return broken_off
            doubtful = self._doubtful(batch)
            if doubtful:
                reason = self._not_taken(doubtful)
            if len(doubtful) == len(batch):
                break
        return reason

    def _send_batch(self, batch: Sequence[InstanceEntry]) -> ArchiveUnavailable | None:
        """Send instances one after the other; return why that was broken off, None when it was not."""
        sides = self._sides
        leaving = _Leaving(self._notes, batch)

        def before_each(file: DicomFile) -> None:
            self._effects.guard()
            self._effects.check()
            self._effects.limiter.take(len(file.content), self._effects.check)
            leaving.leaves(file)

        feed = Feed(lambda: sides.source.retrieve(sides.study_uid, batch), before_each)
        broken_off: ArchiveUnavailable | None = None
        try:
            with feed, _closed(sides.destination.store(feed, self._transport)) as outcomes:
                broken_off = self._take_all(outcomes)
        except ArchiveUnavailable as error:
            broken_off = error
        finally:
            # Also when the run ends here: what has not left is not in doubt.
            leaving.end()
        if feed.error is not None and not isinstance(feed.error, ArchiveUnavailable | NotFound):
            raise feed.error
        return broken_off or (feed.error if isinstance(feed.error, ArchiveUnavailable) else None)

    def _take_all(self, outcomes: Iterator[StoreOutcome]) -> ArchiveUnavailable | None:
        """Note what the destination says; return why no more is sent, once it takes nothing."""
        not_taken: list[StoreOutcome] = []
        for outcome in outcomes:
            self._take(outcome)
            if outcome.state is not StoreState.FAILED:
                not_taken.clear()
                continue
            not_taken.append(outcome)
            if len(not_taken) >= _TAKES_NONE:
                return self._not_taken([self._notes.of(one.sop_instance_uid) for one in not_taken])
        return None

    def _take(self, outcome: StoreOutcome) -> None:
        """Note what the destination said of an instance; what it refused it may hold all the same."""
        uid = outcome.sop_instance_uid
        stored = outcome.state is StoreState.STORED
        state = InstanceState.ACCEPTED if stored else InstanceState.SENDING
        self._notes.set(uid, state, outcome.detail, outcome.failure_reason)
        if outcome.state is StoreState.REFUSED:
            self._refused.add(uid)

    def _doubtful(self, batch: Sequence[InstanceEntry]) -> list[TransferredInstance]:
        """Return the instances of a batch that were neither accepted nor refused."""
        found = [self._notes.of(entry.sop_instance_uid) for entry in batch]
        return [
            one
            for one in found
            if one.state is not InstanceState.ACCEPTED and one.sop_instance_uid not in self._refused
        ]

    def _not_taken(self, left: Sequence[TransferredInstance]) -> InstancesNotTaken:
        told = next((one.detail for one in left if one.detail), "it gave no reason.")
        archive = self._sides.destination.name
        count = f"{len(left)} instance{'s' if len(left) > 1 else ''}"
        return InstancesNotTaken(f"{archive} did not take {count}: {told}", archive=archive)

    def _is_full(self, left: Sequence[InstanceEntry]) -> bool:
        """Return whether the destination said that it has no resources: that is no fault of an instance."""
        reasons = [self._notes.of(entry.sop_instance_uid).failure_reason for entry in left]
        return any(reason in _OUT_OF_RESOURCES for reason in reasons)

    def _give_up_refused(self) -> None:
        """Let those fail that were refused and are not there after all."""
        for one in self._notes.in_state(InstanceState.SENDING):
            if one.sop_instance_uid in self._refused:
                self._notes.set(one.sop_instance_uid, InstanceState.FAILED, one.detail, one.failure_reason)
        self._refused.clear()
        self._notes.flush()


@contextmanager
def _closed(outcomes: Iterator[StoreOutcome]) -> Iterator[Iterator[StoreOutcome]]:
    """Have a request ended at the end of the block, when its outcomes were not all asked for."""
    try:
        yield outcomes
    finally:
        if isinstance(outcomes, Generator):
            outcomes.close()


class _Leaving:
    """Notes that instances leave before they do, some at once: a ledger is not written for each file."""

    def __init__(self, notes: Notes, batch: Sequence[InstanceEntry]) -> None:
        self._notes = notes
        self._waiting = dict.fromkeys(entry.sop_instance_uid for entry in batch)
        self._noted: set[SopInstanceUid] = set()
        self._bytes = 0

    def leaves(self, file: DicomFile) -> None:
        """Note that a file leaves now, and that those after it are about to."""
        uid = file.sop_instance_uid
        if uid not in self._noted:
            self._waiting.pop(uid, None)
            others = list(islice(self._waiting, _NOTED_AT_ONCE - 1))
            for other in others:
                del self._waiting[other]
            self._noted |= {uid, *others}
            self._notes.leaves([uid, *others])
            self._flush()
        self._noted.discard(uid)
        self._bytes += len(file.content)

    def end(self) -> None:
        """Note that nothing more leaves: what was about to has stayed."""
        self._notes.stayed(self._noted)
        self._flush()

    def _flush(self) -> None:
        size, self._bytes = self._bytes, 0
        self._notes.flush(size)
