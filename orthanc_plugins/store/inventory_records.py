"""What the inventory holds: plain records, without the database's library.

The left side is Orthanc, the right side DCM4CHEE, everywhere. Names and identifiers of patients are left out
of ``repr``, so that no log and no error text ever holds one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from orthanc_plugins.identifiers import StudyUid

LEFT = "orthanc"
"""Name of the archive on the left side."""

RIGHT = "dcm4chee"
"""Name of the archive on the right side."""

KEY_BYTES = 8
"""Length of the key of an instance in a study's contents."""


class EventKind(StrEnum):
    """What happened to a study in an archive."""

    APPEARED = "appeared"
    CHANGED = "changed"
    DISAPPEARED = "disappeared"
    RESTORED = "restored"
    """It had disappeared, and is there again."""


class InventoryDifference(StrEnum):
    """How the two archives' rows of a study differ; told without asking either archive."""

    ONLY_LEFT = "only_left"
    ONLY_RIGHT = "only_right"
    COUNT = "count"
    """Both hold it, with different numbers of instances or of series."""
    CONTENTS = "contents"
    """Both hold as many instances, but not the same ones."""
    ATTRIBUTES = "attributes"
    """Attributes of patient or study differ."""


class Presence(StrEnum):
    """Where a study is, and whether both archives say the same of it."""

    ONLY_LEFT = "only_left"
    ONLY_RIGHT = "only_right"
    BOTH = "both"
    SAME = "same"
    """Both hold it and their rows agree."""
    DIFFERING = "differing"
    """Both hold it and their rows do not agree."""


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """A study as an archive held it when it was last looked at.

    Parameters
    ----------
    contents_digest
        Digest of the keys of its instances; equal digests hold the same SOP Instance UIDs.
    attributes_digest
        Digest of the normalised attributes of patient and study.
    revision
        As the archive told it; empty where it does not.
    archive_key
        The archive's own key of the study, empty where it is the UID.
    listed_at
        When the archive last said so.
    changed_at
        When contents, attributes or counts were first seen as they are.
    pass_number
        The pass over the archive that saw it last.
    """

    archive: str
    study_uid: StudyUid
    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)
    study_date: str = field(repr=False)
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int
    contents_digest: str
    attributes_digest: str
    revision: str
    archive_key: str
    listed_at: datetime
    changed_at: datetime
    pass_number: int

    def agrees_with(self, other: InventoryRow) -> bool:
        """Return whether both rows say the same of the study's contents, counts and attributes."""
        return (
            self.contents_digest == other.contents_digest
            and self.attributes_digest == other.attributes_digest
            and self.series_count == other.series_count
            and self.instance_count == other.instance_count
        )


@dataclass(frozen=True, slots=True)
class Holding:
    """A study with its contents.

    ``keys`` are the keys of its instances, each of `KEY_BYTES` bytes, sorted, each once, one after the other.
    """

    row: InventoryRow
    keys: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StudyPair:
    """A study as both archives hold it; None on the side that does not."""

    study_uid: StudyUid
    left: InventoryRow | None
    right: InventoryRow | None

    @property
    def differences(self) -> frozenset[InventoryDifference]:
        """How the two sides differ, none when they agree."""
        if self.left is None or self.right is None:
            if self.left is self.right:
                return frozenset()
            only = InventoryDifference.ONLY_RIGHT if self.left is None else InventoryDifference.ONLY_LEFT
            return frozenset({only})
        left, right = self.left, self.right
        found = set()
        if (left.instance_count, left.series_count) != (right.instance_count, right.series_count):
            found.add(InventoryDifference.COUNT)
        elif left.contents_digest != right.contents_digest:
            found.add(InventoryDifference.CONTENTS)
        if left.attributes_digest != right.attributes_digest:
            found.add(InventoryDifference.ATTRIBUTES)
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class StudyFilter:
    """Which studies are asked for; all conditions must hold on one side, None is no condition.

    ``search`` finds text in PatientID and PatientName, whatever its case and accents; ``*`` stands for any
    characters. Dates are YYYYMMDD, both included.
    """

    presence: Presence | None = None
    patient_id: str | None = field(default=None, repr=False)
    search: str | None = field(default=None, repr=False)
    first_date: str | None = None
    last_date: str | None = None


