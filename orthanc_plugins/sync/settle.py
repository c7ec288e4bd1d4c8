"""From a plan and decisions to operations, and from a later comparison to whether they may begin or did it.

An operation changes one archive and can be run again: whoever carries it out looks first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import RepairError
from orthanc_plugins.sync.actions import LACKING, Action, ActionKind, InstanceRef, Keep
from orthanc_plugins.sync.differences import DifferenceClass
from orthanc_plugins.sync.paths import parse_path
from orthanc_plugins.sync.plan_text import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from orthanc_plugins.archives.base import InstanceEntry
    from orthanc_plugins.identifiers import SopInstanceUid
    from orthanc_plugins.sync.actions import RepairPlan
    from orthanc_plugins.sync.differences import Comparison, Difference
    from orthanc_plugins.sync.strategies import Copies


class Effect(StrEnum):
    """What an operation does to the archive that is its target."""

    COPY = "copy"
    EDIT = "edit"
    REPLACE = "replace"


@dataclass(frozen=True)
class Operation:
    """One change of one archive.

    Parameters
    ----------
    target
        The archive that is changed, after the other one.
    instances
        One, or those of a series that are copied.
    paths
        The elements that get the other archive's values, sequences whole where they end it; of a replacement,
        those that are changed besides with the whole instance.
    ordinals
        The actions of the plan that it carries out, wholly or in part.
    """

    effect: Effect
    target: ArchiveName
    instances: tuple[InstanceRef, ...]
    ordinals: tuple[int, ...]
    paths: tuple[str, ...] = ()
    size_bytes: int | None = None


def operations(
    plan: RepairPlan, decisions: Mapping[int, Keep], done: Collection[int] = ()
) -> tuple[Operation, ...]:
    """Return what is to be done, in order: copies, images first, then edits, then whole instances.

    Parameters
    ----------
    decisions
        What people decided, by the ordinal of the action.
    done
        Ordinals of the actions that are done already.
    """
    decided = [
        _decided(action, decisions[action.ordinal])
        for action in plan.of_kind(ActionKind.MANUAL)
        if action.ordinal in decisions
    ]
    asked = [*plan.of_kind(ActionKind.COPY, ActionKind.UPDATE, ActionKind.REPLACE), *decided]
    actions = [action for action in asked if action.kind.changes and action.ordinal not in done]
    return (*_copies(actions), *_changes(actions))


def allowed(action: Action, keep: Keep) -> None:
    """Raise RepairError unless a person may decide so."""
    if action.kind is not ActionKind.MANUAL:
        raise RepairError(
            f"Action {action.ordinal} is not for a person to decide: it is of the kind {action.kind}."
        )
    if keep not in action.options:
        choices = ", ".join(action.options)
        raise RepairError(f"Action {action.ordinal} cannot be decided so, only: {choices}.")


def _decided(action: Action, keep: Keep) -> Action:
    """Return the action that a person's decision makes of one."""
    allowed(action, keep)
    if keep is Keep.LEAVE:
        return replace(action, kind=ActionKind.LEAVE)
    if action.difference in LACKING:
        return replace(action, kind=ActionKind.COPY, target=LACKING[action.difference])
    kind = ActionKind.REPLACE if action.difference is DifferenceClass.PIXEL else ActionKind.UPDATE
    return replace(action, kind=kind, target=ArchiveName(keep).other)


def _copies(actions: Sequence[Action]) -> Iterator[Operation]:
    for action in actions:
        if action.kind is ActionKind.COPY and action.target is not None:
            yield Operation(
                Effect.COPY, action.target, action.instances, (action.ordinal,), size_bytes=action.size_bytes
            )


