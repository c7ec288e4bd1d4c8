"""From what happens in Orthanc to jobs: one place for events, the sweep over the change log, and routes.

Events are the fast path; the sweep reads Orthanc's own change log from a stored position and finds what
an event could not ask for. Both meet in the same job identifier, so doing both is harmless.
"""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.engine import engine_digest
from orthanc_plugins.errors import ArchiveUnavailable, JobActive, JobNotFound, NotFound, StoreError
from orthanc_plugins.identifiers import (
    RT_STRUCTURE_SET_STORAGE,
    JobId,
    OrthancId,
    SeriesUid,
    SopInstanceUid,
    StudyUid,
    is_dicom_uid,
)
from orthanc_plugins.jobs import (
    DOSES_SEEN,
    ENGINE,
    Job,
    JobKind,
    JobQueue,
    JobState,
    extract_structures_request,
    remove_results_request,
)
from orthanc_plugins.store import StructureSubject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orthanc_plugins.archives import Changes, InstanceRecord, OrthancRest, SeriesRecord
    from orthanc_plugins.store import AwaitedImages, Store

logger = logging.getLogger(__name__)

CHANGE_LOG = "orthanc-changes"
"""Name of the stored position in Orthanc's change log."""

_STARTED = datetime.now(UTC)
"""When this process began: whatever ended later was made by the worker there is now."""

_PAGE = 100
_STOPPED = (JobState.FAILED, JobState.CANCELLED)
_STOPPED_LOOKED_AT = 10_000
"""How many jobs that stopped, newest first, a thorough sweep looks after."""

_PASSING = frozenset(error.__name__ for error in (NotFound, ArchiveUnavailable, StoreError))
"""Failures of a job that say nothing of its structure set: it was away, or a neighbour was."""


