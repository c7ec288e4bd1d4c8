"""Where an installation keeps its trail: opened to be added to, verified however broken, begun anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.audit.chain import Broken, Fault
from orthanc_plugins.audit.inspection import inspect, noted
from orthanc_plugins.audit.renewal import begin_anew
from orthanc_plugins.audit.trail import AuditTrail, Verdict
from orthanc_plugins.errors import AuditError

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.audit.inspection import Seen
    from orthanc_plugins.audit.parties import Participant

_WHAT_TO_DO = "pacs audit verify tells what is wrong; where it cannot be restored, pacs audit begin-anew."
_NEVER_BEGUN = "No audit trail was begun: the first pacs project create makes it."


@dataclass(frozen=True)
class TrailPlace:
    """The folder of a trail, and the file of its head.

    ``is_due`` tells that there ought to be one: what is not there then is missing, and not yet to come.
    Methods that want a ``key`` are given None where there is none any more.
    """

    folder: Path
    anchor: Path
    is_due: bool = False

    def opened(self, key: bytes) -> AuditTrail:
        """Return the trail, which can be added to.

        Raises
        ------
        AuditError
            It is not there, or does not end as it was left: what is to be recorded must not happen.
        """
        if not self.folder.is_dir():
            raise AuditError(f"The audit trail is not in {self.folder}; restore it. {_WHAT_TO_DO}")
        try:
            trail = AuditTrail(self.folder, key, anchor=self.anchor)
            trail.check_end()
        except AuditError as error:
            raise AuditError(f"{error} {_WHAT_TO_DO}") from error
        return trail

    def verdict(self, key: bytes | None, seen: Seen | None = None) -> Verdict:
        """Return whether the trail is as it was written, however broken it is; ``seen`` as of `inspect`.

        Raises
        ------
        AuditError
            None was ever begun, or it cannot be read.
        """
        if key is not None:
            return inspect(self.folder, key, self.anchor, seen)
        if not (self.is_due or self.anchor.exists() or self.folder.exists()):
            raise AuditError(_NEVER_BEGUN)
        return Verdict(0, Broken(1, Fault.KEY_MISSING), 0)

    def warning(self) -> str | None:
        """Return what was last found wrong by who read all of it; None where nothing was."""
        if not self.is_due:
            return None
        try:
            broken = noted(self.folder)
        except AuditError as error:
            return str(error)
        if broken is None:
            return None
        return f"The audit trail is broken at record {broken.sequence}: {broken.fault}. {_WHAT_TO_DO}"

    def expect_broken(self, key: bytes | None) -> None:
        """See that there is a reason to begin anew; raises AuditError where there is none."""
        if self.verdict(key).broken is None:
            raise AuditError("The audit trail is whole: it goes on, and is not begun anew.")

    def begin_anew(self, key: bytes, *, reporter: Participant, asker: Participant, reason: str) -> Path:
        """Begin the trail anew in place of a broken one, as `renewal.begin_anew` does."""
        now = datetime.now(UTC)
        return begin_anew(
            self.folder, key, self.anchor, reporter=reporter, asker=asker, reason=reason, now=now
        )
