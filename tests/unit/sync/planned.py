"""Differences between two copies, and the plan of their repair."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives.base import ArchiveName, InstanceEntry
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid
from orthanc_plugins.rules.repair import RepairPolicy
from orthanc_plugins.sync.differences import Comparison, Difference, DifferenceClass, StudyCounts
from orthanc_plugins.sync.plan import Known, make_plan
from tests.unit.sync.simulated import NOON, STUDY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.sync.actions import (
        RepairPlan,
    )
    from orthanc_plugins.sync.strategies import Moments

ORTHANC, DCM4CHEE = ArchiveName.ORTHANC, ArchiveName.DCM4CHEE
MISSING_RIGHT, METADATA, PIXEL = (
    DifferenceClass.MISSING_RIGHT,
    DifferenceClass.METADATA,
    DifferenceClass.PIXEL,
)


def entry(uid: str, series: str = "1.2.3.9", modality: str = "CT", size: int | None = 1000) -> InstanceEntry:
    return InstanceEntry(SopInstanceUid(uid), SeriesUid(series), STUDY, "1.2", modality, None, size)


def differs(
    kind: DifferenceClass = METADATA,
    tag: str | None = "00100010",
    keyword: str | None = "PatientName",
    left: str | None = "A",
    right: str | None = "B",
    uid: str | None = "1",
) -> Difference:
    series, sop = (None, None) if uid is None else (SeriesUid("1.2.3.9"), SopInstanceUid(uid))
    level = "study" if uid is None else "instance"
    return Difference(kind, level, STUDY, series, sop, tag, keyword, left, right, "It differs.")  # type: ignore[arg-type]


def compared(*differences: Difference, **changes: Any) -> Comparison:
    counts = StudyCounts(1, 3)
    return replace(Comparison(STUDY, "content", NOON, counts, counts, 3, tuple(differences)), **changes)


BOTH = [entry("1"), entry("2"), entry("3")]


def planned(
    *differences: Difference,
    left: Sequence[InstanceEntry] = BOTH,
    right: Sequence[InstanceEntry] = BOTH,
    tombstones: Mapping[ArchiveName, Mapping[str, str]] | None = None,
    moments: Mapping[SopInstanceUid, Mapping[ArchiveName, Moments]] | None = None,
    held_once: frozenset[str] = frozenset(),
    **policy: Any,
) -> RepairPlan:
    known = Known({ORTHANC: left, DCM4CHEE: right}, tombstones or {}, moments or {}, held_once=held_once)
    return make_plan(compared(*differences), RepairPolicy(**policy), known, made_at=NOON)