class Reception:
    """Turns what happened in Orthanc into jobs.

    ``process_existing`` tells whether the first sweep asks for the structure sets that Orthanc already holds.

    Every method may be called any number of times for the same event. Raises ArchiveError, JobError
    or StoreError when a neighbour cannot be used; the sweep then makes up for it.
    """

    def __init__(
        self, orthanc: OrthancRest, store: Store, queue: JobQueue, *, process_existing: bool = True
    ) -> None:
        self._orthanc = orthanc
        self._store = store
        self._queue = queue
        self._process_existing = process_existing

    def structure_set_stored(self, instance: OrthancId) -> JobId:
        """Ask for the processing of a structure set and return the job that does it.

        What is already done, was cancelled or cannot be done is not done again for coming again. It is
        when the structure set had been deleted since, when another engine than today's had done it, and when
        the job failed for what passes by itself.
        """
        request = extract_structures_request(instance, self._orthanc.file_md5(instance))
        job_id = request.job_id
        if not self._store.subjects([job_id]):
            subject = structure_subject(self._orthanc, self._orthanc.instance(instance))
            self._store.remember_subject(job_id, subject)
        self._queue.submit(request)
        job = self._queue.job(job_id)
        removed = job.state is JobState.SUCCEEDED and self._store.result_of_job(job_id) is None
        passing = job.failure is not None and job.failure.name in _PASSING
        if removed or passing or _is_outdated(job) or self._deleted_since(job, instance):
            self._queue_again(job_id)
        return job_id

    def instance_deleted(self, instance: OrthancId) -> None:
        """Ask for the removal of a structure set's results, unless Orthanc holds it (again).

        An instance that is overwritten is told as deleted too, when its successor is already there.
        """
        known = self._store.subjects(self._store.jobs_of_instance(instance))
        if not known:
            return
        if self._orthanc.has_instance(instance):
            self.structure_set_stored(instance)
            return
        request = remove_results_request(instance, uuid.uuid4().hex)
        self._store.remember_subject(request.job_id, next(iter(known.values())))
        self._queue.submit(request)

    def _deleted_since(self, job: Job, instance: OrthancId) -> bool:
        """Return whether the structure set was deleted from Orthanc after a job on it had ended or paused."""
        if job.ended_at is None:
            return False
        acted = self._store.jobs_of_instance(instance)
        removals = self._queue.jobs(job_ids=acted, kind=JobKind.REMOVE_RESULTS, limit=1)
        return any(one.requested_at is not None and one.requested_at >= job.ended_at for one in removals)

    def series_appeared(self, series: OrthancId) -> None:
        """Wake the jobs that wait for a series of which a first image has come."""
        if self._store.awaited(blocking=True):
            self._wake_for(self._orthanc.series(series), blocking_only=True)

    def series_became_stable(self, series: OrthancId) -> None:
        """Wake the jobs that want to hear of a series that is complete as far as Orthanc can tell.

        A series of RT Doses has the results of its study made again, unless they have seen all of it.
        """
        awaited = self._store.awaited()
        if not (awaited or self._store.count_results()):
            return
        record = self._orthanc.series(series)
        if record.holds_doses:
            self._doses_came(record)
        elif awaited:
            self._wake_for(record, blocking_only=False)

    def study_became_stable(self, study: OrthancId) -> None:
        """Wake the jobs that wait for images of a study without knowing of which series."""
        unnamed = {
            job_id: awaited.study_uid
            for job_id, awaited in self._store.awaited(blocking=True).items()
            if awaited.image_series_uid is None
        }
        if unnamed:
            study_uid = self._orthanc.study_uid(study)
            for job_id in (found for found, wanted in unnamed.items() if wanted == study_uid):
                self._wake(job_id)

    def look_after_waiting(self, *, arriving_only: bool = True) -> bool:
        """Wake jobs whose images have come, by asking Orthanc rather than by waiting for an event.

        Looks only at jobs whose images were arriving when they last looked, unless told otherwise. Returns
        whether there were any to look at.
        """
        looked = False
        for job_id, awaited in self._store.awaited(blocking=True).items():
            if awaited.image_series_uid is None or (arriving_only and not awaited.images_present):
                continue
            looked = True
            series = [self._orthanc.series(found) for found in self._lookup(awaited.image_series_uid)]
            if any(_is_ready(found, awaited) for found in series):
                self._wake(job_id)
        return looked

    def sweep(self, *, thorough: bool = False) -> None:
        """Read Orthanc's change log from the stored position and ask for what is due.

        Parameters
        ----------
        thorough
            Also look at each new instance, and whether each structure set that has results or waits is
            still there. Done when a worker starts, for what happened while nobody listened: Orthanc does
            not log deletions, and a stability that was due when it stopped is never reported.
        """
        newest = self._orthanc.last_change()
        position = self._store.position(CHANGE_LOG)
        if position is None:
            self._receive_existing()
            self._store.advance(CHANGE_LOG, newest)
            position = newest
        elif newest < position:
            logger.warning("Orthanc's change log began anew; it is read from its start.")
            self._store.restart(CHANGE_LOG, 0)
            position = 0
        while position < newest:
            changes = self._orthanc.changes(position)
            self._receive(changes, thorough=thorough)
            position = changes.last
            self._store.advance(CHANGE_LOG, position)
            if changes.done:
                break
        self.look_after_waiting(arriving_only=False)
        if thorough:
            self._note_deletions()
            for job_id in self._store.awaited(blocking=True):
                self._wake(job_id)

    def _receive_existing(self) -> None:
        """Ask for every structure set that Orthanc held before the suite first looked."""
        if not self._process_existing:
            return
        since = 0
        while page := self._orthanc.find_structure_sets(since, _PAGE):
            for series in page:
                self._receive_series(series)
            since += len(page)

    def _receive(self, changes: Changes, *, thorough: bool) -> None:
        touched = _unique(
            entry.orthanc_id for entry in changes.entries if entry.kind in {"NewSeries", "StableSeries"}
        )
        for series_id in touched:
            self._receive_series(series_id, thorough=thorough)
        if thorough:
            for instance in _unique(
                entry.orthanc_id for entry in changes.entries if entry.kind == "NewInstance"
            ):
                self._receive_instance(instance)

    def _receive_series(self, series_id: OrthancId, *, thorough: bool = False) -> None:
        try:
            series = self._orthanc.series(series_id)
        except NotFound:
            logger.debug("Series %s was deleted before it was looked at.", series_id)
            return
        if series.holds_structure_sets:
            for instance in series.instances:
                self._receive_instance(instance)
        elif series.holds_doses:
            if series.stable or thorough:
                self._doses_came(series)
        elif self._store.awaited():
            self._wake_for(series, blocking_only=False)

    def _doses_came(self, series: SeriesRecord) -> None:
        """Have the results of a study made again, once, when its doses were not there for them.

        A job that runs looks for doses itself before it ends; one that waits or failed has nothing to add to.
        """
        results = self._store.results(study_uid=self._orthanc.study_uid(series.study_orthanc_id))
        if not results:
            return
        held = {
            str(record.sop_instance_uid) for record in self._orthanc.instances_of_series(series.orthanc_id)
        }
        for result in results:
            try:
                job = self._queue.job(result.job_id)
            except JobNotFound as error:
                logger.debug("Doses came for job %s: %s", result.job_id, error)
                continue
            seen = job.result.get(DOSES_SEEN) if job.result else None
            if job.state is JobState.SUCCEEDED and not held <= set(seen if isinstance(seen, list) else ()):
                self._queue_again(result.job_id)

    def _receive_instance(self, instance: OrthancId) -> None:
        try:
            if self._orthanc.sop_class(instance) == RT_STRUCTURE_SET_STORAGE:
                self.structure_set_stored(instance)
        except NotFound:
            logger.debug("Instance %s was deleted before it was looked at.", instance)

    def _note_deletions(self) -> None:
        """Ask for the removal of what belongs to structure sets that Orthanc has lost unnoticed."""
        awaiting = self._store.subjects(list(self._store.awaited())).values()
        known = [
            *self._store.result_instances(),
            *(subject.instance_orthanc_id for subject in awaiting),
            *self._instances_of_stopped(),
        ]
        for instance in _unique(known):
            if not self._orthanc.has_instance(instance):
                self.instance_deleted(instance)

    def _instances_of_stopped(self) -> Iterator[OrthancId]:
        """Yield the structure sets whose job failed or was cancelled, but for those known to be deleted."""
        kind = JobKind.EXTRACT_STRUCTURES
        jobs = self._queue.jobs(states=_STOPPED, kind=kind, limit=_STOPPED_LOOKED_AT)
        subjects = self._store.subjects([job.job_id for job in jobs])
        for job in jobs:
            subject = subjects.get(job.job_id)
            if subject is not None and not self._deleted_since(job, subject.instance_orthanc_id):
                yield subject.instance_orthanc_id

    def _wake_for(self, series: SeriesRecord, *, blocking_only: bool) -> None:
        study_uid = self._orthanc.study_uid(series.study_orthanc_id)
        for job_id, awaited in self._store.awaited(blocking=True if blocking_only else None).items():
            meant = awaited.image_series_uid == series.series_uid or (
                awaited.image_series_uid is None and awaited.study_uid == study_uid
            )
            if meant and (awaited.blocking or len(series.instances) != awaited.images_present):
                self._wake(job_id)

    def _lookup(self, series_uid: SeriesUid) -> list[OrthancId]:
        return self._orthanc.lookup(series_uid, "Series")

    def _wake(self, job_id: JobId) -> None:
        """Have a job done again, unless someone has cancelled it."""
        try:
            cancelled = self._queue.job(job_id).state is JobState.CANCELLED
        except JobNotFound as error:
            logger.debug("Job %s was not woken: %s", job_id, error)
            return
        if cancelled:
            self._store.no_longer_awaits(job_id)
        else:
            self._queue_again(job_id)

    def _queue_again(self, job_id: JobId) -> None:
        """Have a job done again, unless it is about to be done anyway."""
        try:
            self._queue.run_again(job_id)
        except JobActive as error:
            logger.debug("Job %s is not done again: %s", job_id, error)


