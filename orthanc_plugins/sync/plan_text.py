"""A plan as a person reads it, line by line; with patients' values in it, for who may see them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from orthanc_plugins.sync.actions import ActionKind, RepairPlan
from orthanc_plugins.sync.strategies import archive_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orthanc_plugins.sync.actions import Action, AttributeValues, Keep, Totals

_HEADINGS = (
    (
        "Would be done, in this order",
        "Planned, in this order",
        tuple(kind for kind in ActionKind if kind.changes),
    ),
    ("For a person to decide", "Planned for a person to decide", (ActionKind.MANUAL,)),
    ("Blocked", "Blocked", (ActionKind.BLOCKED,)),
    ("Left as it is", "Left as it is", (ActionKind.LEAVE,)),
)
"""What each kind of action is headed by, before a plan is carried out and since."""
UNDECIDED, WAITING, UNDONE, FAILED = "undecided", "not done yet", "undone", "failed"
"""Outcomes of actions that are told in a way of their own."""
_VERBS = {ActionKind.COPY: "copy to", ActionKind.UPDATE: "update in", ActionKind.REPLACE: "replace in"}
_ABSENT = "(absent)"
_MOST_INSTANCES = 3
_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


@dataclass(frozen=True)
class Standing:
    """What became of a plan's actions, by their numbers.

    Parameters
    ----------
    decisions
        What people have decided.
    failures
        Why actions could not be done, and what to do.
    outcomes
        What became of each action, in a word or two; none while nobody has had the plan carried out.
    """

    decisions: Mapping[int, Keep] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)
    outcomes: Mapping[int, str] = field(default_factory=dict)


def plan_text(plan: RepairPlan, standing: Standing | None = None) -> str:
    """Return the plan in words, with sizes, what people have decided and what became of each action."""
    return "\n".join(_lines(plan, standing or Standing())) + "\n"


def size_text(size_bytes: int) -> str:
    """Return a number of bytes for a person.

    >>> size_text(999), size_text(1_500), size_text(6_291_456)
    ('999 bytes', '1.5 kB', '6.3 MB')
    """
    for unit, name in _UNITS:
        if size_bytes >= unit:
            return f"{size_bytes / unit:.1f} {name}"
    return f"{size_bytes} bytes"


def _lines(plan: RepairPlan, standing: Standing) -> Iterator[str]:
    yield f"Repair of study {plan.study_uid}"
    yield f"Planned {plan.made_at:%Y-%m-%d %H:%M:%S}, compared {plan.compared_at:%Y-%m-%d %H:%M:%S} (UTC)."
    if not plan.actions:
        yield "Nothing differs: there is nothing to repair."
    for planned, since, kinds in _HEADINGS:
        if actions := plan.of_kind(*kinds):
            yield ""
            yield f"{since if standing.outcomes else planned}:"
            for _, alike in groupby(actions, key=_shown_alike):
                yield from _of_actions(tuple(alike), standing)
    for reason in plan.incomplete:
        yield ""
        yield f"Not compared, so not repaired: {reason}"
    yield ""
    told = _outcomes(standing) if standing.outcomes else _summary(plan, standing)
    yield f"Together: {told or 'nothing'}."


def _shown_alike(action: Action) -> tuple[object, ...]:
    """Return what makes actions that follow each other one entry: a study's instances are changed alike."""
    if not action.kind.changes or action.kind is ActionKind.COPY:
        return (action.ordinal,)
    return (action.kind, action.target, action.attributes, action.reason, action.caution)


def _of_actions(actions: Sequence[Action], standing: Standing) -> Iterator[str]:
    first = actions[0]
    numbers = str(first.ordinal) if len(actions) == 1 else f"{first.ordinal}-{actions[-1].ordinal}"
    what = "" if first.target is None else f"{_VERBS[first.kind]} {archive_title(first.target)}: "
    sizes = [action.size_bytes for action in actions]
    known = sum(size for size in sizes if size is not None)
    size = "size not told" if None in sizes else size_text(known)
    yield (
        f"  {numbers}. {what}{_instances(actions)}, {size}"
        if _instances(actions)
        else f"  {numbers}. the study"
    )
    for one in first.attributes:
        yield f"       {_attribute(one, first)}"
    yield f"       {first.reason}"
    if first.caution and standing.outcomes.get(first.ordinal, UNDECIDED) in {UNDECIDED, WAITING}:
        yield f"       {first.caution}"
    if first.options:
        yield from _decision(first, standing)
    if first.kind.changes or first.options:
        yield from _became(actions, standing)


