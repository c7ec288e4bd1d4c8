"""What becomes of the differences of one instance that both archives hold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.rules.repair import Strategy
from orthanc_plugins.sync.actions import Action, ActionKind, AttributeValues, InstanceRef, Keep
from orthanc_plugins.sync.differences import DifferenceClass
from orthanc_plugins.sync.identity import describes_coding, describes_pixels, is_identity
from orthanc_plugins.sync.paths import parse_path, without_items
from orthanc_plugins.sync.strategies import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from orthanc_plugins.rules.repair import RepairPolicy
    from orthanc_plugins.sync.differences import Difference
    from orthanc_plugins.sync.paths import Step
    from orthanc_plugins.sync.strategies import Copies, Moments

_ALL = (Keep.ORTHANC, Keep.DCM4CHEE, Keep.LEAVE)
_TO_ORTHANC = (Keep.DCM4CHEE, Keep.LEAVE)
_IDENTITY = (
    "It identifies an object or refers to one: UIDs are never rewritten. Ask its source which is right."
)
_CODING = "It says how the texts of its own file are coded, not what they are."
_SYNTAX = "The pixels are coded in another way and are the same."
_COERCED = "The archive changed it by its own rules and says so."
_UNREADABLE_PATH = "The suite cannot find this element again by itself: a person decides in the archive."
_PATIENT_GROUP = "0010"
_UNORDERED = frozenset({"30060020", "30060039", "30060080"})
"""Sequences of structure sets whose items are told by their region, wherever they stand in each copy."""
_ITEMS = "The sequences have different numbers of items and not all of what differs in them is decided alike."
_OF_ALL_STUDIES = "DCM4CHEE holds {} once for all studies of the patient: it changes in all of them."
_IF_IT_OVERWRITES = (
    "DCM4CHEE takes it only if its dcmOverwritePolicy lets it. By default (SAME_SOURCE) only what came by "
    "C-STORE can be replaced, and only by the AE title that sent it: for everything else set the policy to "
    "ALWAYS before, or correct it in DCM4CHEE."
)
_WHOLE = (
    "A person decides: the whole instance of one archive takes the other's place, with all its attributes."
)


@dataclass(frozen=True)
class Findings:
    """All that differs between the two copies of one instance.

    Parameters
    ----------
    differences
        By their place in the comparison.
    sizes
        Bytes of each archive's file, None where it does not tell.
    moments
        What the copies tell of their times.
    kept_by_dcm4chee
        Of differences, by their place, for which DCM4CHEE cannot be given Orthanc's value: why.
    once
        Keywords of what DCM4CHEE holds once for the whole study or patient.
    """

    instance: InstanceRef
    differences: Mapping[int, Difference]
    sizes: Copies[int | None]
    moments: Copies[Moments]
    kept_by_dcm4chee: Mapping[int, str] = field(default_factory=dict)
    once: Collection[str] = ()


@dataclass(frozen=True)
class _Judged:
    """One difference of an element, and what becomes of it."""

    index: int
    difference: Difference
    steps: tuple[Step, ...]
    verdict: Verdict
    options: tuple[Keep, ...] = _ALL

    @property
    def top(self) -> str:
        return self.steps[0].name

    @property
    def values(self) -> AttributeValues:
        one = self.difference
        return AttributeValues(one.tag or "", one.keyword, one.left, one.right)


def verdict_on(
    difference: Difference, steps: tuple[Step, ...], findings: Findings, policy: RepairPolicy
) -> Verdict:
    """Return which value of an element stays, by the policy alone; ``steps`` is the element's path."""
    if difference.kind is DifferenceClass.TRANSFER_SYNTAX_ONLY:
        return _stays(_SYNTAX)
    if is_identity(steps, difference.left, difference.right):
        return _stays(_IDENTITY)
    if describes_coding(steps):
        return _stays(_CODING)
    strategy: Strategy = policy.strategy_of(difference.keyword, without_items(steps))
    explained = difference.kind is DifferenceClass.COERCED
    if explained:
        if policy.coerced == "leave":
            return _stays(_COERCED)
        strategy = policy.coerced
    values = {ArchiveName.ORTHANC: difference.left, ArchiveName.DCM4CHEE: difference.right}
    return judge(strategy, values, findings.moments, steps[0].name, explained=explained)


def judge_instance(findings: Findings, policy: RepairPolicy) -> list[Action]:
    """Return what is done about one instance's differences, each in one action; not numbered."""
    return _Instance(findings, policy).actions()


