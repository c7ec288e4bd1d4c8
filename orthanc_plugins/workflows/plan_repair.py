"""Plans a repair: what differs between the copies of a study, and what would be done about it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.content.moments import moments_of
from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid
from orthanc_plugins.jobs import repair_study_request
from orthanc_plugins.rules import RepairPolicy, Strategy
from orthanc_plugins.store import ActionRecord, ActionState, RepairFiles, RepairState
from orthanc_plugins.sync.actions import LACKING, ActionKind
from orthanc_plugins.sync.plan import Known, make_plan
from orthanc_plugins.workflows.absences import absences, explained
from orthanc_plugins.workflows.compared_copies import keep_comparison
from orthanc_plugins.workflows.on_the_way import notes_of_transfers
from orthanc_plugins.workflows.study_copies import OF_THE_STUDY, StudyCopies, UpdatesStudies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from orthanc_plugins.sync.actions import Action, RepairPlan
    from orthanc_plugins.sync.settle import Seen
    from orthanc_plugins.sync.strategies import Moments

_STATES = {
    ActionKind.MANUAL: ActionState.MANUAL,
    ActionKind.BLOCKED: ActionState.BLOCKED,
    ActionKind.LEAVE: ActionState.LEFT,
}


class RepairPlanning:
    """The steps of the workflow."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._repairs = services.store.repairs
        self._files = RepairFiles(services.data)

    def plan(self, repair_id: str) -> dict[str, JsonValue]:
        """Compare the study as it is now, and keep what would be done."""
        record = self._repairs.repair(repair_id)
        if record.state is not RepairState.PLANNING:
            return {"outcome": record.state.value, "actions": record.actions}
        policy = RepairPolicy.model_validate_json(record.policy)
        copies = StudyCopies(self._services.archives, record.study_uid)
        pair = self._services.store.inventory.pairs([record.study_uid]).get(record.study_uid)
        seen = copies.look()
        meant, unknown = absences(self._services, seen.holdings, pair)
        notes = notes_of_transfers(self._services, seen.holdings)
        keep_comparison(self._services, explained(seen.comparison, meant, unknown, notes=notes), pair)
        known = Known(
            seen.holdings, meant, _moments(copies, seen, policy), unknown, held_once=_held_once(copies)
        )
        plan = make_plan(seen.comparison, policy, known, made_at=datetime.now(UTC))
        self._files.write(repair_id, "comparison", seen.comparison.to_json())
        self._files.write(repair_id, "plan", plan.to_json())
        return self._remember(repair_id, plan)

    def apply_at_once(self, repair_id: str) -> dict[str, JsonValue]:
        """Ask for what was planned to be carried out."""
        request = repair_study_request(repair_id, uuid.uuid4().hex)
        planned = [RepairState.PLANNED]
        by = self._repairs.repair(repair_id).made_by
        if self._repairs.begin(repair_id, RepairState.APPLYING, request.job_id, by, among=planned):
            self._services.queue.submit(request)
        return {"outcome": "applying"}

    def give_up(self, repair_id: str, name: str, message: str) -> dict[str, JsonValue]:
        """Remember why there is no plan."""
        self._repairs.end(repair_id, RepairState.FAILED, (name, message))
        return {"outcome": "failed"}

    def _remember(self, repair_id: str, plan: RepairPlan) -> dict[str, JsonValue]:
        changing = [total for kind, total in plan.totals.items() if kind.changes]
        record = self._repairs.planned(
            repair_id,
            plan.digest,
            [_record(repair_id, action) for action in plan.actions],
            instances=sum(total.instances for total in changing),
            size_bytes=sum(total.size_bytes for total in changing),
        )
        return {"outcome": record.state.value, "actions": record.actions}


def _held_once(copies: StudyCopies) -> frozenset[str]:
    """Return the keywords of what DCM4CHEE holds once for a whole study or patient."""
    return OF_THE_STUDY if isinstance(copies.archive(ArchiveName.DCM4CHEE), UpdatesStudies) else frozenset()


def _moments(
    copies: StudyCopies, seen: Seen, policy: RepairPolicy
) -> Mapping[SopInstanceUid, Mapping[ArchiveName, Moments]]:
    """Return what differing copies tell of their times, where the policy asks for it."""
    if Strategy.NEWEST not in {policy.default, policy.pixel, policy.coerced, *policy.attributes.values()}:
        return {}
    found: dict[SopInstanceUid, dict[ArchiveName, Moments]] = defaultdict(dict)
    differing = [one for one in seen.comparison.differences if one.kind not in LACKING]
    both = [set(copies.listed(archive)) for archive in ArchiveName]
    uids = {one.sop_instance_uid for one in differing if one.sop_instance_uid is not None}
    if any(one.sop_instance_uid is None for one in differing):
        uids |= both[0] & both[1]
    for uid in sorted(uids & both[0] & both[1]):
        for archive in ArchiveName:
            file = copies.file_needed(archive, uid)
            try:
                found[uid][archive] = moments_of(file.content)
            except InvalidDicom:
                continue  # a copy that cannot be read proves nothing
    return found


def _record(repair_id: str, action: Action) -> ActionRecord:
    series = {one.series_uid for one in action.instances}
    one = len(action.instances) == 1
    return ActionRecord(
        repair_id=repair_id,
        ordinal=action.ordinal,
        kind=action.kind,
        archive=action.target,
        series_uid=series.pop() if len(series) == 1 else SeriesUid(""),
        sop_instance_uid=action.instances[0].sop_instance_uid if one else SopInstanceUid(""),
        instances=len(action.instances),
        tags=" ".join(attribute.tag for attribute in action.attributes),
        state=_STATES.get(action.kind, ActionState.PLANNED),
    )