@dataclass(frozen=True, slots=True)
class InventoryTotals:
    """How much of an archive is in the inventory."""

    studies: int
    series: int
    instances: int


@dataclass(frozen=True, slots=True)
class InventorySummary:
    """How many studies are where, by the inventories of both archives.

    ``count``, ``contents`` and ``attributes`` count the studies that differ so; one may differ in several
    ways. ``by_content`` are those of ``differing`` whose inventories agree: their newest comparison of
    content is current and did not find them equal.
    """

    same: int
    differing: int
    only_left: int
    only_right: int
    count: int
    contents: int
    attributes: int
    by_content: int = 0

    @property
    def all_differing(self) -> int:
        """How many studies are not the same on both sides."""
        return self.differing + self.only_left + self.only_right


@dataclass(frozen=True, slots=True)
class ArchivesCoverage:
    """How many studies are where, and what of those that both archives hold was compared.

    Parameters
    ----------
    only_left, only_right
        Held by one archive alone.
    same_instances, other_instances
        Held by both, by the inventories alone: with the same instances, or not.
    attributes
        Held by both, and attributes of patient or study differ as they are listed.
    equal, unequal, changed, never
        Held by both, by their newest comparison of content: found equal or not, both archives being as they
        were then; one of them has changed since; there is none. They add up to those that both hold.
    partly
        Those of ``unequal`` that were not compared as a whole, and no difference was found.
    by_class
        Those of ``unequal`` in which a class of difference was found; one may have several.
    differing
        Held by both, and not the same by the inventories, or not found equal in content.
    oldest_equal_at
        When the oldest comparison of ``equal`` was made, None where there is none.
    """

    only_left: int
    only_right: int
    same_instances: int
    other_instances: int
    attributes: int
    equal: int
    unequal: int
    changed: int
    never: int
    partly: int
    differing: int
    by_class: Mapping[str, int]
    oldest_equal_at: datetime | None


@dataclass(frozen=True, slots=True)
class StudyChange:
    """What became of one study when the inventory was brought up to date.

    ``come`` and ``gone`` are keys of instances.
    """

    study_uid: StudyUid
    kind: EventKind
    instances_before: int
    instances_after: int
    come: tuple[bytes, ...] = ()
    gone: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchivePosition:
    """How far an archive's changes are known.

    Parameters
    ----------
    cursor
        Where to go on asking for changes, None before the first inventory and until the archive was listed as
        a whole at a new address.
    pass_number
        The newest pass that was begun.
    full_pass_at
        When a pass over the whole archive last came to its end, None when none ever did: until then what the
        inventory lacks says nothing.
    state
        ``current``, ``incomplete`` (a first pass has not come to its end) or ``unreachable``.
    error
        Why the archive was not brought up to date, empty when it was.
    extra_studies, extra_instances
        How many more the archive counts than it lists, as last looked into: it counts what it does not list.
    address
        Where it is asked, None where that is not remembered.
    former_address
        Where it was asked before, as long as that it moved is not settled: it has not been listed at its new
        address to the end, or what it lacks there is held.
    """

    archive: str
    cursor: str | None = None
    pass_number: int = 0
    full_pass_at: datetime | None = None
    updated_at: datetime | None = None
    state: str = "incomplete"
    error: str = ""
    extra_studies: int = 0
    extra_instances: int = 0
    address: str | None = None
    former_address: str | None = None

    def is_of(self, address: str | None) -> bool:
        """Return whether a whole inventory is known, and is of the archive at an address.

        Where no address is told or remembered, it is of any.
        """
        whole = self.full_pass_at is not None and self.cursor is not None
        return whole and (address is None or self.address in {None, address})


@dataclass(frozen=True, slots=True)
class PatientSummary:
    """A patient over both archives, told by PatientID alone."""

    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)
    studies: int
    left_studies: int
    right_studies: int
    listed_at: datetime


@dataclass(frozen=True, slots=True)
class Page[T]:
    """A part of a list, and how long the whole list is."""

    entries: tuple[T, ...]
    total: int


def split_keys(keys: bytes) -> frozenset[bytes]:
    """Return the keys of instances that stand in one piece."""
    return frozenset(keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES))


def joined_keys(keys: Iterable[bytes]) -> bytes:
    """Return keys of instances in one piece, sorted, each once."""
    return b"".join(sorted(set(keys)))
