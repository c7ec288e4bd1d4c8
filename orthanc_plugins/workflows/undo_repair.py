"""Undoes a repair: puts back what was there before, takes out what was copied, and looks whether it is so."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName, StoreState
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.content.edit import texts_of
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, InvalidDicom, RepairError
from orthanc_plugins.store import ActionState, ChangeState, RepairState
from orthanc_plugins.sync.settle import Effect, not_restored
from orthanc_plugins.sync.strategies import archive_title
from orthanc_plugins.workflows.repair_study import RepairedStudy
from orthanc_plugins.workflows.study_copies import UpdatesStudies, differing_elements, same

if TYPE_CHECKING:
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import ChangeRecord
    from orthanc_plugins.workflows.repair_study import Means

logger = logging.getLogger(__name__)

_CANNOT_BE_DONE = (RepairError, ArchiveRefused, InvalidDicom)
_CHANGED_SINCE = "it was changed by someone else since, so it is left as it is"


class RepairUndoing:
    """The steps of the workflow; made anew in each run."""

    def __init__(self, services: Services, repair_id: str, means: Means) -> None:
        self._study = RepairedStudy(services, repair_id)
        self._hands = self._study.hands(means)
        self._changes = self._study.repairs.changes(repair_id)[::-1]

    def count(self) -> dict[str, JsonValue]:
        """Return how many changes there are to undo."""
        return {"outcome": "go", "changes": len(self._changes)}

    def put_back(self, number: int) -> dict[str, JsonValue]:
        """Undo one change; that it cannot be undone is told, and the next may be.

        Parameters
        ----------
        number
            Its place, the last change first, from 0.
        """
        change = self._changes[number]
        if change.state is ChangeState.PUT_BACK:
            return {"outcome": "undone"}
        try:
            self._put_back(change)
        except _CANNOT_BE_DONE as error:
            told = f"Instance {change.sop_instance_uid} in {change.archive} was not put back: {error}"
            logger.warning("Repair %s: %s", self._study.repair_id, told)
            return {"outcome": "failed", "told": told}
        self._study.repairs.change_became(self._study.repair_id, [change.operation], ChangeState.PUT_BACK)
        return {"outcome": "undone"}

    def verify(self, failures: list[str]) -> dict[str, JsonValue]:
        """Compare the study again by content, and remember how the undoing ended.

        Parameters
        ----------
        failures
            What could not be undone, each a sentence.
        """
        study = self._study
        if failures:
            return self._end(RepairState.UNDO_FAILED, ("RepairError", " ".join(failures[:5])))
        try:
            now = study.look_again()
        except ArchiveUnavailable as error:
            told = f"Everything was put back; whether all is as before could not be seen: {error}"
            return self._end(RepairState.UNDONE, (type(error).__name__, told))
        wrong = not_restored(study.plan, study.planned, now)
        if wrong is None:
            return self._end(RepairState.UNDONE, None)
        told = f"Everything was put back, and compared again {wrong}: compare the study."
        return self._end(RepairState.UNDONE, ("RepairError", told))

    def _end(self, state: RepairState, error: tuple[str, str] | None) -> dict[str, JsonValue]:
        study = self._study
        if state is RepairState.UNDONE:
            done = [
                one.ordinal
                for one in study.repairs.actions(study.repair_id)
                if one.state in {ActionState.DONE, ActionState.FAILED}
            ]
            study.repairs.note(study.repair_id, done, ActionState.UNDONE)
        study.repairs.end(study.repair_id, state, error)
        return {"outcome": state.value}

    # One change

    def _put_back(self, change: ChangeRecord) -> None:
        if change.effect == Effect.COPY:
            self._take_out(change)
        elif change.effect == "study":
            self._study_back(change)
        else:
            self._file_back(change)

    def _take_out(self, change: ChangeRecord) -> None:
        """Take out an instance that was copied, if the other archive still holds the same."""
        archive, uid = ArchiveName(change.archive), change.sop_instance_uid
        copies = self._study.copies
        entry = copies.listed(archive, anew=True).get(uid)
        if entry is None:
            return
        source, copied = copies.file(archive.other, uid), copies.file(archive, uid)
        if source is None:
            raise RepairError("it is the only copy left, so it stays")
        if copied is None or not same(archive, copied, source):
            raise RepairError(_CHANGED_SINCE)
        self._hands.guard()
        copies.archive(archive).remove(self._study.record.study_uid, [entry])
        if uid in copies.listed(archive, anew=True):
            raise RepairError(f"{archive_title(archive)} said that it took it out, and lists it still")

    def _file_back(self, change: ChangeRecord) -> None:
        """Put the former file back where the archive holds the later one."""
        archive, uid = ArchiveName(change.archive), change.sop_instance_uid
        copies = self._study.copies
        former, later = (
            described(self._study.files.kept(self._study.repair_id, one))
            for one in (change.former, change.later)
        )
        strict = differing_elements(former, later)
        current = copies.file(archive, uid)
        if current is not None and same(archive, current, former, strict):
            return
        if current is not None and not same(archive, current, later, strict):
            raise RepairError(_CHANGED_SINCE)
        self._hands.guard()
        outcome = copies.archive(archive).replace(former)
        if outcome.state is StoreState.FAILED:
            raise ArchiveUnavailable(
                f"{archive_title(archive)} did not take instance {uid}: {outcome.detail}", archive=archive
            )
        if not same(archive, copies.file_needed(archive, uid), former, strict):
            raise RepairError(outcome.detail or f"{archive_title(archive)} did not take the former file")

    def _study_back(self, change: ChangeRecord) -> None:
        """Give attributes of the study their former values where they have the later ones."""
        name, uid = ArchiveName(change.archive), change.sop_instance_uid
        copies = self._study.copies
        archive = copies.archive(name)
        former, later = (
            dict(json.loads(self._study.files.kept(self._study.repair_id, one)))
            for one in (change.former, change.later)
        )
        current = copies.file_needed(name, uid)
        there = texts_of(current.content, former)
        if there == former:
            return
        if there != later or not isinstance(archive, UpdatesStudies):
            raise RepairError(_CHANGED_SINCE)
        self._hands.guard()
        archive.update_study(self._study.record.study_uid, former)
        if texts_of(copies.file_needed(name, uid).content, former) != former:
            raise RepairError(f"{archive_title(name)} did not take the former values")