class _Instance:
    """One instance on its way into a plan."""

    def __init__(self, findings: Findings, policy: RepairPolicy) -> None:
        self._findings = findings
        self._policy = policy
        self._elements: list[_Judged] = []
        self._pixels: dict[int, Difference] = {}

    def actions(self) -> list[Action]:
        for index, difference in self._findings.differences.items():
            self._sort(index, difference)
        made = list(self._of_elements())
        if self._pixels:
            made.append(self._of_pixels([action.kind for action in made]))
        return made

    def _sort(self, index: int, difference: Difference) -> None:
        """Put a difference where it is dealt with."""
        steps: tuple[Step, ...] = ()
        try:
            steps = parse_path(difference.tag or "")
        except ValueError:
            if difference.kind not in {DifferenceClass.PIXEL, DifferenceClass.TRANSFER_SYNTAX_ONLY}:
                verdict = Verdict(None, by_person=True, reason=_UNREADABLE_PATH)
                self._elements.append(_Judged(index, difference, (), verdict, (Keep.LEAVE,)))
                return
        coding = difference.kind in {DifferenceClass.METADATA, DifferenceClass.COERCED}
        if difference.kind is DifferenceClass.PIXEL or (coding and describes_pixels(steps)):
            self._pixels[index] = difference
            return
        self._elements.append(self._judged(index, difference, steps))

    def _judged(self, index: int, difference: Difference, steps: tuple[Step, ...]) -> _Judged:
        verdict = verdict_on(difference, steps, self._findings, self._policy)
        why = self._findings.kept_by_dcm4chee.get(index)
        if why is None or not (verdict.by_person or verdict.keep is ArchiveName.ORTHANC):
            return _Judged(index, difference, steps, verdict)
        asked = Verdict(None, by_person=True, reason=f"{why} A person decides.")
        return _Judged(index, difference, steps, asked, _TO_ORTHANC)

    # Elements

    def _of_elements(self) -> Iterator[Action]:
        updates: dict[ArchiveName, list[_Judged]] = defaultdict(list)
        whole: dict[ArchiveName, set[str]] = defaultdict(set)
        for group in self._sequences():
            keeps = {one.verdict.keep for one in group}
            if not _as_whole(group):
                for one in group:
                    if one.verdict.keep is not None:
                        updates[one.verdict.keep.other].append(one)
                    else:
                        yield self._not_changed([one], one.verdict)
            elif len(keeps) == 1 and (keep := next(iter(keeps))) is not None:
                updates[keep.other] += group
                whole[keep.other].add(group[0].top)
            else:
                yield self._not_changed(group, _as_one(group))
        for target, changed in updates.items():
            yield self._update(target, changed, whole[target])

    def _sequences(self) -> list[list[_Judged]]:
        """Return what is judged by the element of the top level it lies in; what is no element, alone."""
        groups: dict[object, list[_Judged]] = defaultdict(list)
        for one in self._elements:
            groups[one.top if one.steps else one.index].append(one)
        return list(groups.values())

    def _update(self, target: ArchiveName, changed: Sequence[_Judged], whole: set[str]) -> Action:
        changed = sorted(changed, key=lambda one: one.values.tag)
        return Action(
            ordinal=0,
            kind=ActionKind.UPDATE,
            difference=_class_of(changed),
            target=target,
            instances=(self._findings.instance,),
            reason=_reasons(changed),
            attributes=tuple(one.values for one in changed),
            whole_sequences=tuple(sorted(whole)),
            size_bytes=self._findings.sizes.get(target),
            differences=tuple(sorted(one.index for one in changed)),
            caution=_caution(changed, self._findings.once) if target is ArchiveName.DCM4CHEE else "",
        )

    def _not_changed(self, group: Sequence[_Judged], verdict: Verdict) -> Action:
        options = tuple(one for one in _ALL if all(one in judged.options for judged in group))
        asked = options if verdict.by_person else ()
        return Action(
            ordinal=0,
            kind=ActionKind.MANUAL if verdict.by_person else ActionKind.LEAVE,
            difference=_class_of(group),
            target=None,
            instances=(self._findings.instance,),
            reason=verdict.reason,
            attributes=tuple(one.values for one in group if one.steps),
            whole_sequences=(group[0].top,) if _as_whole(group) else (),
            size_bytes=_largest(self._findings.sizes),
            options=asked,
            differences=tuple(sorted(one.index for one in group)),
            caution=_if_orthanc(asked, _caution(group, self._findings.once)),
        )

    # Pixels

    def _of_pixels(self, others: Sequence[ActionKind]) -> Action:
        """Return what is done about differing pixels, given what is done about everything else."""
        values = dict.fromkeys(ArchiveName, "present")
        verdict = judge(self._policy.pixel, values, self._findings.moments)
        rewrites = any(
            is_identity(one.steps, one.difference.left, one.difference.right)
            for one in self._elements
            if one.steps
        )
        undecided = any(not kind.changes for kind in others)
        kind, keep, reason = ActionKind.MANUAL, verdict.keep, _WHOLE
        options: tuple[Keep, ...] = _ALL
        if rewrites:
            kind, reason, options = ActionKind.LEAVE, f"The whole instance would be replaced. {_IDENTITY}", ()
        elif keep is not None and not undecided:
            kind, reason, options = ActionKind.REPLACE, verdict.reason, ()
        elif keep is not None:
            reason = f"{verdict.reason} But not all that differs in the instance is decided. {_WHOLE}"
        elif not verdict.by_person:
            kind, reason, options = ActionKind.LEAVE, verdict.reason, ()
        elif self._policy.pixel is Strategy.NEWEST:
            reason = f"{verdict.reason} {_WHOLE}"
        return self._whole_instance(kind, keep, reason, options)

    def _whole_instance(
        self, kind: ActionKind, keep: ArchiveName | None, reason: str, options: tuple[Keep, ...]
    ) -> Action:
        replaced = keep.other if kind is ActionKind.REPLACE and keep is not None else None
        sizes = self._findings.sizes
        return Action(
            ordinal=0,
            kind=kind,
            difference=DifferenceClass.PIXEL,
            target=replaced,
            instances=(self._findings.instance,),
            reason=reason,
            attributes=tuple(
                AttributeValues(one.tag, one.keyword, one.left, one.right)
                for one in self._pixels.values()
                if one.tag is not None
            ),
            size_bytes=_largest(sizes) if replaced is None else sizes.get(replaced.other),
            options=options,
            differences=tuple(sorted(self._pixels)),
            caution=_IF_IT_OVERWRITES
            if replaced is ArchiveName.DCM4CHEE
            else _if_orthanc(options, _IF_IT_OVERWRITES),
        )


