"""Records in a chain: each says which came before, and is sealed, so that a change of any one shows.

A hash alone would let who may write the file compute the whole chain anew; the seal (HMAC-SHA256) needs the
key. The head, kept apart, says how far the chain has come, so that its end cannot be cut off unseen.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orthanc_plugins.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GENESIS = 64 * "0"
"""What the first record names as the one before it."""

_KEY_BYTES = 32


class Fault(StrEnum):
    """What is wrong with a chain."""

    MALFORMED = "malformed"
    GAP = "gap"
    UNLINKED = "unlinked"
    ALTERED = "altered"
    FORGED = "forged"
    TRUNCATED = "truncated"
    HEAD_DIFFERS = "head_differs"
    HEAD_MISSING = "head_missing"
    HEAD_FORGED = "head_forged"
    KEY_MISSING = "key_missing"
    FOLDER_MISSING = "folder_missing"


@dataclass(frozen=True)
class Broken:
    """Where a chain breaks first: the number of the record that should be there, and what is wrong."""

    sequence: int
    fault: Fault


@dataclass(frozen=True)
class Record:
    """A link of the chain; ``digest`` is SHA-256 over the three before it."""

    sequence: int
    previous: str
    event: Mapping[str, Any]
    digest: str
    seal: str

    @property
    def head(self) -> Head:
        """How far the chain has come with this record."""
        return Head(self.sequence, self.digest)

    def line(self) -> bytes:
        """Return the record as the one line of JSON it may be written as."""
        content = {
            "sequence": self.sequence,
            "previous": self.previous,
            "event": self.event,
            "digest": self.digest,
            "seal": self.seal,
        }
        return _canonical(content) + b"\n"


@dataclass(frozen=True)
class Head:
    """How far a chain has come: the last record's number and digest."""

    sequence: int = 0
    digest: str = GENESIS


class Sealer:
    """Makes and checks records and heads.

    Parameters
    ----------
    key
        32 bytes that only who writes the trail has, and who checks it.

    Raises
    ------
    AuditError
        The key has another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise AuditError(f"The key that seals the audit trail has {_KEY_BYTES} bytes; this one has not.")
        self._key = key

    def record(self, head: Head, event: Mapping[str, Any]) -> Record:
        """Return the record that follows a head."""
        sequence, previous = head.sequence + 1, head.digest
        digest = _digest(sequence, previous, event)
        return Record(sequence, previous, event, digest, self._seal("record", digest))

    def fault(self, record: Record, head: Head) -> Fault | None:
        """Return what is wrong with a record that should follow a head."""
        if record.sequence != head.sequence + 1:
            return Fault.GAP
        if record.previous != head.digest:
            return Fault.UNLINKED
        if record.digest != _digest(record.sequence, record.previous, record.event):
            return Fault.ALTERED
        is_sealed = hmac.compare_digest(_bytes(record.seal), _bytes(self._seal("record", record.digest)))
        return None if is_sealed else Fault.FORGED

    def sealed_head(self, head: Head) -> bytes:
        """Return a head as it is written down."""
        seal = self._seal("head", f"{head.sequence} {head.digest}")
        return _canonical({"sequence": head.sequence, "digest": head.digest, "seal": seal}) + b"\n"

    def opened_head(self, content: bytes) -> Head:
        """Return a head that was written down.

        Raises
        ------
        AuditError
            It was not written with this key, or was changed since.
        """
        try:
            stated = json.loads(content)
            head = Head(int(stated["sequence"]), str(stated["digest"]))
        except (ValueError, KeyError, TypeError):
            raise AuditError(
                "The head of the audit trail is damaged; compare the trail with its copies."
            ) from None
        if content != self.sealed_head(head):
            raise AuditError("The head of the audit trail was changed, or sealed with another key.")
        return head

    def _seal(self, purpose: str, text: str) -> str:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(), "sha256").hex()


def parsed(line: bytes) -> Record | None:
    """Return the record of a line, None when the line is not exactly what such a record is written as."""
    try:
        record = Record(**json.loads(line))
        is_whole = record.line() == line
    except (ValueError, TypeError):
        return None
    texts = (record.previous, record.digest, record.seal)
    is_typed = isinstance(record.event, dict) and all(isinstance(text, str) for text in texts)
    return record if is_whole and is_typed else None


def verify(lines: Iterable[bytes], sealer: Sealer, anchor: Head) -> Broken | None:
    """Return where a trail breaks first, None when it is whole.

    Parameters
    ----------
    lines
        The trail's lines from the first, with their ends.
    anchor
        The head as it was written down. The trail may be one record ahead of it: that is what a crash between
        the two leaves.
    """
    reached = follow(lines, sealer, Head(), anchor)
    return reached if isinstance(reached, Broken) else end_fault(reached, anchor)


def follow(
    lines: Iterable[bytes], sealer: Sealer, reached: Head, anchor: Head | None = None
) -> Head | Broken:
    """Return how far lines carry a chain on that has come to a head, or where they break it.

    With an ``anchor`` they also break it where its record is another.
    """
    for line in lines:
        record = parsed(line)
        fault = Fault.MALFORMED if record is None else sealer.fault(record, reached)
        if record is None or fault is not None:
            return Broken(reached.sequence + 1, fault or Fault.MALFORMED)
        reached = record.head
        if anchor is not None and reached.sequence == anchor.sequence and reached != anchor:
            return Broken(reached.sequence, Fault.HEAD_DIFFERS)
    return reached


def end_fault(reached: Head, anchor: Head) -> Broken | None:
    """Return whether a chain ends elsewhere than its anchor tells, and not one record ahead of it."""
    if reached.sequence < anchor.sequence:
        return Broken(reached.sequence + 1, Fault.TRUNCATED)
    if reached.sequence > anchor.sequence + 1:
        return Broken(anchor.sequence + 1, Fault.HEAD_DIFFERS)
    return None


def _digest(sequence: int, previous: str, event: Mapping[str, Any]) -> str:
    content = {"sequence": sequence, "previous": previous, "event": event}
    return hashlib.sha256(_canonical(content)).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _canonical(content: Mapping[str, Any]) -> bytes:
    """Return JSON of which there is one form: keys in order, no spaces, ASCII."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
