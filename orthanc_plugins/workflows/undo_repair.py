"""Undoes a repair: puts back what was there before, takes out what was copied, and looks whether it is so."""

from __future__ import annotations

import json
import logging
from itertools import batched, groupby
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
    from collections.abc import Iterator, Sequence

    from orthanc_plugins.identifiers import SopInstanceUid
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import ChangeRecord
    from orthanc_plugins.workflows.repair_study import Means

logger = logging.getLogger(__name__)

_CANNOT_BE_DONE = (RepairError, ArchiveRefused, InvalidDicom)
_TAKEN_OUT_AT_ONCE = 200
"""Instances that were copied; undone together, so that the archive is not asked for its list for each."""
_CHANGED_SINCE = "it was changed by someone else since, so it is left as it is"


class RepairUndoing:
    """The steps of the workflow; made anew in each run."""

    def __init__(self, services: Services, repair_id: str, means: Means) -> None:
        self._study = RepairedStudy(services, repair_id)
        self._hands = self._study.hands(means)
        self._batches = list(_batches(self._study.repairs.changes(repair_id)[::-1]))

    def count(self) -> dict[str, JsonValue]:
        """Return how many batches of changes there are to undo."""
        return {"outcome": "go", "batches": len(self._batches)}

    def put_back(self, number: int) -> dict[str, JsonValue]:
        """Undo some changes; what cannot be undone is told, and the next may be.

        Parameters
        ----------
        number
            Which batch, the last changes first, from 0.
        """
        left = [one for one in self._batches[number] if one.state is not ChangeState.PUT_BACK]
        failures: dict[str, str] = {}
        if left and left[0].effect == Effect.COPY:
            failures = self._take_out(ArchiveName(left[0].archive), left)
        elif left:
            try:
                self._put_back(left[0])
            except _CANNOT_BE_DONE as error:
                failures = {left[0].operation: str(error)}
        undone = [one.operation for one in left if one.operation not in failures]
        self._study.repairs.change_became(self._study.repair_id, undone, ChangeState.PUT_BACK)
        told: list[JsonValue] = [
            f"Instance {one.sop_instance_uid} in {one.archive} was not put back: "
            f"{failures[one.operation].rstrip('.')}."
            for one in left
            if one.operation in failures
        ]
        for sentence in told:
            logger.warning("Repair %s: %s", self._study.repair_id, sentence)
        return {"outcome": "failed" if told else "undone", "told": told}

    def verify(self, failures: list[str]) -> dict[str, JsonValue]:
        """Compare the study again by content, and remember how the undoing ended.

        Parameters
        ----------
        failures
            What could not be undone, each a sentence.
        """
        study = self._study
        study.take_in()
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
        if change.effect == "study":
            self._study_back(change)
        else:
            self._file_back(change)

    def _take_out(self, archive: ArchiveName, changes: Sequence[ChangeRecord]) -> dict[str, str]:
        """Take out instances that were copied; return why some stay, by operation."""
        copies = self._study.copies
        there = copies.listed(archive, anew=True)
        copies.listed(archive.other, anew=True)
        failures: dict[str, str] = {}
        meant: dict[SopInstanceUid, ChangeRecord] = {}
        for change in changes:
            if change.sop_instance_uid not in there:
                continue
            if (why := self._why_it_stays(archive, change.sop_instance_uid)) is not None:
                failures[change.operation] = why
            else:
                meant[change.sop_instance_uid] = change
        if meant:
            self._hands.guard()
            copies.archive(archive).remove(self._study.record.study_uid, [there[uid] for uid in meant])
            for uid in meant.keys() & copies.listed(archive, anew=True).keys():
                failures[meant[uid].operation] = f"{archive_title(archive)} lists it still"
        return failures

    def _why_it_stays(self, archive: ArchiveName, uid: SopInstanceUid) -> str | None:
        """Return why an instance that was copied is not taken out, None when the other copy is the same."""
        source, copied = self._study.copies.file(archive.other, uid), self._study.copies.file(archive, uid)
        if source is None:
            return "it is the only copy left, so it stays"
        return None if copied is not None and same(archive, copied, source) else _CHANGED_SINCE

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


def _batches(changes: Sequence[ChangeRecord]) -> Iterator[list[ChangeRecord]]:
    """Yield changes in their order: copies into one archive together, each other change by itself."""
    alike = groupby(changes, key=lambda one: one.archive if one.effect == Effect.COPY else one.operation)
    for _, group in alike:
        for some in batched(group, _TAKEN_OUT_AT_ONCE, strict=False):
            yield list(some)
