"""Keeps labels on the studies in Orthanc that tell how each stands: its pages show them and filter by them.

What a study should be called is worked out from what the suite knows, and held against what the suite has put
there before; only differences are written, a few at a time. So a turn may be missed or done twice, and what
happened while no worker ran is made up for. A label is no change of a study: Orthanc logs none for it.

Only what the suite has put, which the store knows, is ever taken away. A label of one of these names that was
there before is a person's, and stays.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import HeldForReview, NotFound
from orthanc_plugins.identifiers import OrthancId, StudyUid
from orthanc_plugins.jobs import JobKind, JobState, deidentification_of_job
from orthanc_plugins.store import LEFT, RIGHT, Presence, ReleaseFilter, ReleaseState
from orthanc_plugins.transfers import held

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orthanc_plugins.jobs import Job
    from orthanc_plugins.services import Services

logger = logging.getLogger(__name__)

VERIFIED = "verified"
DIFFERS = "differs"
ONLY_ORTHANC = "only-orthanc"
RT_PROCESSED = "rt-processed"
RT_FAILED = "rt-failed"
DEID_CERTIFIED = "deid-certified"
DEID_HELD = "deid-held"
DEIDENTIFIED = "deidentified"

MEANING_OF_LABEL = {
    VERIFIED: "both archives list the same instances and attributes, and no comparison found otherwise",
    DIFFERS: "both archives hold the study, and not the same of it",
    ONLY_ORTHANC: "DCM4CHEE does not list the study",
    RT_PROCESSED: "there are results of an RT Structure Set of the study",
    RT_FAILED: "an RT Structure Set of the study could not be processed",
    DEID_CERTIFIED: "a de-identified copy has been delivered and certified; the study itself is an original",
    DEID_HELD: "a person has to look before a de-identified copy may leave",
    DEIDENTIFIED: "the study itself is a de-identified copy",
}
"""What each label says. Originals and copies never share one: who picks by label must not mix them."""

_LABEL_OF_PRESENCE = {
    Presence.ONLY_LEFT: ONLY_ORTHANC,
    Presence.DIFFERING: DIFFERS,
    Presence.SAME: VERIFIED,
}

AT_ONCE = 100
"""Studies that are written to in one turn."""

SOON_S = 5.0
"""Until the next turn where more is to be written: at most twenty studies a second."""

_LEASE = "labels"
_POSITION = "orthanc-changes-labels"
_CHECKED_EVERY_S = 3600.0
_JOBS = 1000
"""Newest jobs of a kind that are looked at."""

_RELEASES = 500


@dataclass
class _Known:
    """What was found out since labels were last checked against Orthanc itself."""

    checked_at: float
    absent: set[StudyUid] = field(default_factory=set)
    """Studies that Orthanc does not hold."""
    of_persons: dict[StudyUid, set[tuple[OrthancId, str]]] = field(default_factory=dict)
    """Labels that stood there before the suite would have put them."""
    came: set[StudyUid] = field(default_factory=set)
    """Studies of which a resource came, perhaps beside another of the same UID."""
    uids: dict[OrthancId, StudyUid | None] = field(default_factory=dict)
    instances: dict[OrthancId, bool] = field(default_factory=dict)


class StudyLabels:
    """Keeps the labels of studies in Orthanc.

    Parameters
    ----------
    holder
        Name of this worker: one of them does it at a time.
    """

    def __init__(self, services: Services, holder: str) -> None:
        self._services = services
        self._orthanc = services.orthanc
        self._noted = services.store.labels
        self._holder = holder
        self._known: _Known | None = None

    def keep(self) -> float | None:
        """Write what is otherwise than it should be, and return how soon to look again; None for as always.

        Raises
        ------
        ArchiveError, StoreError, JobError
            Orthanc or a database cannot be used.
        """
        if not self._orthanc.system().get("HasLabels", False):
            return None  # Orthanc before 1.12.0, or an index that keeps none
        with held(self._services.store.leases, _LEASE, self._holder, time.monotonic) as lease:
            if lease is None:
                self._known = None
                return None
            return self._turn()

    def _turn(self) -> float | None:
        known = self._known
        if known is None or time.monotonic() - known.checked_at > _CHECKED_EVERY_S:
            known = _Known(time.monotonic())
            self._check()
        self._known = known
        self._see_what_is_new(known)
        wanted = self._wanted(known)
        todo = self._otherwise(known, wanted)
        for study_uid in todo[:AT_ONCE]:
            self._write(known, study_uid, wanted.get(study_uid, set()))
        return SOON_S if len(todo) > AT_ONCE else None

    # What Orthanc has

    def _check(self) -> None:
        """Forget what the suite has put and somebody took away, or what went with a deleted study."""
        by_label: dict[str, set[OrthancId]] = defaultdict(set)
        for resources in self._noted.all().values():
            for resource, labels in resources.items():
                for label in labels:
                    by_label[label].add(resource)
        for label, resources_of in by_label.items():
            self._noted.forget(sorted(resources_of - self._orthanc.labelled_studies(label)), label)

    def _see_what_is_new(self, known: _Known) -> None:
        """Look at the studies that came anew since the last turn."""
        newest = self._orthanc.last_change()
        position = self._services.store.position(_POSITION)
        if position is None or position > newest:
            self._services.store.restart(_POSITION, newest)
            return
        while position < newest:
            page = self._orthanc.changes(position)
            came = {one.orthanc_id for one in page.entries if one.kind == "NewStudy"}
            if came:
                known.absent.clear()
                known.uids.clear()
                studies = self._orthanc.studies_of(sorted(came))
                known.came.update(studies.values())
                self._noted.forget(sorted(came - studies.keys()))
                for resource, study_uid in studies.items():
                    self._forget_what_went(study_uid, resource)
            position = page.last
            self._services.store.advance(_POSITION, position)
            if page.done:
                break

    def _forget_what_went(self, study_uid: StudyUid, resource: OrthancId) -> None:
        """Forget the labels that were deleted with a study; those put since are still ours."""
        ours = self._noted.of_study(study_uid).get(resource, frozenset())
        if not ours:
            return
        try:
            there = set(self._orthanc.labels("Study", resource))
        except NotFound:
            there = set()
        for label in sorted(ours - there):
            self._noted.forget([resource], label)

    # What should be there

    def _wanted(self, known: _Known) -> dict[StudyUid, set[str]]:
        """Return the labels that studies should have, those alone that should have any."""
        wanted: dict[StudyUid, set[str]] = defaultdict(set)
        if not self._services.labels.enabled:
            return wanted
        store = self._services.store
        if ArchiveName.DCM4CHEE in self._services.archives and all(
            store.inventory.position(side).is_of(None) for side in (LEFT, RIGHT)
        ):
            for study_uid, presence in store.inventory.standings().items():
                wanted[study_uid].add(_LABEL_OF_PRESENCE[presence])
        processed = set()
        for result in store.results():
            processed.add(result.subject.instance_orthanc_id)
            wanted[result.subject.study_uid].add(RT_PROCESSED)
        for study_uid in self._failed(known, processed):
            wanted[study_uid].add(RT_FAILED)
        self._add_releases(known, wanted)
        prefix = self._services.labels.prefix
        return {uid: {prefix + label for label in labels} for uid, labels in wanted.items()}

    def _failed(self, known: _Known, processed: Iterable[OrthancId]) -> set[StudyUid]:
        """Return the studies of structure sets that are still there and whose processing failed."""
        jobs = self._services.queue.jobs(
            kind=JobKind.EXTRACT_STRUCTURES, states={JobState.FAILED}, limit=_JOBS
        )
        subjects = self._services.store.subjects([job.job_id for job in jobs])
        found = set()
        for subject in subjects.values():
            instance = subject.instance_orthanc_id
            if instance in processed:
                continue
            if instance not in known.instances:
                known.instances[instance] = self._orthanc.has_instance(instance)
            if known.instances[instance]:
                found.add(subject.study_uid)
        return found

    def _add_releases(self, known: _Known, wanted: Mapping[StudyUid, set[str]]) -> None:
        """Add how originals stand, which their jobs tell, and which studies here are copies."""
        newest: dict[tuple[OrthancId, str], Job] = {}
        for job in self._services.queue.jobs(kind=JobKind.DEIDENTIFY_STUDY, limit=_JOBS):
            study, project, _ = deidentification_of_job(job.job_id)
            newest.setdefault((study, project), job)
        for (study, _), job in newest.items():
            label, study_uid = _label_of_release(job), self._uid(known, study)
            if label is not None and study_uid is not None:
                wanted[study_uid].add(label)
        certified = ReleaseFilter(state=ReleaseState.CERTIFIED)
        for release in self._services.store.releases.page(certified, limit=_RELEASES).entries:
            if release.destination.startswith("archive:"):
                wanted[StudyUid(release.study_uid)].add(DEIDENTIFIED)

    def _uid(self, known: _Known, study: OrthancId) -> StudyUid | None:
        if study not in known.uids:
            try:
                known.uids[study] = self._orthanc.study_uid(study)
            except NotFound:
                known.uids[study] = None
        return known.uids[study]

    # What is to be done

    def _otherwise(self, known: _Known, wanted: Mapping[StudyUid, set[str]]) -> list[StudyUid]:
        """Return the studies whose labels are not what they should be, as far as is known."""
        noted = self._noted.all()
        found = []
        for study_uid in wanted.keys() | noted.keys():
            should, resources = wanted.get(study_uid, set()), noted.get(study_uid, {})
            persons = known.of_persons.get(study_uid, set())
            if not resources:
                differs = study_uid not in known.absent and bool(should - {label for _, label in persons})
            else:
                differs = any(
                    labels != {one for one in should if (resource, one) not in persons}
                    for resource, labels in resources.items()
                )
            if differs or (should and study_uid in known.came):
                found.append(study_uid)
        return sorted(found)

    def _write(self, known: _Known, study_uid: StudyUid, should: set[str]) -> None:
        known.came.discard(study_uid)
        noted = self._noted.of_study(study_uid)
        resources = self._orthanc.lookup(study_uid, "Study")
        self._noted.forget([one for one in noted if one not in resources])
        if not resources:
            known.absent.add(study_uid)
        for resource in resources:
            try:
                self._label(known, study_uid, resource, should, noted.get(resource, frozenset()))
            except NotFound:
                logger.debug("Study %s was deleted before it was labelled.", resource)
                self._noted.forget([resource])

    def _label(
        self, known: _Known, study_uid: StudyUid, resource: OrthancId, should: set[str], ours: frozenset[str]
    ) -> None:
        there = set(self._orthanc.labels("Study", resource))
        for label in sorted(should - ours):
            if label in there:
                known.of_persons.setdefault(study_uid, set()).add((resource, label))
                continue
            self._noted.note(study_uid, resource, label)
            self._orthanc.add_label("Study", resource, label)
        for label in sorted(ours - should):
            if label in there:
                self._orthanc.remove_label("Study", resource, label)
            self._noted.forget([resource], label)


def _label_of_release(job: Job) -> str | None:
    """Return how a job of de-identification says that its original stands."""
    if job.state is JobState.SUCCEEDED and (job.result or {}).get("outcome") == "certified":
        return DEID_CERTIFIED
    if job.failure is not None and job.failure.name == HeldForReview.__name__:
        return DEID_HELD
    return None
