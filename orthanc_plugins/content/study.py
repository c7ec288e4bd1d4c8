"""Two copies of a study against each other, down to the last instance, element and pixel.

The files of each side come in any order and are let go of at once: what is kept of one is its digest. Only
instances whose digests differ are looked at as a whole, and for that their files are asked for once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.content.frames import syntax_name
from orthanc_plugins.content.instances import InstanceDigest, compare_files, instance_digest
from orthanc_plugins.content.levels import Collected
from orthanc_plugins.content.pixels import recoded
from orthanc_plugins.errors import ArchiveError
from orthanc_plugins.sync.differences import LEFT, RIGHT, Comparison
from orthanc_plugins.sync.listing import SERIES_UID_TAG, Listing, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from orthanc_plugins.archives.base import DicomFile, InstanceEntry, StudyEntry
    from orthanc_plugins.content.findings import Finding
    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid

type Fetch = Callable[[ArchiveName, SopInstanceUid], DicomFile]
"""Gives the file of an instance once more; raises ArchiveError."""

_KEPT_BYTES = 2**26
"""So many bytes of the left side's files are kept, for those that differ need not be asked for again."""
_NAMED = 3
_SIDES = ((ArchiveName.ORTHANC, LEFT), (ArchiveName.DCM4CHEE, RIGHT))


@dataclass(frozen=True)
class StudyCopy:
    """A study as one side holds it.

    Parameters
    ----------
    entries
        The instances that it lists; none where it does not hold the study.
    copies
        The files it gives of them, in any order; those that the other side does not list may be left out.
    told
        How it lists the study itself, None where that was not asked.
    """

    entries: Sequence[InstanceEntry]
    copies: Iterable[DicomFile] = ()
    told: StudyEntry | None = None


def compare_studies(
    study_uid: StudyUid, left: StudyCopy, right: StudyCopy, *, fetch: Fetch, compared_at: datetime
) -> Comparison:
    """Return what two copies of a study differ in, at depth ``content``; `compare_listings` is of less depth.

    Parameters
    ----------
    study_uid
        The study.
    left, right
        As Orthanc and DCM4CHEE hold it. Files of the left side are read first, then those of the right one.
    fetch
        Gives files again where digests differ.
    compared_at
        When, in UTC.

    Raises
    ------
    ArchiveError
        A side gave no file at all. Once it has given one, what it does not give makes the comparison
        incomplete.
    """
    listing = Listing(study_uid, left.entries, right.entries)
    found = _Contents(listing, fetch, Collected(study_uid))
    if listing.common:
        found.compare(left.copies, right.copies)
    differences = [
        *listing.differences(),
        *listing.miscounts((left.told, right.told)),
        *found.collected.differences(),
    ]
    return Comparison(
        study_uid,
        "content",
        compared_at,
        *listing.counts,
        instances_compared=found.compared,
        differences=in_order(differences),
        incomplete=(*listing.incomplete, *found.incomplete),
        notes=tuple(found.notes),
    )


