"""Which objects are rejected: in the index, and at the files in Orthanc, which asks at each C-STORE."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from dcm4chee.standin.dataset import text_of
from dcm4chee.standin.rejection_note import OVERWRITES, REVOKE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcm4chee.standin.dataset import Received
    from dcm4chee.standin.orthanc_rest import Orthanc
    from dcm4chee.standin.state import State

_AT_ONCE = 8


class Rejections:
    """Rejects objects and takes that back."""

    def __init__(self, state: State, orthanc: Orthanc) -> None:
        self._state, self._orthanc = state, orthanc

    async def reject(self, pks: Sequence[int], code: str, at: float) -> None:
        """Reject objects with a code."""
        await self._mark(pks, code)
        self._state.reject(pks, code, at)

    async def revoke(self, pks: Sequence[int], at: float) -> None:
        """Take the rejection of objects back."""
        await self._mark(pks, None)
        self._state.reject(pks, None, at)

    async def apply(self, note: Received, code: str, at: float) -> None:
        """Do what a rejection note says that was sent by someone else (IHE IOCM), as far as it may."""
        evidence = note.attributes.get("0040A375", {}).get("Value", ())
        series = [one for study in evidence for one in study.get("00081115", {}).get("Value", ())]
        uids = [
            text_of(reference.get("00081155"))
            for one in series
            for reference in one.get("00081199", {}).get("Value", ())
        ]
        rows = self._state.rows(
            "SELECT pk, rejected FROM instance"
            " WHERE note IS NULL AND uid IN (SELECT value FROM json_each(?))",
            [json.dumps(uids)],
        )
        if code == REVOKE:
            await self.revoke([int(row["pk"]) for row in rows], at)
        else:
            allowed = {None, *OVERWRITES[code]}
            await self.reject([int(row["pk"]) for row in rows if row["rejected"] in allowed], code, at)

    async def _mark(self, pks: Sequence[int], code: str | None) -> None:
        rows = self._state.rows(
            "SELECT orthanc_id FROM instance WHERE pk IN (SELECT value FROM json_each(?))",
            [json.dumps(list(pks))],
        )
        ids = [str(row["orthanc_id"]) for row in rows]
        for begin in range(0, len(ids), _AT_ONCE):
            await asyncio.gather(*(self._orthanc.mark(one, code) for one in ids[begin : begin + _AT_ONCE]))
