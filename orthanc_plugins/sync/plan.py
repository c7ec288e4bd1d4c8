"""From a comparison to a plan: what would be done about each difference, in which order, and why.

Every difference is dealt with in an action. Nothing is done that no difference asks for.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import RepairError
from orthanc_plugins.sync.actions import (
    LACKING,
    Action,
    ActionKind,
    InstanceRef,
    Keep,
    RepairPlan,
    comparison_digest,
)
from orthanc_plugins.sync.differences import DifferenceClass
from orthanc_plugins.sync.judgement import Findings, judge_instance
from orthanc_plugins.sync.strategies import Moments, archive_title
from orthanc_plugins.sync.study_level import told_in_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from orthanc_plugins.archives.base import InstanceEntry
    from orthanc_plugins.identifiers import SopInstanceUid
    from orthanc_plugins.rules.repair import RepairPolicy
    from orthanc_plugins.sync.differences import Comparison, Difference
    from orthanc_plugins.sync.strategies import Copies

_ORDER = tuple(ActionKind)
_AFTER_IMAGES = {"RTSTRUCT": 1, "SEG": 1, "REG": 1, "RTPLAN": 2, "RTDOSE": 3, "SR": 4, "PR": 4, "KO": 4}
"""What refers to images comes after them, and what refers to that, later still."""
_LOOK = (Keep.LEAVE,)


@dataclass(frozen=True)
class Known:
    """What is known of a study beside its comparison.

    Parameters
    ----------
    holdings
        The instances each archive lists, as they were when the study was compared.
    tombstones
        For each archive the UIDs of studies, series and instances that were deleted from it or rejected in it
        on purpose, each with a sentence that says so.
    moments
        What the copies of an instance tell of their times, as far as it was read.
    disappeared
        As ``tombstones``, of what an archive once listed, where nobody knows whether it was deleted or lost.
    held_once
        Keywords of what DCM4CHEE holds once for a whole study or patient, so that it has one value in all.
    """

    holdings: Copies[Sequence[InstanceEntry]]
    tombstones: Copies[Mapping[str, str]] = field(default_factory=dict)
    moments: Mapping[SopInstanceUid, Copies[Moments]] = field(default_factory=dict)
    disappeared: Copies[Mapping[str, str]] = field(default_factory=dict)
    held_once: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Gone:
    """Why an archive no longer lists what it once did."""

    reason: str
    on_purpose: bool

    def allowed_by(self, policy: RepairPolicy) -> str:
        """Return what a repair may do with it: ``block``, ``manual`` or ``copy``."""
        if self.on_purpose:
            return policy.deleted
        return "copy" if policy.deleted == "copy" else policy.disappeared


def make_plan(comparison: Comparison, policy: RepairPolicy, known: Known, *, made_at: datetime) -> RepairPlan:
    """Return what would be done about the differences that a comparison found.

    Raises
    ------
    RepairError
        The study was not compared by content, or what the archives list is not what was compared.
    """
    if comparison.depth != "content":
        raise RepairError("A repair is planned from a comparison by content: compare the study again.")
    drafts = _Planner(comparison, policy, known).drafts()
    ordered = sorted(drafts, key=_place)
    return RepairPlan(
        study_uid=comparison.study_uid,
        made_at=made_at,
        compared_at=comparison.compared_at,
        comparison_digest=comparison_digest(comparison),
        policy=policy,
        actions=tuple(replace(action, ordinal=number) for number, action in enumerate(ordered, 1)),
        incomplete=comparison.incomplete,
    )


def _place(action: Action) -> tuple[int, str, int, tuple[InstanceRef, ...], tuple[str, ...]]:
    return (
        _ORDER.index(action.kind),
        action.target or "",
        _AFTER_IMAGES.get(action.modality, 0),
        action.instances,
        tuple(one.tag for one in action.attributes),
    )


class _Planner:
    """One comparison on its way to a plan."""

    def __init__(self, comparison: Comparison, policy: RepairPolicy, known: Known) -> None:
        self._comparison = comparison
        self._policy = policy
        self._known = known
        self._held = {
            archive: {entry.sop_instance_uid: entry for entry in known.holdings.get(archive, ())}
            for archive in ArchiveName
        }

    def drafts(self) -> list[Action]:
        """Return all actions, in no order and without numbers."""
        of_instances: dict[InstanceRef, list[int]] = defaultdict(list)
        made: list[Action] = []
        lacking: dict[ArchiveName, list[int]] = defaultdict(list)
        for index, difference in enumerate(self._comparison.differences):
            if (archive := LACKING.get(difference.kind)) is not None:
                lacking[archive].append(index)
            elif difference.kind is DifferenceClass.COUNT:
                made.append(self._look_at(index, difference))
            else:
                for instance in self._subjects(difference):
                    of_instances[instance].append(index)
        for archive in ArchiveName:
            made += self._missing_in(archive, lacking[archive])
        found = told_in_part(
            [self._findings(instance, indexes) for instance, indexes in of_instances.items()],
            self._policy,
            self._known.held_once,
            self._held[ArchiveName.DCM4CHEE].keys(),
        )
        return made + gathered(action for one in found for action in judge_instance(one, self._policy))

    def _subjects(self, difference: Difference) -> Iterator[InstanceRef]:
        """Yield the instances that a difference is about: that one, or all of a level that both hold."""
        if difference.sop_instance_uid is not None and difference.series_uid is not None:
            yield InstanceRef(difference.series_uid, difference.sop_instance_uid)
            return
        for uid, entry in self._held[ArchiveName.ORTHANC].items():
            if uid in self._held[ArchiveName.DCM4CHEE] and difference.series_uid in {None, entry.series_uid}:
                yield InstanceRef(entry.series_uid, uid)

    def _findings(self, instance: InstanceRef, indexes: Sequence[int]) -> Findings:
        uid = instance.sop_instance_uid
        return Findings(
            instance=instance,
            differences={index: self._comparison.differences[index] for index in indexes},
            sizes={
                archive: held[uid].size_bytes if uid in held else None for archive, held in self._held.items()
            },
            moments=self._known.moments.get(uid, {}),
            once=self._known.held_once,
        )

    def _look_at(self, index: int, difference: Difference) -> Action:
        return Action(
            ordinal=0,
            kind=ActionKind.MANUAL,
            difference=difference.kind,
            target=None,
            instances=tuple(self._subjects(difference)) if difference.sop_instance_uid else (),
            reason=f"{difference.detail} See in the archives why.".strip(),
            options=_LOOK,
            differences=(index,),
        )

    def _missing_in(self, target: ArchiveName, indexes: Sequence[int]) -> Iterator[Action]:
        """Yield what is done about instances that one archive lacks, a series at a time."""
        told = {_place_of(self._comparison.differences[index]): index for index in indexes}
        parts: dict[tuple[str, _Gone | None], list[tuple[int, InstanceEntry]]] = defaultdict(list)
        for uid, entry in self._held[target.other].items():
            if uid in self._held[target]:
                continue
            places = (("instance", uid), ("series", entry.series_uid), ("study", None))
            index = next((told[place] for place in places if place in told), None)
            if index is None:
                raise _changed_since(target)
            parts[entry.series_uid, self._gone(target, entry)].append((index, entry))
        if {index for part in parts.values() for index, _ in part} != set(told.values()):
            raise _changed_since(target)
        for (_, gone), part in parts.items():
            yield self._copy(target, part, gone)

    def _copy(
        self, target: ArchiveName, part: Sequence[tuple[int, InstanceEntry]], gone: _Gone | None
    ) -> Action:
        indexes = sorted({index for index, _ in part})
        entries = [entry for _, entry in part]
        common = Action(
            ordinal=0,
            kind=ActionKind.COPY,
            difference=self._comparison.differences[indexes[0]].kind,
            target=target,
            instances=tuple(sorted(InstanceRef(one.series_uid, one.sop_instance_uid) for one in entries)),
            reason=f"{archive_title(target)} does not hold them.",
            size_bytes=_sum(one.size_bytes for one in entries),
            modality=entries[0].modality,
            differences=tuple(indexes),
        )
        reason = common.reason if gone is None else gone.reason
        allowed = "copy" if gone is None else gone.allowed_by(self._policy)
        if allowed == "block":
            return replace(common, kind=ActionKind.BLOCKED, target=None, reason=reason)
        if "manual" in {self._policy.missing, allowed}:
            asked = (
                f"{reason} A person decides whether they are copied to {archive_title(target)} or left out."
            )
            options = (Keep.COPY, Keep.LEAVE)
            return replace(common, kind=ActionKind.MANUAL, target=None, reason=asked, options=options)
        return replace(common, reason=reason)

    def _gone(self, target: ArchiveName, entry: InstanceEntry) -> _Gone | None:
        for on_purpose, told in ((True, self._known.tombstones), (False, self._known.disappeared)):
            reasons = told.get(target, {})
            for uid in (entry.sop_instance_uid, entry.series_uid, entry.study_uid):
                if uid in reasons:
                    return _Gone(reasons[uid], on_purpose=on_purpose)
        return None


def gathered(actions: Iterator[Action]) -> list[Action]:
    """Return actions with those that nobody carries out gathered by reason, over instances."""
    changing: list[Action] = []
    alike: dict[tuple[object, ...], list[Action]] = defaultdict(list)
    for action in actions:
        if action.kind.changes:
            changing.append(action)
        else:
            alike[_question(action)].append(action)
    return changing + [_together(found) for found in alike.values()]


def _question(action: Action) -> tuple[object, ...]:
    """Return what a person would have to be asked only once."""
    return (
        action.kind,
        action.difference,
        action.attributes,
        action.reason,
        action.whole_sequences,
        action.caution,
    )


def _together(alike: Sequence[Action]) -> Action:
    return replace(
        alike[0],
        instances=tuple(sorted({one for action in alike for one in action.instances})),
        differences=tuple(sorted({index for action in alike for index in action.differences})),
        size_bytes=_sum(action.size_bytes for action in alike),
    )


def _sum(sizes: Iterable[int | None]) -> int | None:
    """Return how many bytes it is together, None when one of them is not known."""
    total = 0
    for size in sizes:
        if size is None:
            return None
        total += size
    return total


def _place_of(difference: Difference) -> tuple[str, str | None]:
    """Return the level of a difference, and what is missing there."""
    place = {"instance": difference.sop_instance_uid, "series": difference.series_uid}.get(difference.level)
    return difference.level, place


def _changed_since(archive: ArchiveName) -> RepairError:
    return RepairError(
        f"What {archive_title(archive)} lacks is no longer what the comparison found: compare the study "
        "again."
    )
