"""What is remembered beside the inventory: rounds, changes, tombstones, comparisons of content."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.store.inventory_records import EventKind, InventoryRow, StudyPair


@dataclass(frozen=True, slots=True)
class InventoryEvent:
    """One entry of the history; ``number`` grows with time."""

    number: int
    at: datetime
    archive: str
    study_uid: StudyUid
    kind: EventKind
    instances_before: int
    instances_after: int
    run_id: str


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which changes are asked for; all conditions must hold, None is no condition."""

    study_uid: StudyUid | None = None
    archive: str | None = None
    run_id: str | None = None
    kind: EventKind | None = None


@dataclass(frozen=True, slots=True)
class ArchiveRun:
    """What a round of synchronisation did with one archive.

    ``how`` says how its changes were found; ``looked_at`` counts the studies that were asked for.
    """

    archive: str
    how: str
    looked_at: int = 0
    appeared: int = 0
    changed: int = 0
    disappeared: int = 0
    requests: int = 0
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class SyncRun:
    """A round of synchronisation.

    ``cause`` is ``schedule``, ``request`` or ``nightly``; ``state`` is ``running``, ``succeeded``,
    ``partial`` (one archive was away) or ``failed``.
    """

    run_id: str
    cause: str
    started_at: datetime
    ended_at: datetime | None = None
    state: str = "running"
    differing: int | None = None
    transfers_asked: int = 0
    error: str = ""
    archives: Sequence[ArchiveRun] = ()


@dataclass(frozen=True, slots=True)
class Tombstone:
    """That a study, or instances of it, were taken out of an archive and are not to be sent there again.

    Parameters
    ----------
    whole
        All instances of the study, also those that nobody saw there; else only those of ``keys``.
    keys
        Keys of the instances.
    kind
        ``deleted`` or ``rejected``.
    noted_by, lifted_by
        Who or what did so; ``lifted_at`` is None while it holds.
    """

    archive: str
    study_uid: StudyUid
    whole: bool
    keys: frozenset[bytes] = field(repr=False)
    kind: str
    noted_at: datetime
    noted_by: str
    lifted_at: datetime | None = None
    lifted_by: str = ""

    def covers(self, key: bytes) -> bool:
        """Return whether the instance of this key may not be sent to the archive."""
        return self.lifted_at is None and (self.whole or key in self.keys)


@dataclass(frozen=True, slots=True)
class Writing:
    """How what is written is kept in mind.

    Parameters
    ----------
    run_id
        The round of synchronisation that found it out.
    at
        When.
    note
        Whether it goes into the history; a first inventory does not, it is no news.
    bury
        What the tombstones of what is gone are called (``deleted``, ``rejected``); None sets none.
    by
        Who or what is told to have taken it out.
    """

    run_id: str
    at: datetime
    note: bool = True
    bury: str | None = None
    by: str = "archive"

    def tombstone(
        self, archive: str, study_uid: StudyUid, keys: frozenset[bytes], *, whole: bool = False
    ) -> Tombstone:
        """Return the tombstone of what is gone."""
        return Tombstone(archive, study_uid, whole, keys, self.bury or "", self.at, self.by)


@dataclass(frozen=True, slots=True)
class SideState:
    """What a side looked like when a study's content was compared; None where it did not hold the study."""

    revision: str
    contents_digest: str
    attributes_digest: str

    @classmethod
    def of(cls, row: InventoryRow | None) -> SideState | None:
        """Return the state that a row tells."""
        return None if row is None else cls(row.revision, row.contents_digest, row.attributes_digest)


@dataclass(frozen=True, slots=True)
class ContentCheck:
    """The outcome of a comparison of a study's content, kept beside what both sides looked like then.

    ``depth`` is ``instance`` or ``content``, ``classes`` counts differences by their class, ``path`` is where
    the whole comparison is, relative to the exports directory.
    """

    study_uid: StudyUid
    checked_at: datetime
    left: SideState | None
    right: SideState | None
    depth: str
    equal: bool
    classes: Mapping[str, int]
    comparison_id: str
    path: str = ""

    def is_current(self, pair: StudyPair) -> bool:
        """Return whether both archives still look as they did when the study was compared."""
        return SideState.of(pair.left) == self.left and SideState.of(pair.right) == self.right
