"""What two archives list of a study against each other, without any instance being read.

Missing as a whole, a study is one difference, and so is a series; where a series is there, each missing
instance is one. An instance that is there in another series is not missing: it was moved. Transfer syntaxes
and sizes are left aside, for they are of how an archive stores: only the files tell whether they matter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from orthanc_plugins.sync.differences import (
    LEFT,
    RIGHT,
    Comparison,
    Difference,
    DifferenceClass,
    StudyCounts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from orthanc_plugins.archives.base import InstanceEntry, StudyEntry
    from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid

type Told = tuple[StudyEntry | None, StudyEntry | None]
"""How each side lists the study itself, left and right; None where that was not asked."""
SERIES_UID_TAG = "0020000E"
_SOP_CLASS_TAG, _MODALITY_TAG = "00080016", "00080060"
_MISSING = (DifferenceClass.MISSING_LEFT, DifferenceClass.MISSING_RIGHT)
_NAMES = (LEFT, RIGHT)
_LEVELS = {"study": 0, "series": 1, "instance": 2}


def compare_listings(
    study_uid: StudyUid,
    left: Sequence[InstanceEntry],
    right: Sequence[InstanceEntry],
    *,
    compared_at: datetime,
    told: Told = (None, None),
) -> Comparison:
    """Return what differs in which instances two archives hold of a study, at depth ``instance``.

    Parameters
    ----------
    left, right
        What Orthanc and DCM4CHEE list; nothing where they do not hold the study.
    compared_at
        When, in UTC.
    told
        How each lists the study itself: numbers that are not those of its instances are differences.
    """
    listing = Listing(study_uid, left, right)
    differences = [*listing.differences(), *listing.labels(), *listing.miscounts(told)]
    return Comparison(
        study_uid,
        "instance",
        compared_at,
        *listing.counts,
        instances_compared=len(listing.common),
        differences=in_order(differences),
        incomplete=listing.incomplete,
    )


def in_order(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """Return differences in the order of study, series, instance, element."""
    return tuple(
        sorted(
            differences,
            key=lambda one: (
                _LEVELS[one.level],
                one.series_uid or "",
                one.sop_instance_uid or "",
                one.tag or "",
                one.kind,
            ),
        )
    )


class Listing:
    """The instances that two archives list of a study, left and right."""

    def __init__(
        self, study_uid: StudyUid, left: Sequence[InstanceEntry], right: Sequence[InstanceEntry]
    ) -> None:
        self._study_uid = study_uid
        self._entries = (left, right)
        self.left, self.right = _by_uid(left, right), _by_uid(right, left)
        self.common = self.left.keys() & self.right.keys()

    @property
    def counts(self) -> tuple[StudyCounts | None, StudyCounts | None]:
        """How many series and instances each side holds, None where it does not hold the study."""
        left, right = (
            StudyCounts(len({entry.series_uid for entry in listed}), len(listed)) if listed else None
            for listed in self._entries
        )
        return left, right

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Why the listings cannot be compared; nothing when they can."""
        if self.left or self.right:
            return ()
        return ("Neither archive lists an instance of the study: there is nothing to compare.",)

    @property
    def moved(self) -> set[SopInstanceUid]:
        """Instances that the archives list in different series."""
        return {uid for uid in self.common if self.left[uid].series_uid != self.right[uid].series_uid}

    def is_another_copy(self, side: int, uid: SopInstanceUid, series_uid: SeriesUid) -> bool:
        """Return whether a file is of an instance listed twice, and not of that copy which is compared.

        Parameters
        ----------
        side
            Left 0 or right 1.
        """
        if series_uid == (self.left, self.right)[side][uid].series_uid:
            return False
        return any((one.sop_instance_uid, one.series_uid) == (uid, series_uid) for one in self._entries[side])

    def differences(self) -> Iterator[Difference]:
        """Yield what is missing, was moved to another series, or is listed more than once."""
        yield from self._missing(0)
        yield from self._missing(1)
        yield from self._moved()
        yield from self._repeated()

    def labels(self) -> Iterator[Difference]:
        """Yield where SOP classes of instances, or modalities of series, are listed otherwise."""
        series: set[SeriesUid] = set()
        for uid in sorted(self.common - self.moved):
            left, right = self.left[uid], self.right[uid]
            if left.sop_class_uid and right.sop_class_uid and left.sop_class_uid != right.sop_class_uid:
                yield Difference(
                    DifferenceClass.METADATA, "instance", self._study_uid, left.series_uid, uid,
                    _SOP_CLASS_TAG, "SOPClassUID", left.sop_class_uid, right.sop_class_uid,
                    "The archives list it with different SOP classes.",
                )  # fmt: skip
            if left.modality and right.modality and left.modality != right.modality:
                if left.series_uid not in series:
                    yield Difference(
                        DifferenceClass.METADATA, "series", self._study_uid, left.series_uid, None,
                        _MODALITY_TAG, "Modality", left.modality, right.modality,
                        "The archives list it with different modalities.",
                    )  # fmt: skip
                series.add(left.series_uid)

    def miscounts(self, told: Told) -> Iterator[Difference]:
        """Yield where an archive lists other numbers for the study than it lists instances of it."""
        for name, entry, counts in zip(_NAMES, told, self.counts, strict=True):
            if entry is None:
                continue
            found = counts or StudyCounts(0, 0)
            if (entry.series_count, entry.instance_count) != (found.series, found.instances):
                said = f"{entry.series_count:,} series, {entry.instance_count:,} instances"
                listed = f"{found.series:,} series, {found.instances:,} instances"
                shown = (said, None) if name == LEFT else (None, said)
                detail = f"{name} tells {said} of the study, and lists {listed}."
                yield Difference(
                    DifferenceClass.COUNT,
                    "study",
                    self._study_uid,
                    left=shown[0],
                    right=shown[1],
                    detail=detail,
                )

    def _missing(self, side: int) -> Iterator[Difference]:
        """Yield what one side, left 0 or right 1, does not list and the other does."""
        here, there = (self.left, self.right) if side == 0 else (self.right, self.left)
        absent = [entry for uid, entry in there.items() if uid not in here]
        kind, name = _MISSING[side], _NAMES[side]
        if absent and not here:
            series = len({entry.series_uid for entry in absent})
            held_there = f"{_many(series, 'series')}, {_many(len(absent), 'instance')}"
            detail = f"{name} does not hold the study: {held_there}."
            yield Difference(kind, "study", self._study_uid, detail=detail)
            return
        by_series: dict[SeriesUid, list[InstanceEntry]] = defaultdict(list)
        for entry in absent:
            by_series[entry.series_uid].append(entry)
        sizes = Counter(entry.series_uid for entry in there.values())
        held = {entry.series_uid for entry in here.values()}
        for series_uid, entries in by_series.items():
            if series_uid not in held and len(entries) == sizes[series_uid]:
                modality = f" of modality {entries[0].modality}" if entries[0].modality else ""
                detail = f"{name} does not hold the series: {_many(len(entries), 'instance')}{modality}."
                yield Difference(kind, "series", self._study_uid, series_uid, detail=detail)
                continue
            for entry in entries:
                detail = f"{name} does not hold the instance."
                uid = entry.sop_instance_uid
                yield Difference(kind, "instance", self._study_uid, series_uid, uid, detail=detail)

    def _moved(self) -> Iterator[Difference]:
        """Yield instances that are in different series; of a series as a whole, one difference."""
        moved: dict[tuple[SeriesUid, SeriesUid], list[SopInstanceUid]] = defaultdict(list)
        for one in sorted(self.moved):
            moved[self.left[one].series_uid, self.right[one].series_uid].append(one)
        of_left = Counter(entry.series_uid for entry in self.left.values())
        of_right = Counter(entry.series_uid for entry in self.right.values())
        for (left, right), uids in moved.items():
            whole = len(uids) == of_left[left] == of_right[right]
            detail = (
                "All its instances are in a series of another UID." if whole else "It is in another series."
            )
            subjects: list[SopInstanceUid | None] = [None] if whole else [*uids]
            for uid in subjects:
                yield Difference(
                    DifferenceClass.METADATA, "series" if whole else "instance", self._study_uid, left, uid,
                    SERIES_UID_TAG, "SeriesInstanceUID", left, right, detail,
                )  # fmt: skip

    def _repeated(self) -> Iterator[Difference]:
        """Yield instances that a side lists more than once."""
        times = [Counter(entry.sop_instance_uid for entry in entries) for entries in self._entries]
        for uid in sorted(times[0].keys() | times[1].keys()):
            left, right = times[0][uid], times[1][uid]
            if max(left, right) > 1:
                entry = self.left.get(uid) or self.right[uid]
                detail = f"{LEFT} lists the instance {left} times, {RIGHT} {right} times."
                yield Difference(
                    DifferenceClass.COUNT, "instance", self._study_uid, entry.series_uid, uid,
                    left=str(left), right=str(right), detail=detail,
                )  # fmt: skip


def _by_uid(
    entries: Sequence[InstanceEntry], others: Sequence[InstanceEntry]
) -> dict[SopInstanceUid, InstanceEntry]:
    """Return entries by UID; of one that is listed twice, that which the other side lists too."""
    there = {(other.sop_instance_uid, other.series_uid) for other in others}
    found: dict[SopInstanceUid, InstanceEntry] = {}
    for entry in sorted(entries, key=lambda one: (one.sop_instance_uid, one.series_uid) not in there):
        found.setdefault(entry.sop_instance_uid, entry)
    return found


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 or what == 'series' else 's'}"