@dataclass
class _Contents:
    """The instances that both sides list, and what was found when their contents were compared."""

    listing: Listing
    fetch: Fetch
    collected: Collected
    incomplete: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    compared: int = 0
    _kept: dict[SopInstanceUid, DicomFile] = field(default_factory=dict)

    def compare(self, left: Iterable[DicomFile], right: Iterable[DicomFile]) -> None:
        """Compare every instance that both sides list and give."""
        moved = self.listing.moved
        lefts = self._left_digests(left)
        given = set()
        for uid, digest, file in self._given(right, 1, lefts):
            given.add(uid)
            if uid in lefts:
                self._pair(lefts[uid], digest, file, is_moved=uid in moved)
        self._missing_files(lefts.keys(), 0)
        self._missing_files(given, 1)

    def _left_digests(self, left: Iterable[DicomFile]) -> dict[SopInstanceUid, InstanceDigest]:
        """Return the digests of the left side, keeping as many of its files as there is room for."""
        found: dict[SopInstanceUid, InstanceDigest] = {}
        room = _KEPT_BYTES
        for uid, digest, file in self._given(left, 0, {}):
            found[uid] = digest
            if len(file.content) <= room:
                self._kept[uid] = file
                room -= len(file.content)
        return found

    def _given(
        self, copies: Iterable[DicomFile], side: int, others: Mapping[SopInstanceUid, InstanceDigest]
    ) -> Iterator[tuple[SopInstanceUid, InstanceDigest, DicomFile]]:
        """Yield digest and file of each instance that a side gives and both list."""
        listed, name = (self.listing.left, self.listing.right)[side], _SIDES[side][1]
        given: dict[SopInstanceUid, InstanceDigest] = {}
        for file in self._files(copies, name):
            uid = file.sop_instance_uid
            if uid not in listed:
                self.incomplete.append(f"{name} gave instance {uid}, which it did not list.")
            elif uid in self.listing.common:
                digest = self._digest(file, others.get(uid))
                if self.listing.is_another_copy(side, uid, digest.series_uid):
                    continue
                if uid not in given:
                    yield uid, digest, file
                elif digest != given[uid]:
                    self.incomplete.append(f"{name} gave instance {uid} twice, and not the same.")
                given[uid] = digest

    def _files(self, files: Iterable[DicomFile], name: str) -> Iterator[DicomFile]:
        """Yield the files of a side; that it breaks off is told, once it has given any."""
        count = 0
        try:
            for file in files:
                count += 1
                yield file
        except ArchiveError as error:
            if not count:
                raise
            self.incomplete.append(f"{name} broke off after {count:,} instances: {error}")

    def _digest(self, file: DicomFile, other: InstanceDigest | None) -> InstanceDigest:
        """Return a file's digest, with decoded values where those of the other side are to be met."""
        left, right = (held[file.sop_instance_uid] for held in (self.listing.left, self.listing.right))
        syntaxes = {left.transfer_syntax_uid, right.transfer_syntax_uid}
        unlike = None not in syntaxes and len(syntaxes) > 1
        digest = instance_digest(file, decode=unlike)
        if other is not None and other.pixels.values and other.pixels.coding != digest.pixels.coding:
            return digest if digest.pixels.values else instance_digest(file, decode=True)
        return digest

    def _pair(self, left: InstanceDigest, right: InstanceDigest, file: DicomFile, *, is_moved: bool) -> None:
        """Compare two copies of an instance, by their digests where that is enough."""
        uid = left.sop_instance_uid
        kept = self._kept.pop(uid, None)
        series_uid = self.listing.left[uid].series_uid
        findings: list[Finding] = []
        if left.recoded_as(right):
            names = (syntax_name(left.transfer_syntax_uid), syntax_name(right.transfer_syntax_uid))
            findings.append(recoded(*names))
        elif not left.same_as(right):
            files = self._both(uid, kept, file)
            if files is None:
                return
            found = compare_files(*files)
            findings = found.differences
            self.incomplete.extend(f"Instance {uid}: {reason}" for reason in found.incomplete)
            self.notes.extend(f"Instance {uid}: {note}" for note in found.notes)
        self.compared += 1
        self.collected.compared[series_uid].add(uid)
        for finding in findings:
            if not (is_moved and finding.tag == SERIES_UID_TAG):
                self.collected.add(series_uid, uid, finding)

    def _both(
        self, uid: SopInstanceUid, left: DicomFile | None, right: DicomFile
    ) -> tuple[DicomFile, DicomFile] | None:
        """Return both files of an instance, None when the left one is not to be had again."""
        try:
            return left or self.fetch(ArchiveName.ORTHANC, uid), right
        except ArchiveError as error:
            self.incomplete.append(f"Instance {uid} differs, and could not be read again: {error}")
            return None

    def _missing_files(self, given: Iterable[SopInstanceUid], side: int) -> None:
        """Tell which instances a side lists and did not give."""
        missing = sorted(self.listing.common - set(given))
        if missing:
            named = ", ".join(missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
            self.incomplete.append(
                f"{_SIDES[side][1]} did not give {len(missing):,} of the {len(self.listing.common):,} "
                f"instances that both list: {named}"
            )
