"""How the instances of a transfer stand while it runs, written down as they change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orthanc_plugins.store import InstanceState, TransferredInstance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orthanc_plugins.identifiers import SopInstanceUid
    from orthanc_plugins.transfers.effects import Recorder


class Notes:
    """How each instance stands; `flush` writes down what has changed.

    ``known`` is what an earlier run has written down.
    """

    def __init__(self, recorder: Recorder, known: Mapping[SopInstanceUid, TransferredInstance]) -> None:
        self._recorder = recorder
        self._instances = dict(known)
        self._changed: dict[SopInstanceUid, TransferredInstance] = {}

    def of(self, uid: SopInstanceUid) -> TransferredInstance:
        """Return how an instance stands; one that nothing is known of is queued."""
        return self._instances.get(uid) or TransferredInstance(uid, InstanceState.QUEUED)

    def state(self, uid: SopInstanceUid) -> InstanceState:
        """Return the state of an instance."""
        return self.of(uid).state

    def in_state(self, *states: InstanceState) -> list[TransferredInstance]:
        """Return the instances in one of these states."""
        return [one for one in self._instances.values() if one.state in states]

    def set(
        self, uid: SopInstanceUid, state: InstanceState, detail: str = "", failure_reason: int | None = None
    ) -> None:
        """Let an instance stand otherwise."""
        self._put(replace(self.of(uid), state=state, detail=detail, failure_reason=failure_reason))

    def leaves(self, uids: Iterable[SopInstanceUid]) -> None:
        """Note that instances are about to leave."""
        for uid in uids:
            self._put(replace(self.of(uid), state=InstanceState.SENDING, sends=self.of(uid).sends + 1))

    def stayed(self, uids: Iterable[SopInstanceUid]) -> None:
        """Note that instances that were about to leave have not."""
        for uid in uids:
            before = self.of(uid)
            # One that had left earlier may still arrive: that doubt stays.
            state = InstanceState.SENDING if before.sends > 1 else InstanceState.QUEUED
            self._put(replace(before, state=state, sends=before.sends - 1))

    def flush(self, bytes_sent: int = 0) -> None:
        """Write down what has changed since."""
        if self._changed or bytes_sent:
            self._recorder.note(list(self._changed.values()), bytes_sent=bytes_sent)
            self._changed = {}

    def _put(self, after: TransferredInstance) -> None:
        if self._instances.get(after.sop_instance_uid) != after:
            self._instances[after.sop_instance_uid] = after
            self._changed[after.sop_instance_uid] = after