def _decision(action: Action, standing: Standing) -> Iterator[str]:
    """Yield what a person may decide or has decided; nothing once that no longer counts."""
    keep = standing.decisions.get(action.ordinal)
    if keep is None:
        if standing.outcomes.get(action.ordinal, UNDECIDED) == UNDECIDED:
            yield f"       decide: {' | '.join(action.options)}"
    elif standing.outcomes.get(action.ordinal) != UNDONE:
        yield f"       decided: {keep}"


def _became(actions: Sequence[Action], standing: Standing) -> Iterator[str]:
    """Yield what became of actions that stand together, and why some could not be done."""
    numbers: dict[str, list[str]] = {}
    for action in actions:
        outcome = standing.outcomes.get(action.ordinal)
        if action.ordinal not in standing.failures and outcome is not None:
            numbers.setdefault(outcome, []).append(str(action.ordinal))
    for outcome, alike in numbers.items():
        some = "" if len(alike) == len(actions) else f"{', '.join(alike)}: "
        yield f"       => {some}{outcome}"
    for action in actions:
        if (failure := standing.failures.get(action.ordinal)) is not None:
            yield f"       => action {action.ordinal} could not be done: {failure}"


def _instances(actions: Sequence[Action]) -> str:
    found = [one for action in actions for one in action.instances]
    if not found:
        return ""
    modality = f"{actions[0].modality} " if actions[0].modality else ""
    series = {one.series_uid for one in found}
    place = f"{modality}series {found[0].series_uid}" if len(series) == 1 else f"{len(series)} series"
    if len(found) <= _MOST_INSTANCES:
        return (
            f"{place}, {counted(len(found), 'instance')} {', '.join(one.sop_instance_uid for one in found)}"
        )
    return f"{place}, {counted(len(found), 'instance')}"


def _attribute(one: AttributeValues, action: Action) -> str:
    name = f"{one.keyword} {one.tag}" if one.keyword else one.tag
    if action.target is not None:
        return f"{name}: {_value(one.of(action.target))} -> {_value(one.of(action.target.other))}"
    return f"{name}: {_value(one.orthanc)} in Orthanc, {_value(one.dcm4chee)} in DCM4CHEE"


def _value(value: str | None) -> str:
    return _ABSENT if value is None else f'"{value}"'


def _summary(plan: RepairPlan, standing: Standing) -> str:
    totals = plan.totals
    done = {
        ActionKind.COPY: "{} to copy",
        ActionKind.UPDATE: "{} to update",
        ActionKind.REPLACE: "{} to replace",
    }
    parts = [
        f"{text.format(counted(total.instances, 'instance'))} ({_of_size(total)})"
        for kind, text in done.items()
        if (total := totals.get(kind)) is not None
    ]
    asked = [action.ordinal for action in plan.of_kind(ActionKind.MANUAL)]
    decided = sum(ordinal in standing.decisions for ordinal in asked)
    rest = {
        "to decide": len(asked) - decided,
        "decided": decided,
        "blocked": len(plan.of_kind(ActionKind.BLOCKED)),
        "left": len(plan.of_kind(ActionKind.LEAVE)),
    }
    return ", ".join(parts + [f"{number} {text}" for text, number in rest.items() if number])


def _outcomes(standing: Standing) -> str:
    numbers = Counter(standing.outcomes.values())
    return ", ".join(f"{number} {outcome}" for outcome, number in numbers.items())


def _of_size(total: Totals) -> str:
    at_least = "at least " if total.unknown_sizes else ""
    return at_least + size_text(total.size_bytes)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return how many there are, in words that agree.

    >>> counted(1, "difference is", "differences are"), counted(1200, "instance")
    ('1 difference is', '1,200 instances')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
