"""What is remembered beside the inventory: rounds, changes, tombstones, comparisons of content."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
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


class Absence(StrEnum):
    """What is known of why an archive no longer lists something."""

    DELETED = "deleted"
    """Orthanc said so when it deleted it."""
    REJECTED = "rejected"
    """DCM4CHEE lists it among what was rejected there."""
    DISAPPEARED = "disappeared"
    """Nothing: it may have been deleted, or lost."""
    HELD = "held"
    """Nothing, and so much went at once that a person decides about all of it together."""
    DECIDED = "decided"
    """A person decided that it stays away."""

    @property
    def is_meant(self) -> bool:
        """Whether it is known that somebody or something took it out, or wants it to stay out."""
        return self not in {Absence.DISAPPEARED, Absence.HELD}


@dataclass(frozen=True, slots=True)
class Hold:
    """That an archive lost so much at once that none of it is copied back until a person decides.

    With a ``former_address`` it is what the archive at the new ``address`` lacks, however few studies.
    """

    archive: str
    since: datetime
    studies: int
    address: str | None = None
    former_address: str | None = None

    @property
    def text(self) -> str:
        """What a person has to know of it."""
        if self.former_address is not None:
            return self._moved
        return (
            f"{self.studies} studies disappeared from {self.archive} at once, noted "
            f"{self.since:%Y-%m-%d %H:%M} UTC: was it emptied? None of them is copied back until a person "
            f"decides: `pacs sync --refill {self.archive}` copies them, `--bury {self.archive}` lets them "
            "stay away."
        )

    @property
    def _moved(self) -> str:
        studies = "1 study that was known is" if self.studies == 1 else f"{self.studies} studies known are"
        return (
            f"The address of {self.archive} changed from {self.former_address} to {self.address}, and "
            f"{studies} not there, or not whole (noted {self.since:%Y-%m-%d %H:%M} UTC). None of that is "
            "copied there until a person decides. Is it another archive? "
            f"`pacs sync --refill {self.archive}` copies it there. Is it the same one, which lost it? Wait "
            f"until it lists all again, or let it stay away: `--bury {self.archive}`. With the former "
            "address set again, all is as it was."
        )


@dataclass(frozen=True, slots=True)
class Tombstone:
    """That a study, or instances of it, are gone from an archive and are not to be sent there again.

    Parameters
    ----------
    whole
        All instances of the study, also those that nobody saw there; else only those of ``keys``.
    keys
        Keys of the instances.
    kind
        An `Absence`; one that is meant holds for the keys of ``proven``, see `kind_of`.
    noted_by, lifted_by
        Who or what did so; ``lifted_at`` is None while it holds.
    proven
        Those of the keys of which the kind is known; all of them when none is told.
    held_at
        When the archive last listed them, None where that is not known.
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
    proven: frozenset[bytes] | None = field(default=None, repr=False)
    held_at: datetime | None = None

    @property
    def told(self) -> Absence:
        """What is known of all of it."""
        kind = Absence(self.kind)
        whole = not kind.is_meant or self.proven is None or self.proven >= self.keys
        return kind if whole else Absence.DISAPPEARED

    def kind_of(self, key: bytes) -> Absence:
        """Return what is known of an instance that it covers."""
        return Absence(self.kind) if self.proven is not None and key in self.proven else self.told

    def covers(self, key: bytes) -> bool:
        """Return whether the instance of this key may not be sent to the archive."""
        return self.lifted_at is None and (self.whole or key in self.keys)


@dataclass(frozen=True, slots=True)
class Writing:
    """How what is written is kept in mind.

    Parameters
    ----------
    run_id
        The round of synchronisation that found it out, or the transfer or repair that did it.
    at
        When.
    note
        Whether it goes into the history; a first inventory does not, it is no news.
    bury
        The kind of the tombstones of what is gone, an `Absence`; None sets none.
    by
        Who or what is told to have taken it out.
    """

    run_id: str
    at: datetime
    note: bool = True
    bury: str | None = None
    by: str = "archive"

    def tombstone(self, row: InventoryRow, keys: frozenset[bytes], *, whole: bool = False) -> Tombstone:
        """Return the tombstone of what is gone of a study, ``row`` being what was last listed of it."""
        kind = self.bury or Absence.DISAPPEARED
        return Tombstone(
            row.archive, row.study_uid, whole, keys, kind, self.at, self.by, held_at=row.listed_at
        )


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

    def is_unequal_now(self, pair: StudyPair) -> bool:
        """Return whether the content of both copies, as the archives hold them now, was not found equal."""
        both = pair.left is not None and pair.right is not None
        return both and self.depth == "content" and not self.equal and self.is_current(pair)