def _changes(actions: Sequence[Action]) -> Iterator[Operation]:
    """Yield edits, one for each instance and archive, then replacements, which do away with edits."""
    edited: dict[tuple[ArchiveName, InstanceRef], list[Action]] = defaultdict(list)
    replaced: dict[tuple[ArchiveName, InstanceRef], list[Action]] = defaultdict(list)
    for action in actions:
        places = {ActionKind.UPDATE: edited, ActionKind.REPLACE: replaced}.get(action.kind)
        if places is not None and action.target is not None:
            for instance in action.instances:
                places[action.target, instance].append(action)
    for place, found in edited.items():
        if place not in replaced:
            yield _one(Effect.EDIT, place, found)
    for place, found in replaced.items():
        yield _one(Effect.REPLACE, place, [*edited.get(place, ()), *found])


def _one(effect: Effect, place: tuple[ArchiveName, InstanceRef], actions: Sequence[Action]) -> Operation:
    target, instance = place
    edits = [action for action in actions if action.kind is ActionKind.UPDATE]
    paths = sorted({path for action in edits for path in _paths(action)})
    return Operation(
        effect=effect,
        target=target,
        instances=(instance,),
        ordinals=tuple(sorted({action.ordinal for action in actions})),
        paths=tuple(paths),
    )


def _paths(action: Action) -> Iterator[str]:
    yield from action.whole_sequences
    for one in action.attributes:
        if parse_path(one.tag)[0].name not in action.whole_sequences:
            yield one.tag


# What a later comparison says

_CHANGING = frozenset(kind for kind in ActionKind if kind.changes)
_BY_ITS_RULES = frozenset({DifferenceClass.TRANSFER_SYNTAX_ONLY, DifferenceClass.COERCED})
"""What an archive may make of a file that it is given, and says so."""

type _Fact = tuple[str | None, ...]


@dataclass(frozen=True)
class Seen:
    """A comparison by content, and the instances that each archive listed at its time."""

    comparison: Comparison
    holdings: Copies[Sequence[InstanceEntry]]


@dataclass(frozen=True)
class Begun:
    """What a repair has done before, in whole or in part.

    Parameters
    ----------
    actions
        By their ordinals.
    instances
        Those that it has changed in either archive.
    """

    actions: Collection[int] = ()
    instances: Collection[SopInstanceUid] = ()


def changed_since(
    plan: RepairPlan,
    planned: Comparison,
    now: Seen,
    *,
    to_do: Collection[int],
    begun: Begun,
) -> str | None:
    """Return what has changed since the plan was made, None when the plan still holds.

    Parameters
    ----------
    planned
        The comparison the plan was made from.
    to_do
        Ordinals of the actions that are about to be carried out.
    begun
        What this repair has done before: what differed there may be gone, and what it copied may differ.
    """
    there = _facts_now(now)
    own = [one for one in plan.actions if one.ordinal in begun.actions]
    known = _facts_planned(plan.actions, planned) | _told_of(now, own, _BY_ITS_RULES) | _of_copied(there, own)
    if unknown := there - known:
        return f"{_are(unknown)} new since it was planned"
    untouched = [one for one in plan.actions if one.ordinal in to_do and one.ordinal not in begun.actions]
    gone = {fact for fact in _facts_planned(untouched, planned) - there if fact[1] not in begun.instances}
    if gone:
        return f"{_are(gone)} no longer there, or no longer the same"
    if set(now.comparison.incomplete) - set(planned.incomplete):
        return "not everything can be read that could be when it was planned"
    return None


def not_repaired(
    plan: RepairPlan, planned: Comparison, now: Seen, decisions: Mapping[int, Keep]
) -> str | None:
    """Return what still differs although it should not, None when only what was to stay does.

    That is: what a person has yet to decide, what is blocked, and what is left with its reason.
    """
    staying = [action for action in plan.actions if _stays(action, decisions)]
    carried_out = [action for action in plan.actions if not _stays(action, decisions)]
    wrong = _facts_now(now) - _facts_planned(staying, planned) - _explained(plan, now, carried_out)
    if wrong:
        return f"{_are(wrong)} there that should not be"
    if set(now.comparison.incomplete) - set(planned.incomplete):
        return "not everything could be read again"
    return None


