"""Looks time and again whether the audit trail is whole, and leaves word of it for the suite's health."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from orthanc_plugins.audit.inspection import Seen, note

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from orthanc_plugins.projects import Custodian

logger = logging.getLogger(__name__)


class TrailWatch:
    """Verifies the trail of a custodian; only what was touched since is read again."""

    def __init__(self, custodian: Custodian, now: Callable[[], datetime]) -> None:
        self._custodian = custodian
        self._now = now
        self._seen = Seen()

    def look(self) -> None:
        """Verify the trail, where projects keep one.

        Raises
        ------
        AuditError
            It cannot be read, or no word be left.
        """
        folder = self._custodian.trail_folder
        if folder is None or not self._custodian.projects():
            return
        self._seen.renew(self._now())
        verdict = self._custodian.verdict(self._seen)
        if verdict.broken is not None:
            logger.warning(
                "The audit trail is broken at record %d: %s", verdict.broken.sequence, verdict.broken.fault
            )
        if folder.is_dir():  # that it is gone, the health sees itself
            note(folder, verdict)
