"""A new chain in place of a broken one, which is kept aside as it was found; its first record says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.audit.chain import Head, Sealer
from orthanc_plugins.audit.codes import OBJECT_SECURITY_CHANGED
from orthanc_plugins.audit.events import Occasion, security_alert
from orthanc_plugins.audit.inspection import inspect, note
from orthanc_plugins.audit.locking import WRITING, locked, told
from orthanc_plugins.audit.parties import AuditSource, Participant, ResourceObject
from orthanc_plugins.audit.segments import segments
from orthanc_plugins.audit.trail import AuditTrail
from orthanc_plugins.errors import AuditError
from orthanc_plugins.private_files import sync_folder, write_over

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from orthanc_plugins.audit.chain import Broken


def begin_anew(  # noqa: PLR0913 - what the first record tells
    folder: Path,
    key: bytes,
    anchor: Path,
    *,
    reporter: Participant,
    asker: Participant,
    reason: str,
    now: datetime,
) -> Path:
    """Begin a new chain, and return the folder in which what there was of the broken one is kept.

    The first record is an alert (PS3.15 A.5.3.11) that names who asked, why, the folder, and the fault. Cut
    off by a crash it can be done again: nothing is removed.

    Raises
    ------
    AuditError
        The trail is whole, or something cannot be moved or written; the reason is not one word.
    """
    with told("begun"):
        for needed in (folder, anchor.parent):
            needed.mkdir(mode=0o700, parents=True, exist_ok=True)
    verdict = inspect(folder, key, anchor)
    if verdict.broken is None:
        raise AuditError("The audit trail is whole: it goes on, and is not begun anew.")
    aside = folder / f"broken-{now:%Y%m%dT%H%M%SZ}"
    event = security_alert(
        Occasion(now, AuditSource(reporter.user_id), reason=reason),
        alert=OBJECT_SECURITY_CHANGED,
        reporter=reporter,
        performers=[asker],
        subjects=[ResourceObject(_uri(aside, verdict.broken))],
    )
    with told("begun"), locked(folder, WRITING):
        _put_aside(folder, anchor, aside)
        write_over(anchor, Sealer(key).sealed_head(Head()))
    trail = AuditTrail(folder, key, anchor=anchor)
    trail.append(event)
    note(folder, inspect(folder, key, anchor))
    return aside


def _put_aside(folder: Path, anchor: Path, aside: Path) -> None:
    aside.mkdir(mode=0o700)
    if anchor.exists():
        (aside / "head.json").write_bytes(anchor.read_bytes())
        (aside / "head.json").chmod(0o600)
    for segment in segments(folder):
        segment.rename(aside / segment.name)
    for changed in (aside, folder):
        sync_folder(changed)


def _uri(aside: Path, broken: Broken) -> str:
    return f"urn:audit-trail:{aside.name}:{broken.fault}:{broken.sequence}"