def _as_whole(group: Sequence[_Judged]) -> bool:
    """Return whether what differs in a sequence can only be taken over with the whole of it."""
    return any(
        one.steps and (one.steps[-1].item is not None or (len(one.steps) > 1 and one.top in _UNORDERED))
        for one in group
    )


def _stays(reason: str) -> Verdict:
    return Verdict(None, by_person=False, reason=reason)


def _as_one(group: Sequence[_Judged]) -> Verdict:
    """Return the verdict on a sequence whose parts are not decided alike."""
    reasons = {one.verdict.reason for one in group}
    if any(is_identity(one.steps, one.difference.left, one.difference.right) for one in group):
        return _stays(_IDENTITY)
    if len(reasons) == 1:
        return group[0].verdict
    return Verdict(None, by_person=True, reason=_ITEMS)


def _class_of(group: Sequence[_Judged]) -> DifferenceClass:
    kinds = {one.difference.kind for one in group}
    return kinds.pop() if len(kinds) == 1 else DifferenceClass.METADATA


def _reasons(changed: Sequence[_Judged]) -> str:
    """Return why, once where it is the same for all."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in changed:
        by_reason[one.verdict.reason].append(one.values.keyword or one.values.tag)
    if len(by_reason) == 1:
        return next(iter(by_reason))
    return " ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())


def _caution(changed: Sequence[_Judged], once: Collection[str]) -> str:
    """Return what else it changes in DCM4CHEE to give it Orthanc's values, and what that depends on."""
    told = []
    found = [one for one in changed if one.steps]
    of_patient = [one.values.keyword or one.values.tag for one in found if one.top.startswith(_PATIENT_GROUP)]
    if of_patient:
        told.append(_OF_ALL_STUDIES.format(" and ".join(of_patient)))
    if any(one.difference.keyword not in once or len(one.steps) > 1 for one in found):
        told.append(_IF_IT_OVERWRITES)
    return " ".join(told)


def _if_orthanc(options: Sequence[Keep], caution: str) -> str:
    """Return what has to be said of a decision for Orthanc's value, if there is one."""
    return f"With `orthanc`: {caution}" if caution and Keep.ORTHANC in options else ""


def _largest(sizes: Copies[int | None]) -> int | None:
    known = [size for size in sizes.values() if size is not None]
    return max(known, default=None)
