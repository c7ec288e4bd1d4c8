"""Carries out a repair's plan: look whether it still holds, do one operation after the other, look again."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, InvalidDicom, JobError, RepairError
from orthanc_plugins.store import ActionState, RepairFiles, RepairState
from orthanc_plugins.sync.actions import (
    LACKING,
    Keep,
    RepairPlan,
    comparison_digest,
    plan_digest,
    stored_keep,
)
from orthanc_plugins.sync.differences import Comparison
from orthanc_plugins.sync.plan_text import counted
from orthanc_plugins.sync.refreshing import Refreshing
from orthanc_plugins.sync.settle import Begun, Effect, Operation, changed_since, not_repaired, operations
from orthanc_plugins.transfers import LeaseLostError
from orthanc_plugins.workflows.absences import absences, explained, leave_out
from orthanc_plugins.workflows.compared_copies import keep_comparison
from orthanc_plugins.workflows.on_the_way import notes_of_transfers
from orthanc_plugins.workflows.repair_operations import Hands, carry_out
from orthanc_plugins.workflows.study_copies import StudyCopies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import ActionRecord, RepairRecord
    from orthanc_plugins.sync.settle import Seen
    from orthanc_plugins.transfers import Limiter

logger = logging.getLogger(__name__)

_CANNOT_BE_DONE = (RepairError, ArchiveRefused, InvalidDicom)
"""Of one operation; the next may be."""


@dataclass(frozen=True)
class Means:
    """How fast a run may send, and what raises LeaseLostError when the study is no longer held."""

    limiter: Limiter
    guard: Callable[[], None]


class RepairedStudy:
    """A repair's plan and its files, as they were when it was planned.

    Raises
    ------
    RepairError
        It has no plan, or its files are not those that were made for it.
    """

    def __init__(self, services: Services, repair_id: str) -> None:
        self.services = services
        self.repairs = services.store.repairs
        self.files = RepairFiles(services.data)
        self.record: RepairRecord = self.repairs.repair(repair_id)
        self.plan, self.planned = self._read()
        self.copies = StudyCopies(services.archives, self.record.study_uid)

    @property
    def repair_id(self) -> str:
        """Which repair it is."""
        return self.record.repair_id

    def look_again(self) -> Seen:
        """Compare the study as it is now, and keep what was found as the newest comparison of it."""
        study_uid = self.record.study_uid
        pair = self.services.store.inventory.pairs([study_uid]).get(study_uid)
        now = self.copies.look()
        told = absences(self.services, now.holdings, pair)
        notes = notes_of_transfers(self.services, now.holdings)
        keep_comparison(self.services, explained(now.comparison, *told, notes=notes), pair)
        self.files.write(self.repair_id, "after", now.comparison.to_json())
        return now

    def take_in(self) -> None:
        """Have the inventory know what both archives hold of the study now."""
        refreshing = Refreshing(self.services.store.inventory, lambda: datetime.now(UTC))
        archives = list(self.services.archives.values())
        refreshing.take_in(archives, self.record.study_uid, by=f"repair:{self.repair_id}", gone=True)

    def hands(self, means: Means) -> Hands:
        """Return what operations work with."""

        def guarded() -> None:
            try:
                means.guard()
            except LeaseLostError as error:
                raise JobError(
                    "The study may be another job's by now, so the repair goes no further: apply it again."
                ) from error

        return Hands(
            self.repair_id,
            self.copies,
            self.repairs,
            self.files,
            means.limiter,
            guarded,
            pause=time.sleep,
            transport=self.services.repair_transport,
        )

    def _read(self) -> tuple[RepairPlan, Comparison]:
        plan, comparison = (self.files.read(self.repair_id, name) for name in ("plan", "comparison"))
        if plan is None or comparison is None or not self.record.plan_digest:
            raise RepairError("The repair has no plan, or its files were removed: plan a new one.")
        try:
            read = RepairPlan.from_json(plan), Comparison.from_json(comparison)
        except ValueError as error:
            raise RepairError("The files of the repair's plan are damaged: plan a new one.") from error
        fits = (plan_digest(plan), comparison_digest(read[1])) == (
            self.record.plan_digest,
            read[0].comparison_digest,
        )
        if not fits:
            raise RepairError(
                "The files of the repair's plan are not those that were planned: plan a new one."
            )
        return read


class StudyRepair:
    """The steps of the workflow; made anew in each run, so that it holds nothing a step relies on."""

    def __init__(self, services: Services, repair_id: str, means: Means) -> None:
        self._study = RepairedStudy(services, repair_id)
        self._hands = self._study.hands(means)
        self._to_do: tuple[Operation, ...] | None = None

    def check(self) -> dict[str, JsonValue]:
        """Compare the study as it is now, and return how much there is to do.

        Raises
        ------
        RepairError
            Either side has changed since: nothing was done.
        """
        study = self._study
        actions = study.repairs.actions(study.repair_id)
        done = [one.ordinal for one in actions if one.state is ActionState.DONE]
        to_do = operations(study.plan, _decisions(actions), done)
        changed = changed_since(
            study.plan,
            study.planned,
            study.copies.look(),
            to_do={ordinal for one in to_do for ordinal in one.ordinals},
            begun=self._begun(done),
        )
        if changed is not None:
            raise RepairError(
                f"Nothing was done: the study has changed since the repair was planned ({changed}). Compare "
                "it again and plan a new repair."
            )
        self._expect_again(actions)
        return {"outcome": "go", "operations": len(to_do), "done": list(done)}

    def carry_out(self, number: int, done: Sequence[int]) -> dict[str, JsonValue]:
        """Carry out one operation; that it cannot be done is noted, and the next may be.

        Parameters
        ----------
        number
            Its place among the operations, from 0.
        done
            The actions that were done when this run began.
        """
        study = self._study
        if self._to_do is None:  # what is to be done stays the same for as long as a run takes
            self._to_do = self._operations(done)
        operation = self._to_do[number]
        try:
            carry_out(operation, self._hands)
        except _CANNOT_BE_DONE as error:
            logger.warning("An operation of repair %s could not be done: %s", study.repair_id, error)
            study.repairs.note(study.repair_id, operation.ordinals, ActionState.FAILED, str(error))
            return {"outcome": "failed"}
        self._note_done(self._to_do, number)
        return {"outcome": "done"}

    def verify(self) -> dict[str, JsonValue]:
        """Compare the study again by content, and remember how the repair ended."""
        study = self._study
        study.take_in()
        self._settle_decided()
        record = study.repairs.repair(study.repair_id)
        if record.failed:
            state = RepairState.PARTLY if record.done else RepairState.FAILED
            told = f"{counted(record.failed, 'action')} could not be done: see there what to do."
            return self._end(state, ("RepairError", told))
        done = "All that was decided was done" if record.open_decisions else "Everything was done"
        try:
            now = study.look_again()
        except ArchiveUnavailable as error:
            told = f"{done}; whether the copies agree could not be seen: {error}"
            state = RepairState.PARTLY if record.open_decisions else RepairState.APPLIED
            return self._end(state, (type(error).__name__, told))
        decisions = _decisions(study.repairs.actions(study.repair_id))
        wrong = not_repaired(study.plan, study.planned, now, decisions)
        if wrong is not None:
            told = f"{done}, and compared again {wrong}: compare the study, and plan a new repair."
            return self._end(RepairState.PARTLY, ("RepairError", told))
        return self._end(RepairState.PARTLY if record.open_decisions else RepairState.VERIFIED, None)

    def _end(self, state: RepairState, error: tuple[str, str] | None) -> dict[str, JsonValue]:
        ended = self._study.repairs.end(self._study.repair_id, state, error)
        return {"outcome": state.value, "done": ended.done, "failed": ended.failed}

    def _operations(self, done: Sequence[int]) -> tuple[Operation, ...]:
        decisions = _decisions(self._study.repairs.actions(self._study.repair_id))
        return operations(self._study.plan, decisions, done)

    def _begun(self, done: Sequence[int]) -> Begun:
        """Return what earlier runs have done, in whole or in part."""
        changes = self._study.repairs.changes(self._study.repair_id)
        touched = {(one.archive, one.sop_instance_uid) for one in changes}
        everywhere = {one.archive for one in changes if one.effect == "study"}
        ordinals = {
            ordinal
            for one in self._operations(())
            for ordinal in one.ordinals
            if (one.target in everywhere and one.effect is Effect.EDIT)
            or any((one.target, instance.sop_instance_uid) in touched for instance in one.instances)
        }
        return Begun(ordinals | set(done), {uid for _, uid in touched})

    def _expect_again(self, actions: Sequence[ActionRecord]) -> None:
        """Note that what could not be done before is to be done now."""
        for state, decided in ((ActionState.PLANNED, False), (ActionState.DECIDED, True)):
            failed = [
                one.ordinal
                for one in actions
                if one.state is ActionState.FAILED and (one.keep is not None) == decided
            ]
            if failed:
                self._study.repairs.note(self._study.repair_id, failed, state)

    def _note_done(self, to_do: Sequence[Operation], number: int) -> None:
        """Note the actions that are done with this operation."""
        study, ordinals = self._study, to_do[number].ordinals
        later = {ordinal for one in to_do[number + 1 :] for ordinal in one.ordinals}
        failed = {
            one.ordinal
            for one in study.repairs.actions(study.repair_id, ordinals)
            if one.state is ActionState.FAILED
        }
        if ended := set(ordinals) - later - failed:
            study.repairs.note(study.repair_id, ended, ActionState.DONE)

    def _settle_decided(self) -> None:
        """Note that what a person decided to leave is left, and remember what stays out of an archive."""
        study = self._study
        for record in study.repairs.actions(study.repair_id):
            if record.state is ActionState.DECIDED and stored_keep(record.keep or "") is Keep.LEAVE:
                self._leave_out(record)
                study.repairs.note(study.repair_id, [record.ordinal], ActionState.LEFT)

    def _leave_out(self, record: ActionRecord) -> None:
        """Remember that instances stay out of the archive that lacks them, if the decision was about any."""
        study, action = self._study, self._study.plan.action(record.ordinal)
        if action is None or action.difference not in LACKING:
            return
        target = LACKING[action.difference]
        listed = study.copies.listed(target)
        lacking = {one.sop_instance_uid for one in action.instances} - listed.keys()
        leave_out(study.services, target, study.record.study_uid, lacking, by=record.decided_by)


def _decisions(actions: Sequence[ActionRecord]) -> dict[int, Keep]:
    return {one.ordinal: stored_keep(one.keep) for one in actions if one.keep is not None}
