"""Keeping the index in step with Orthanc: what came by C-STORE, what was changed behind the shim's back.

Orthanc's log of changes tells what is new, so looking costs the same however much is stored. Deletions are
not in it: when the counts differ, the identifiers are compared.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dcm4chee.standin.asking import OrthancSilentError
from dcm4chee.standin.dataset import NotDicomError, TruncatedError, read_received
from dcm4chee.standin.orthanc_rest import HEAD_BYTES
from dcm4chee.standin.rejection_note import note_code
from dcm4chee.standin.views import RETENTION_EXPIRED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcm4chee.standin.clock import Clock
    from dcm4chee.standin.dataset import Received
    from dcm4chee.standin.orthanc_rest import Arrived, Orthanc
    from dcm4chee.standin.rejections import Rejections
    from dcm4chee.standin.state import State, StoredFile

_LOGGER = logging.getLogger(__name__)
_SEEN = "changes seen"
_BATCH = 500
_AT_ONCE = 16


class Arrivals:
    """Follows what Orthanc holds."""

    def __init__(self, state: State, orthanc: Orthanc, clock: Clock, rejections: Rejections) -> None:
        self._state, self._orthanc, self._clock, self._rejections = state, orthanc, clock, rejections
        self._lock = asyncio.Lock()
        self._own: Counter[str] = Counter()

    @contextmanager
    def expected(self, orthanc_id: str) -> Iterator[None]:
        """Know of an instance that the shim itself stores and enters: its change is not followed up.

        It is known before it is stored, for its change may be read before Orthanc's answer.
        """
        self._own[orthanc_id] += 1
        try:
            yield
        except BaseException:
            self._is_own(orthanc_id)
            raise

    async def catch_up(self) -> None:
        """Enter what is new, and forget what Orthanc no longer holds."""
        async with self._lock:
            await self._enter_new()
            await self._forget_deleted()

    async def follow(self, pause_s: float) -> None:
        """Catch up again and again, so that whoever asks need not wait for it.

        While Orthanc does not answer there is nothing to follow; requests tell it to whoever asks.
        """
        while True:
            with suppress(OrthancSilentError):
                await self.catch_up()
            await asyncio.sleep(pause_s)

    async def _enter_new(self) -> None:
        since, done = int(self._state.setting(_SEEN) or 0), False
        while not done:
            new, last, done = await self._orthanc.new_instances(since, _BATCH)
            await self._enter(
                [orthanc_id for orthanc_id in dict.fromkeys(new) if not self._is_own(orthanc_id)]
            )
            if last != since:
                self._state.remember(_SEEN, str(last))
            since = last

    def _is_own(self, orthanc_id: str) -> bool:
        if not self._own[orthanc_id]:
            return False
        self._own[orthanc_id] -= 1
        if not self._own[orthanc_id]:
            del self._own[orthanc_id]
        return True

    async def _enter(self, orthanc_ids: list[str]) -> None:
        """Enter instances in the order Orthanc has stored them; their headers are read several at a time."""
        if not orthanc_ids:
            return
        known = await self._orthanc.arrived(orthanc_ids)
        for begin in range(0, len(orthanc_ids), _AT_ONCE):
            batch = [known[one] for one in orthanc_ids[begin : begin + _AT_ONCE] if one in known]
            read = await asyncio.gather(*(self._read(arrived) for arrived in batch))
            found = [(arrived, *one) for arrived, one in zip(batch, read, strict=True) if one is not None]
            restored, notes = self._enter_read(found)
            for pk, at in restored:
                await self._rejections.revoke([pk], at)
            for note, code, at in notes:
                await self._rejections.apply(note, code, at)

    def _enter_read(
        self, found: list[tuple[Arrived, Received, StoredFile]]
    ) -> tuple[list[tuple[int, float]], list[tuple[Received, str, float]]]:
        """Enter what was read; return which rejections are to be taken back, and which new ones there are."""
        restored, notes = [], []
        with self._state.transaction():
            for arrived, received, file in found:
                at, code = self._clock.of_orthanc(arrived.received), note_code(received)
                previous = self._state.previous(received.sop_instance_uid)
                self._state.add(received, file, source=arrived.remote_aet, at=at, note=code)
                now = self._state.previous(received.sop_instance_uid)
                if previous is not None and previous.rejected == RETENTION_EXPIRED and now is not None:
                    restored.append((now.pk, at))
                if code is not None and previous is None:
                    notes.append((received, code, at))
        return restored, notes

    async def _read(self, arrived: Arrived) -> tuple[Received, StoredFile] | None:
        """Return what the archive keeps of an instance; None when it is gone or no object for an archive."""
        heads = [HEAD_BYTES, None] if arrived.size > HEAD_BYTES else [None]
        for first_bytes in heads:
            found = await self._orthanc.file(arrived.orthanc_id, first_bytes)
            if found is None:
                return None
            content, file = found
            try:
                return read_received(content, whole=len(content) == file.size), file
            except TruncatedError:
                continue
            except NotDicomError as error:
                _LOGGER.warning("Instance %s of Orthanc is passed over: %s.", arrived.orthanc_id, error)
                self._state.pass_over(arrived.orthanc_id)
                return None
        return None

    async def _forget_deleted(self) -> None:
        if await self._orthanc.count() == self._state.files_known():
            return
        entered = {row["orthanc_id"] for row in self._state.rows(_FILES)}
        gone = entered - await self._orthanc.instances()
        if gone:
            self._state.forget(gone)


_FILES = "SELECT orthanc_id FROM instance UNION SELECT orthanc_id FROM ignored"
