"""What is told of repairs: with patients' values, which stand in files beside the store."""

from collections import Counter
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from orthanc_plugins.api.links import Links
from orthanc_plugins.errors import RepairError
from orthanc_plugins.rules import RepairPolicy
from orthanc_plugins.services import Services
from orthanc_plugins.store import ActionRecord, ActionState, RepairFiles, RepairRecord, RepairState
from orthanc_plugins.sync.actions import LACKING, Action, ActionKind, Keep, RepairPlan, stored_keep
from orthanc_plugins.sync.differences import DifferenceClass
from orthanc_plugins.sync.plan_text import FAILED, UNDECIDED, UNDONE, WAITING, Standing, counted
from orthanc_plugins.sync.strategies import archive_title


class Failure(BaseModel):
    """Why something failed: the error's name and what a person can do."""

    name: str
    message: str


class Instance(BaseModel):
    """An instance and its series."""

    series_uid: str
    sop_instance_uid: str


class Values(BaseModel):
    """An element, and what both archives have: shortened; null where it is absent."""

    tag: str = Field(description="Path of tags, items counted from 0.")
    keyword: str | None
    orthanc: str | None
    dcm4chee: str | None


class RepairAction(BaseModel):
    """One part of a repair's plan."""

    ordinal: int
    kind: ActionKind = Field(
        description="`copy`, `update` (attributes), `replace` (the whole instance), `manual` (a person "
        "decides), `blocked` (it was deleted, rejected or left out on purpose) or `leave`."
    )
    state: ActionState
    target: str | None = Field(description="The archive that is changed; null where none is.")
    difference: DifferenceClass | None
    modality: str
    instances: list[Instance]
    attributes: list[Values]
    whole_sequences: list[str] = Field(description="Sequences that are taken over whole.")
    size_bytes: int | None = Field(description="Of the files; null where an archive does not tell.")
    reason: str
    caution: str | None = Field(
        description="What else it changes, or what it depends on at the archive; null where nothing."
    )
    options: list[Keep] = Field(
        description="What a person may decide. Of missing instances: `copy` them or `leave` them out. Of "
        "what differs: `orthanc` or `dcm4chee`, whose copy is right, or `leave` both as they are."
    )
    keep: Keep | None = Field(description="What a person has decided, one of `options`.")
    decided_at: datetime | None
    decided_by: str | None
    detail: str | None = Field(description="Why it could not be done, and what to do.")


class KindTotals(BaseModel):
    """How much a kind of action comes to."""

    actions: int
    instances: int
    size_bytes: int
    unknown_sizes: int = Field(description="Actions of which an archive does not tell the bytes.")


class RepairSummary(BaseModel):
    """A repair as it stands now."""

    repair_id: str
    study_uid: str
    state: RepairState = Field(
        description="`verified` alone is success: compared again, nothing differs but what is blocked or "
        "left. `partly`: some of it failed, or is left for a person to decide; `error` says the former, "
        "`open_decisions` the latter."
    )
    made_at: datetime
    made_by: str
    planned_at: datetime | None
    applied_at: datetime | None
    applied_by: str | None
    ended_at: datetime | None
    actions_count: int
    changes_instances: int
    changes_bytes: int = Field(description="Bytes of the files it would send, as far as archives tell.")
    done: int
    failed: int
    open_decisions: int
    error: Failure | None
    job_id: str
    job_url: str
    href: str


class RepairDetail(RepairSummary):
    """A repair with its plan."""

    policy: RepairPolicy
    compared_at: datetime | None
    totals: dict[ActionKind, KindTotals]
    actions: list[RepairAction]
    incomplete: list[str] = Field(description="What could not be compared, so nothing is done about it.")
    notes: list[str] = Field(
        description="What is left to decide or to apply as it stands now, and what was left out as decided."
    )


class RepairPage(BaseModel):
    """A page of repairs, newest first."""

    repairs: list[RepairSummary]
    total: int
    limit: int
    offset: int


class OpenDecision(RepairAction):
    """An action that a person has yet to decide."""

    repair_id: str
    study_uid: str
    decide_url: str


class DecisionPage(BaseModel):
    """A page of open decisions, those of the newest repair first."""

    decisions: list[OpenDecision]
    total: int
    limit: int
    offset: int


class AskedPolicy(RepairPolicy):
    """A policy as it is asked for, keys in snake_case; what is left out is as the settings say."""

    model_config = ConfigDict(alias_generator=lambda name: name)


def plan_of(services: Services, record: RepairRecord) -> RepairPlan | None:
    """Return the plan of a repair, None when it has none.

    Raises
    ------
    RepairError
        The files of the plan were removed or are damaged.
    """
    if not record.plan_digest:
        return None
    content = RepairFiles(services.data).read(record.repair_id, "plan")
    if content is None:
        raise RepairError("The files of the repair's plan were removed: plan a new one.")
    try:
        return RepairPlan.from_json(content)
    except ValueError as error:
        raise RepairError("The files of the repair's plan are damaged: plan a new one.") from error


