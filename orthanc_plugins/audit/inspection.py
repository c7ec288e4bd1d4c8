"""Whether a trail is whole, asked of one that may be broken in any way: cut, altered, or gone.

Asked again and again, it reads only what changed since: a file that the system has not touched (by inode,
size and time of change, which no program sets) still holds what was found whole. Once a day all is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.audit.chain import Broken, Fault, Head, Sealer, end_fault, follow
from orthanc_plugins.audit.locking import READING, locked, told
from orthanc_plugins.audit.segments import segments, tail, whole_lines
from orthanc_plugins.audit.trail import Verdict
from orthanc_plugins.errors import AuditError
from orthanc_plugins.private_files import write_over

if TYPE_CHECKING:
    from pathlib import Path

ALL_IS_READ_AFTER = timedelta(days=1)
"""Disks forget without telling: so long a file is taken for what it was."""

_NOTE = "verdict.json"

type _Stamp = tuple[int, int, int]


@dataclass
class Seen:
    """Which files of a trail were found whole, and how far the chain had come before and with each."""

    since: datetime | None = None
    whole: dict[Path, tuple[_Stamp, Head, Head]] = field(default_factory=dict)

    def renew(self, now: datetime) -> None:
        """Forget what was seen too long ago."""
        if self.since is None or now - self.since >= ALL_IS_READ_AFTER:
            self.since = now
            self.whole.clear()


def inspect(folder: Path, key: bytes, anchor: Path, seen: Seen | None = None) -> Verdict:
    """Return whether a trail is as it was written; nobody adds to it meanwhile.

    Parameters
    ----------
    folder, key, anchor
        As of `AuditTrail`.
    seen
        What earlier inspections found whole; this one adds to it.

    Raises
    ------
    AuditError
        It is there and cannot be read.
    """
    if not folder.is_dir():
        return Verdict(0, Broken(1, Fault.FOLDER_MISSING), 0)
    sealer, known = Sealer(key), Seen() if seen is None else seen
    with told("read"), locked(folder, READING):
        head = _head(anchor, sealer)
        anchored = head if isinstance(head, Head) else None
        reached = Head()
        for segment in segments(folder):
            found = _followed(segment, sealer, reached, anchored, known)
            if isinstance(found, Broken):
                return Verdict(found.sequence, found, 0)
            reached = found
        broken = end_fault(reached, head) if isinstance(head, Head) else Broken(reached.sequence + 1, head)
        return Verdict(reached.sequence, broken, tail(folder).torn_bytes)


def note(folder: Path, verdict: Verdict) -> None:
    """Leave word in a trail's folder how it was found, for whoever has no time to read all of it.

    Raises
    ------
    AuditError
        It cannot be written.
    """
    broken = verdict.broken
    content = None if broken is None else {"sequence": broken.sequence, "fault": broken.fault.value}
    with told("noted"):
        write_over(folder / _NOTE, json.dumps({"broken": content}).encode("ascii") + b"\n")


def noted(folder: Path) -> Broken | None:
    """Return where a trail was broken when it was last inspected; None also where nobody has left word.

    Raises
    ------
    AuditError
        The word that was left cannot be read.
    """
    try:
        content = json.loads((folder / _NOTE).read_bytes())["broken"]
        return None if content is None else Broken(int(content["sequence"]), Fault(content["fault"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise AuditError(f"{folder / _NOTE} is damaged: pacs audit verify.") from None


def _head(anchor: Path, sealer: Sealer) -> Head | Fault:
    try:
        return sealer.opened_head(anchor.read_bytes())
    except FileNotFoundError:
        return Fault.HEAD_MISSING
    except AuditError:
        return Fault.HEAD_FORGED


def _followed(segment: Path, sealer: Sealer, before: Head, anchor: Head | None, seen: Seen) -> Head | Broken:
    """Return how far a file carries the chain on; one that is as it was when it was read is not read."""
    status = segment.stat()
    stamp = (status.st_ino, status.st_size, status.st_ctime_ns)
    known = seen.whole.get(segment)
    if known is not None and known[:2] == (stamp, before):
        return known[2]
    reached = follow(whole_lines(segment), sealer, before, anchor)
    if isinstance(reached, Head):
        seen.whole[segment] = (stamp, before, reached)
    return reached
