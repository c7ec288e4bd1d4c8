"""Two archives in memory, compared and repaired by the plan alone: its promises without any DICOM."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby

from orthanc_plugins.archives.base import ArchiveName, InstanceEntry
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.sync.differences import Comparison, Difference, DifferenceClass, StudyCounts
from orthanc_plugins.sync.settle import Effect, Operation, Seen

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
STUDY = StudyUid("1.2.3")
ORTHANC, DCM4CHEE = ArchiveName.ORTHANC, ArchiveName.DCM4CHEE

KEYWORDS = {
    "00100010": "PatientName",
    "00100040": "PatientSex",
    "00080020": "StudyDate",
    "00200052": "FrameOfReferenceUID",
    "00280010": "Rows",
    "300A00B0[0].300A00C2": "BeamName",
}
"""Elements that copies differ in: ordinary ones, an identity, one of the pixels, one of a sequence."""

OF_THE_STUDY = {"00100010", "00100040", "00080020"}


@dataclass
class Copy:
    """An instance in one archive."""

    series_uid: str
    modality: str = "CT"
    values: dict[str, str] = field(default_factory=dict)
    pixels: int = 0
    coerced: frozenset[str] = frozenset()


@dataclass
class Pair:
    """Orthanc and DCM4CHEE: copies by SOP Instance UID."""

    copies: dict[ArchiveName, dict[str, Copy]]

    def holdings(self) -> dict[ArchiveName, list[InstanceEntry]]:
        return {
            archive: [_entry(uid, one) for uid, one in held.items()] for archive, held in self.copies.items()
        }

    def seen(self) -> Seen:
        return Seen(self.compare(), self.holdings())

    def compare(self) -> Comparison:
        left, right = self.copies[ORTHANC], self.copies[DCM4CHEE]
        found = [one for target in ArchiveName for one in self._missing(target)]
        both_hold = sorted(left.keys() & right.keys())
        found += _told_once(
            [one for uid in both_hold for one in _between(uid, left[uid], right[uid])], left, both_hold
        )
        counts = {archive: _counts(held) for archive, held in self.copies.items()}
        both = len(left.keys() & right.keys())
        return Comparison(STUDY, "content", NOON, counts[ORTHANC], counts[DCM4CHEE], both, tuple(found))

    def _missing(self, target: ArchiveName) -> list[Difference]:
        kind = DifferenceClass.MISSING_LEFT if target is ORTHANC else DifferenceClass.MISSING_RIGHT
        here, there = self.copies[target], self.copies[target.other]
        if there and not here:
            return [Difference(kind, "study", STUDY)]
        series = {one.series_uid for one in here.values()}
        absent = {uid: one for uid, one in there.items() if uid not in here}
        whole = {one.series_uid for one in absent.values()} - series
        return [
            *(Difference(kind, "series", STUDY, SeriesUid(uid)) for uid in sorted(whole)),
            *(
                Difference(kind, "instance", STUDY, SeriesUid(one.series_uid), SopInstanceUid(uid))
                for uid, one in sorted(absent.items())
                if one.series_uid not in whole
            ),
        ]

    def apply(self, operation: Operation) -> None:
        """Carry out an operation; refuses what no archive would take."""
        here, there = self.copies[operation.target], self.copies[operation.target.other]
        for instance in operation.instances:
            uid = instance.sop_instance_uid
            if operation.effect is Effect.COPY:
                here.setdefault(uid, copy.deepcopy(there[uid]))
            elif operation.effect is Effect.REPLACE:
                assert here[uid].values.get("00200052") == there[uid].values.get("00200052"), (
                    "a UID rewritten"
                )
                here[uid] = copy.deepcopy(there[uid])
            else:
                for path in operation.paths:
                    assert path not in {"00200052", "00280010"}, "an element that is no attribute of its own"
                    here[uid].values = _with(here[uid].values, path, there[uid].values.get(path))


def _told_once(found: list[Difference], left: dict[str, Copy], both_hold: list[str]) -> list[Difference]:
    """Return differences that all instances of the study, or of a series, share as one."""
    alike: dict[tuple[object, ...], list[Difference]] = defaultdict(list)
    for one in found:
        alike[one.kind, one.tag, one.left, one.right].append(one)
    told: list[Difference] = []
    for same in alike.values():
        if same[0].kind is DifferenceClass.PIXEL:
            told += same
        elif same[0].tag in OF_THE_STUDY and len(same) == len(both_hold):
            told.append(replace(same[0], level="study", series_uid=None, sop_instance_uid=None))
        else:
            for series, of_series in groupby(same, key=lambda one: one.series_uid):
                listed = list(of_series)
                whole = len(listed) == sum(left[uid].series_uid == series for uid in both_hold) > 1
                told += [replace(listed[0], level="series", sop_instance_uid=None)] if whole else listed
    return told


def _with(values: dict[str, str], path: str, value: str | None) -> dict[str, str]:
    kept = {key: old for key, old in values.items() if key != path}
    return kept if value is None else {**kept, path: value}


def _entry(uid: str, one: Copy) -> InstanceEntry:
    size = 1000 + len(uid)
    return InstanceEntry(
        SopInstanceUid(uid), SeriesUid(one.series_uid), STUDY, "1.2", one.modality, None, size
    )


def _counts(held: dict[str, Copy]) -> StudyCounts | None:
    return StudyCounts(len({one.series_uid for one in held.values()}), len(held)) if held else None


def _between(uid: str, left: Copy, right: Copy) -> list[Difference]:
    place = (STUDY, SeriesUid(left.series_uid), SopInstanceUid(uid))
    found = []
    for tag in sorted(left.values.keys() | right.values.keys()):
        values = left.values.get(tag), right.values.get(tag)
        if values[0] != values[1]:
            coerced = tag in left.coerced | right.coerced
            kind = DifferenceClass.COERCED if coerced else DifferenceClass.METADATA
            found.append(Difference(kind, "instance", *place, tag, KEYWORDS[tag], *values))
    if left.pixels != right.pixels:
        found.append(Difference(DifferenceClass.PIXEL, "instance", *place, "7FE00010", "PixelData"))
    return found
