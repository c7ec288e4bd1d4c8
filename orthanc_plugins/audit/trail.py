"""The audit trail on disk: added to and never changed, by several processes, and only while its end is whole.

A folder of lines of JSON (`segments`), chained and sealed (`chain`), and beside it, better in another folder,
the head. When a record cannot be written, that is an error: what was to be recorded must not happen.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from orthanc_plugins.audit.chain import Broken, Head, Record, Sealer, parsed, verify
from orthanc_plugins.audit.codes import OBJECT_SECURITY_CHANGED, Outcome
from orthanc_plugins.audit.events import AuditEvent, Occasion, security_alert
from orthanc_plugins.audit.json_form import to_json
from orthanc_plugins.audit.locking import READING, WRITING, locked, told
from orthanc_plugins.audit.parties import AuditSource, Participant, ResourceObject
from orthanc_plugins.audit.segments import add, cut, segment_path, segments, tail, whole_lines
from orthanc_plugins.errors import AuditError
from orthanc_plugins.private_files import write_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orthanc_plugins.audit.query import TrailQuery
    from orthanc_plugins.audit.segments import Tail

LARGEST_SEGMENT_BYTES = 16_000_000
"""A file of the trail that has come to this is followed by another."""

_LOG = logging.getLogger(__name__)
_SELF = "audit-trail"


@dataclass(frozen=True)
class Verdict:
    """What a check of the whole trail found.

    Attributes
    ----------
    records
        How many were read, to the end or to where it breaks.
    broken
        Where the trail breaks first, None when it is whole.
    torn_bytes
        What a crash left of a record that nobody was told had been written; the next one removes it.
    """

    records: int
    broken: Broken | None
    torn_bytes: int


class AuditTrail:
    """A trail that exists.

    Parameters
    ----------
    folder
        Where its files are.
    key
        32 bytes that seal it.
    anchor
        File of the head; by default in the folder. Who may write both, and has kept both of an earlier day,
        may put that day back unseen: keep it where the folder's backups do not reach, or send records on.
    largest_segment_bytes, now
        When another file is begun; what the clock says.

    Raises
    ------
    AuditError
        There is no such trail; create it, unless it was there and is gone.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        *,
        anchor: Path | None = None,
        largest_segment_bytes: int = LARGEST_SEGMENT_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._anchor = anchor or _default_anchor(folder)
        self._sealer = Sealer(key)
        self._largest_segment_bytes = largest_segment_bytes
        self._now = now
        with locked(folder, READING):
            self._head()

    @classmethod
    def create(cls, folder: Path, key: bytes, *, anchor: Path | None = None) -> Self:
        """Return a trail that begins now; one that is there, or half there, is never begun again.

        Raises
        ------
        AuditError
            Something of a trail is there already, or the folder cannot be made.
        """
        head = anchor or _default_anchor(folder)
        with told("begun"):
            for needed in (folder, head.parent):
                needed.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(folder, WRITING):
                if head.exists() or segments(folder):
                    raise AuditError(f"There is an audit trail in {folder}; open it, or move it away whole.")
                write_over(head, Sealer(key).sealed_head(Head()))
        return cls(folder, key, anchor=anchor)

    def check_end(self) -> None:
        """See that the trail ends as it was written, so that it can be added to; this reads its end alone.

        Raises
        ------
        AuditError
            It does not, or it cannot be read.
        """
        with told("read"), locked(self._folder, READING):
            self._reached(tail(self._folder))

    def append(self, event: AuditEvent) -> Record:
        """Write an event down; when this returns it is on disk.

        Raises
        ------
        AuditError
            It cannot be written, or the end of the trail is not what was written last.
        """
        with told("written"), locked(self._folder, WRITING):
            end = tail(self._folder)
            head = self._reached(end)
            if end.segment is not None and end.torn_bytes:
                cut(end.segment, end.whole_bytes)
                _LOG.warning("Removed %d bytes of an audit record that a crash tore", end.torn_bytes)
                head = self._added(head, self._recovery()).head
            return self._added(head, event)

    def verify(self) -> Verdict:
        """Return whether the whole trail is as it was written; nobody adds to it meanwhile.

        Raises
        ------
        AuditError
            It cannot be read, or its head is gone or was changed.
        """
        count = 0

        def counted() -> Iterator[bytes]:
            nonlocal count
            for line in self._lines():
                count += 1
                yield line

        with told("read"), locked(self._folder, READING):
            broken = verify(counted(), self._sealer, self._head())
            return Verdict(count, broken, tail(self._folder).torn_bytes)

    def records(self, query: TrailQuery) -> list[Record]:
        """Return the records that are asked for, the newest first. This checks no chain: see `verify`.

        Raises
        ------
        AuditError
            The trail cannot be read, or a line of it is no record.
        """
        found: list[Record] = []
        with told("read"):
            for segment in reversed(segments(self._folder)):
                for line in reversed(list(whole_lines(segment))):
                    if len(found) >= query.limit:
                        return found
                    record = parsed(line)
                    if record is None:
                        raise AuditError(f"{segment} holds a line that is no record; verify the trail.")
                    is_older = query.before is None or record.sequence < query.before
                    if is_older and query.asks_for(record.event):
                        found.append(record)
        return found

    def _lines(self) -> Iterator[bytes]:
        for segment in segments(self._folder):
            yield from whole_lines(segment)

    def _head(self) -> Head:
        try:
            content = self._anchor.read_bytes()
        except OSError as error:
            raise AuditError(f"The head of the audit trail is not in {self._anchor}; restore it.") from error
        return self._sealer.opened_head(content)

    def _reached(self, end: Tail) -> Head:
        """Return how far the trail has come; it may be a record ahead of its head, and no other way apart."""
        head = self._head()
        record = None if end.last_line is None else parsed(end.last_line)
        if end.last_line is None and head == Head():
            return head
        if record is not None and (record.head == head or self._sealer.fault(record, head) is None):
            return record.head
        raise AuditError(
            f"The audit trail in {self._folder} does not end as it was written: pacs audit verify."
        )

    def _added(self, head: Head, event: AuditEvent) -> Record:
        record = self._sealer.record(head, to_json(event))
        add(self._segment_for(record), record.line())
        write_over(self._anchor, self._sealer.sealed_head(record.head))
        return record

    def _segment_for(self, record: Record) -> Path:
        known = segments(self._folder)
        if known and known[-1].stat().st_size < self._largest_segment_bytes:
            return known[-1]
        return segment_path(self._folder, record.sequence)

    def _recovery(self) -> AuditEvent:
        occasion = Occasion(self._now(), AuditSource(_SELF), Outcome.MINOR_FAILURE, "torn_record_removed")
        return security_alert(
            occasion,
            alert=OBJECT_SECURITY_CHANGED,
            reporter=Participant(_SELF),
            subjects=(ResourceObject(f"urn:{_SELF}"),),
        )


def _default_anchor(folder: Path) -> Path:
    return folder / "head.json"