def summary(links: Links, record: RepairRecord) -> dict[str, Any]:
    """Return what is told of a repair."""
    error = None if record.error_name is None else (record.error_name, record.error_message or "")
    return {
        "repair_id": record.repair_id,
        "study_uid": record.study_uid,
        "state": record.state,
        "made_at": record.made_at,
        "made_by": record.made_by,
        "planned_at": record.planned_at,
        "applied_at": record.applied_at,
        "applied_by": record.applied_by or None,
        "ended_at": record.ended_at,
        "actions_count": record.actions,
        "changes_instances": record.changes_instances,
        "changes_bytes": record.changes_bytes,
        "done": record.done,
        "failed": record.failed,
        "open_decisions": record.open_decisions,
        "error": None if error is None else Failure(name=error[0], message=error[1]),
        "job_id": record.job_id,
        "job_url": links.job(record.job_id),
        "href": links.repair(record.repair_id),
    }


def detail(services: Services, links: Links, record: RepairRecord) -> RepairDetail:
    """Return a repair with its plan."""
    plan = plan_of(services, record)
    records = services.store.repairs.actions(record.repair_id)
    known = {one.ordinal: one for one in records}
    actions = () if plan is None else plan.actions
    totals = {} if plan is None else plan.totals
    return RepairDetail(
        **summary(links, record),
        policy=RepairPolicy.model_validate_json(record.policy),
        compared_at=None if plan is None else plan.compared_at,
        totals={kind: KindTotals(**vars(total)) for kind, total in totals.items()},
        actions=[RepairAction(**action_told(action, known.get(action.ordinal))) for action in actions],
        incomplete=[] if plan is None else list(plan.incomplete),
        notes=[] if plan is None else notes(record, plan, records),
    )


def action_told(action: Action, record: ActionRecord | None) -> dict[str, Any]:
    """Return what is told of an action: as planned, and as it stands."""
    return {
        "ordinal": action.ordinal,
        "kind": action.kind,
        "state": ActionState.PLANNED if record is None else record.state,
        "target": action.target,
        "difference": action.difference,
        "modality": action.modality,
        "instances": [Instance(**vars(one)) for one in action.instances],
        "attributes": [Values(**vars(one)) for one in action.attributes],
        "whole_sequences": list(action.whole_sequences),
        "size_bytes": action.size_bytes,
        "reason": action.reason,
        "caution": action.caution or None,
        "options": list(action.options),
        "keep": None if record is None or record.keep is None else stored_keep(record.keep),
        "decided_at": None if record is None else record.decided_at,
        "decided_by": None if record is None or not record.decided_by else record.decided_by,
        "detail": None if record is None or not record.detail else record.detail,
    }


def standing(record: RepairRecord, actions: list[ActionRecord]) -> Standing:
    """Return what people have decided of a plan's actions, and what became of each since."""
    words = {} if record.state in _NOT_BEGUN else _outcome_words(record.state)
    return Standing(
        decisions={one.ordinal: stored_keep(one.keep) for one in actions if one.keep is not None},
        failures={one.ordinal: one.detail for one in actions if one.state is ActionState.FAILED},
        outcomes={one.ordinal: words[one.state] for one in actions} if words else {},
    )


def notes(record: RepairRecord, plan: RepairPlan, actions: list[ActionRecord]) -> list[str]:
    """Return what is left to decide or to apply now, and what was left out as decided."""
    told = []
    states = [one.state for one in actions]
    if record.state in _GOES_ON:
        if undecided := states.count(ActionState.MANUAL):
            told.append(
                f"Left undecided: {counted(undecided, 'action')}; the copies still differ there. Decide "
                f"(`pacs repair {record.repair_id} --decide ACTION DECISION`), then apply it again."
            )
        if decided := states.count(ActionState.DECIDED):
            told.append(
                f"Decided and not done yet: {counted(decided, 'action')}. Apply it again (`pacs repair "
                f"{record.repair_id} --apply`)."
            )
    return told + left_out(plan, actions)


def left_out(plan: RepairPlan, actions: list[ActionRecord]) -> list[str]:
    """Return how many instances a repair has left out of each archive as decided, and what undoes that."""
    numbers = Counter[str]()
    for one in actions:
        action = plan.action(one.ordinal)
        if action is None or one.keep != Keep.LEAVE or one.state is not ActionState.LEFT:
            continue
        if action.difference in LACKING:
            numbers[LACKING[action.difference]] += len(action.instances)
    return [
        f"{counted(number, 'instance was', 'instances were')} left out of {archive_title(archive)} as "
        "decided: nothing is copied there by a repair or by synchronisation from now on. That is not undone "
        f"with the repair: `pacs sync --lift {archive} {plan.study_uid}` lets it be copied again."
        for archive, number in ((one, numbers[one]) for one in LACKING.values())
        if number
    ]


_GOES_ON = frozenset({RepairState.PARTLY, RepairState.APPLIED, RepairState.VERIFIED, RepairState.FAILED})
"""States in which a repair that was begun may be applied again."""
_NOT_BEGUN = frozenset({RepairState.PLANNING, RepairState.PLANNED})


def _outcome_words(state: RepairState) -> dict[ActionState, str]:
    was_undone = state in {RepairState.UNDONE, RepairState.UNDO_FAILED}
    return {
        ActionState.PLANNED: "not done",
        ActionState.MANUAL: "never decided" if was_undone else UNDECIDED,
        ActionState.DECIDED: "not done" if was_undone else WAITING,
        ActionState.BLOCKED: "blocked",
        ActionState.LEFT: "left",
        ActionState.DONE: "verified" if state is RepairState.VERIFIED else "done",
        ActionState.FAILED: FAILED,
        ActionState.UNDONE: UNDONE,
    }