def _is_outdated(job: Job) -> bool:
    """Return whether another engine made the results, before this process began.

    A worker of another version than this process's may be at work: what it has just done is let be.
    """
    if job.state is not JobState.SUCCEEDED or job.result is None or job.ended_at is None:
        return False
    return job.ended_at < _STARTED and job.result.get(ENGINE) != engine_digest()


def structure_subject(orthanc: OrthancRest, record: InstanceRecord) -> StructureSubject:
    """Return the identifiers of a structure set as Orthanc's index knows them."""
    series = orthanc.series(record.series_orthanc_id)
    return StructureSubject(
        study_uid=StudyUid(_safe(orthanc.study_uid(series.study_orthanc_id))),
        series_uid=SeriesUid(_safe(series.series_uid)),
        sop_instance_uid=SopInstanceUid(_safe(record.sop_instance_uid)),
        instance_orthanc_id=record.orthanc_id,
    )


def _safe(uid: str) -> str:
    """Return a UID that can be a folder's name; one that is not a valid UID becomes a harmless text."""
    return uid if is_dicom_uid(uid) else "invalid-" + uid.encode().hex()[:64]


def _is_ready(series: SeriesRecord, awaited: AwaitedImages) -> bool:
    return series.stable or len(series.instances) >= awaited.images_present + awaited.images_missing


def _unique(identifiers: Iterable[OrthancId]) -> list[OrthancId]:
    return list(dict.fromkeys(identifiers))