def not_restored(plan: RepairPlan, planned: Comparison, now: Seen) -> str | None:
    """Return what is otherwise than before the repair, None when the same differs as did then."""
    before = _facts_planned(plan.actions, planned)
    there = _facts_now(now)
    written = [action for action in plan.actions if action.kind in {*_CHANGING, ActionKind.MANUAL}]
    wrong = (there - before - _explained(plan, now, written)) | (before - there)
    return f"{_are(wrong)} not as before" if wrong else None


def _are(facts: Collection[_Fact]) -> str:
    return counted(len(facts), "difference is", "differences are")


def _stays(action: Action, decisions: Mapping[int, Keep]) -> bool:
    if action.kind is ActionKind.MANUAL:
        return decisions.get(action.ordinal, Keep.LEAVE) is Keep.LEAVE
    return not action.kind.changes


# Differences, told apart: what many instances share is one difference of each of them, whatever it is told of


def _facts_planned(actions: Iterable[Action], planned: Comparison) -> set[_Fact]:
    found: set[_Fact] = set()
    for action in actions:
        if action.difference in LACKING:
            lacking = LACKING[action.difference]
            found |= {(lacking, one.sop_instance_uid) for one in action.instances}
            continue
        uids = [one.sop_instance_uid for one in action.instances]
        for index in action.differences:
            found |= _facts(planned.differences[index], uids)
    return found


def _facts_now(now: Seen) -> set[_Fact]:
    held = {archive: {one.sop_instance_uid for one in now.holdings[archive]} for archive in ArchiveName}
    found: set[_Fact] = {(name, uid) for name, there in held.items() for uid in held[name.other] - there}
    for one in now.comparison.differences:
        if one.kind not in LACKING:
            found |= _facts(one, _concerned(one, now))
    return found


def _concerned(difference: Difference, now: Seen) -> list[SopInstanceUid]:
    """Return the instances that a difference is about: of one of a study or series, those that both hold."""
    if difference.sop_instance_uid is not None:
        return [difference.sop_instance_uid]
    right = {one.sop_instance_uid for one in now.holdings[ArchiveName.DCM4CHEE]}
    return [
        one.sop_instance_uid
        for one in now.holdings[ArchiveName.ORTHANC]
        if one.sop_instance_uid in right and difference.series_uid in {None, one.series_uid}
    ]


def _facts(one: Difference, concerned: Iterable[SopInstanceUid]) -> set[_Fact]:
    if one.kind is DifferenceClass.COUNT:
        return {(one.kind, one.level, one.series_uid, one.sop_instance_uid)}
    uids = concerned if one.sop_instance_uid is None else [one.sop_instance_uid]
    # The same values differ, whether or not an archive says by now that it changed one of them.
    kind = DifferenceClass.METADATA if one.kind is DifferenceClass.COERCED else one.kind
    return {(kind, uid, one.tag, one.left, one.right) for uid in uids}


def _of_copied(facts: Iterable[_Fact], actions: Iterable[Action]) -> set[_Fact]:
    """Return the facts of how copies differ where there was only one copy when it was planned."""
    copied = {
        one.sop_instance_uid for action in actions if action.difference in LACKING for one in action.instances
    }
    return {fact for fact in facts if fact[1] in copied and fact[0] not in set(ArchiveName)}


def _explained(plan: RepairPlan, now: Seen, written: Iterable[Action]) -> set[_Fact]:
    """Return the differences of instances this repair has written that by its policy are none."""
    harmless = _BY_ITS_RULES if plan.policy.coerced == "leave" else {DifferenceClass.TRANSFER_SYNTAX_ONLY}
    return _told_of(now, written, harmless)


def _told_of(now: Seen, written: Iterable[Action], kinds: Collection[DifferenceClass]) -> set[_Fact]:
    """Return the differences of some kinds of the instances of actions."""
    touched = {one.sop_instance_uid for action in written for one in action.instances}
    return {
        fact
        for one in now.comparison.differences
        if one.kind in kinds
        for fact in _facts(one, _concerned(one, now))
        if fact[1] in touched
    }
