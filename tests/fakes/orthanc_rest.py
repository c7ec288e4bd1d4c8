"""Orthanc as an archive, in memory."""

from __future__ import annotations

import fnmatch
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, override

from orthanc_plugins.archives import (
    Changes,
    InstanceRecord,
    Order,
    OrthancRest,
    OrthancStatistics,
    SeriesRecord,
    StoredFile,
    StoredInstance,
    StudyRecord,
    UploadOutcome,
)
from orthanc_plugins.archives.dicom_file import sop_instance_uid as uid_in
from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.identifiers import OrthancId, StudyUid
from tests.fakes.orthanc_stock import (
    CT_IMAGE_STORAGE,
    EXPLICIT_VR_LITTLE_ENDIAN,
    NOW,
    OrthancStock,
    not_held,
    orthanc_id,
    patient_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.errors import ArchiveError

__all__ = [
    "CT_IMAGE_STORAGE",
    "EXPLICIT_VR_LITTLE_ENDIAN",
    "NOW",
    "FakeOrthancRest",
    "orthanc_id",
    "patient_of",
]


class FakeOrthancRest(OrthancStock, OrthancRest):
    """Holds what a test puts in with `store`, and answers as Orthanc would.

    ``failure`` is raised by every method while it is set; ``asked`` lists the methods that were called.
    ``overwrites`` is OverwriteInstances, ``page_limit`` LimitFindResults and LimitFindInstances (0 is none),
    ``finds_extended`` whether its index does what older PostgreSQL plugins do not,
    ``keeps_labels`` is False as before Orthanc 1.12.0;
    ``pictures`` holds those of instances with pixels;
    ``refusals`` says of SOP Instance UIDs what becomes of their files: a status, or what is raised.
    """

    def __init__(self) -> None:
        OrthancStock.__init__(self)
        OrthancRest.__init__(self, "http://orthanc.invalid:8042")
        self.failure: ArchiveError | None = None
        self.asked: list[str] = []
        self.overwrites = True
        self.page_limit = 0
        self.finds_extended = True
        self.keeps_labels = True
        self.pictures: dict[OrthancId, bytes] = {}
        self.refusals: dict[str, str | ArchiveError] = {}
        self.ahead: timedelta | None = None

    # What the suite asks

    @override
    def system(self) -> Mapping[str, Any]:
        self._ask("system")
        return {
            "Version": "1.12.7",
            "Name": "fake",
            "OverwriteInstances": self.overwrites,
            "HasLabels": self.keeps_labels,
            "Capabilities": {"HasExtendedFind": self.finds_extended},
        }

    @override
    def statistics(self) -> OrthancStatistics:
        self._ask("statistics")
        studies = {series.study_uid for series in self._series_held.values()}
        stored = sum(len(held.content) for held in self._held.values())
        return OrthancStatistics(len(studies), len(studies), len(self._series_held), len(self._held), stored)

    @override
    def changes(self, since: int, limit: int = 500) -> Changes:
        self._ask("changes")
        later = [change for change in self._log if change.sequence > since]
        entries = tuple(later[:limit])
        last = entries[-1].sequence if entries else self._sequence
        return Changes(entries, last, len(later) <= limit)

    @override
    def last_change(self) -> int:
        self._ask("last_change")
        return self._sequence

    @override
    def study_uid(self, study: OrthancId) -> StudyUid:
        self._ask("study_uid")
        for series in self._series_held.values():
            if orthanc_id(series.study_uid) == study:
                return StudyUid(series.study_uid)
        raise not_held()

    @override
    def series(self, series: OrthancId) -> SeriesRecord:
        self._ask("series")
        if series not in self._series_held:
            raise not_held()
        return self._series_record(series)

    @override
    def series_of_study(self, study: OrthancId) -> list[SeriesRecord]:
        self._ask("series_of_study")
        return [
            self._series_record(series)
            for series, held in self._series_held.items()
            if orthanc_id(held.study_uid) == study
        ]

    @override
    def series_of_patient(self, patient: OrthancId) -> list[SeriesRecord]:
        """Return the series of a patient; each study here has a patient of its own, see `patient_of`."""
        self._ask("series_of_patient")
        return [
            self._series_record(series)
            for series, held in self._series_held.items()
            if patient_of(held.study_uid) == patient
        ]

    @override
    def instances_of_series(self, series: OrthancId) -> list[InstanceRecord]:
        self._ask("instances_of_series")
        if series not in self._series_held:
            raise not_held()
        return [self._held[instance].record for instance in self._series_held[series].instances]

    @override
    def instance(self, instance: OrthancId) -> InstanceRecord:
        self._ask("instance")
        return self._instance(instance).record

    @override
    def has_instance(self, instance: OrthancId) -> bool:
        self._ask("has_instance")
        return instance in self._held

    @override
    def sop_class(self, instance: OrthancId) -> str:
        self._ask("sop_class")
        return self._instance(instance).sop_class

    @override
    def header(self, instance: OrthancId) -> Mapping[str, Any]:
        self._ask("header")
        return self._instance(instance).header

    @override
    def file(self, instance: OrthancId) -> bytes:
        self._ask("file")
        return self._instance(instance).content

    @override
    def picture(self, instance: OrthancId, size_px: int) -> bytes:
        self._ask("picture")
        self._instance(instance)
        if instance not in self.pictures:
            raise ArchiveRefused("Orthanc answered HTTP 415.", archive="orthanc", status=415)
        return self.pictures[instance]

    @override
    def file_md5(self, instance: OrthancId) -> str:
        self._ask("file_md5")
        return hashlib.md5(self._instance(instance).content, usedforsecurity=False).hexdigest()

    @override
    def lookup(self, dicom_uid: str, level: str) -> list[OrthancId]:
        self._ask("lookup")
        if level == "Study":
            studies = {held.study_uid for held in self._series_held.values()}
            return [orthanc_id(study) for study in studies if study == dicom_uid]
        if level == "Series":
            return [
                series
                for series, held in self._series_held.items()
                if held.tags["SeriesInstanceUID"] == dicom_uid
            ]
        return [one for one, held in self._held.items() if held.record.sop_instance_uid == dicom_uid]

    @override
    def put(self, content: bytes) -> StoredFile:
        self._ask("put")
        if content[128:132] != b"DICM":
            raise ArchiveRefused("Orthanc answered HTTP 400.", archive="orthanc", status=400)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        uid = str(uid_in(content) or int(digest[:12], 16))
        refusal = self.refusals.get(uid)
        if isinstance(refusal, Exception):
            raise refusal
        study, series = self._places.get(uid, ("1.2", "1.2.3"))
        instance = orthanc_id(study, series, uid)
        if refusal is not None:
            return StoredFile(refusal, instance, None)
        if instance in self._held and not self.overwrites:
            return StoredFile("AlreadyStored", instance, orthanc_id(study))
        return StoredFile("Success", self.store(study, series, uid, content=content), orthanc_id(study))

    @override
    def upload(self, content: bytes) -> UploadOutcome:
        self._ask("upload")
        held = set(self._held)
        file = self.put(content)
        return UploadOutcome(file.instance, file.study or orthanc_id("1.2"), file.instance in held)

    @override
    def find_structure_sets(self, since: int, limit: int) -> Sequence[OrthancId]:
        self._ask("find_structure_sets")
        found = [series for series, held in self._series_held.items() if held.tags["Modality"] == "RTSTRUCT"]
        return found[since : since + limit]

    @override
    def now(self) -> datetime:
        self._ask("now")
        return NOW if self.ahead is None else datetime.now(UTC) + self.ahead

    @override
    def study(self, study: OrthancId) -> StudyRecord:
        self._ask("study")
        return self._study_record(self.study_uid(study))

    @override
    def list_studies(self, since: int, limit: int) -> list[StudyRecord]:
        self._ask("list_studies")
        found = sorted(map(self._study_record, self._studies()), key=lambda record: record.orthanc_id)
        return found[since : since + limit]

    @override
    def find_studies(
        self, query: Mapping[str, str], *, since: int = 0, limit: int = 1000, order: Order = Order.BY_UID
    ) -> list[StudyRecord]:
        self._ask("find_studies")
        found = [self._study_record(uid) for uid in sorted(self._studies())]
        if order is Order.NEWEST_FIRST:
            found.sort(key=lambda record: record.last_update, reverse=True)
        matching = [record for record in found if _matches(record, query)]
        return matching[since : since + min(limit, self.page_limit or limit)]

    @override
    def find_instances(
        self,
        study_uids: Sequence[StudyUid],
        *,
        since: int = 0,
        limit: int = 10_000,
        order: Order = Order.BY_UID,
    ) -> list[StoredInstance]:
        self._ask("find_instances")
        found = [
            self._stored_instance(one) for one, held in self._held.items() if held.study_uid in study_uids
        ]
        found.sort(key=lambda one: one.sop_instance_uid)
        return found[since : since + min(limit, self.page_limit or limit)]

    @override
    def count(self, level: str, query: Mapping[str, str]) -> int:
        self._ask("count")
        records = [self._study_record(uid) for uid in self._studies()]
        matching = [record for record in records if _matches(record, query)]
        if level == "Instance":
            return sum(record.instance_count for record in matching)
        return sum(record.series_count for record in matching) if level == "Series" else len(matching)

    @override
    def instance_ids(self, study: OrthancId) -> list[OrthancId]:
        self._ask("instance_ids")
        found = [one for one, held in self._held.items() if orthanc_id(held.study_uid) == study]
        if not found:
            raise not_held()
        return found

    @override
    def studies_of(self, resources: Sequence[OrthancId]) -> dict[OrthancId, StudyUid]:
        self._ask("studies_of")
        found = {}
        for held in self._held.values():
            ids = orthanc_id(held.study_uid), held.record.series_orthanc_id, held.record.orthanc_id
            if not set(ids).isdisjoint(resources):
                found[ids[0]] = StudyUid(held.study_uid)
        return found

    @override
    def labels(self, level: str, resource: OrthancId) -> list[str]:
        self._ask("labels")
        return sorted(self._labels.get(resource, ()))

    @override
    def labelled_studies(self, label: str) -> set[OrthancId]:
        self._ask("labelled_studies")
        return {resource for resource, labels in self._labels.items() if label in labels}

    @override
    def add_label(self, level: str, resource: OrthancId, label: str) -> None:
        self._ask("add_label")
        self._labels.setdefault(resource, set()).add(label)

    @override
    def remove_label(self, level: str, resource: OrthancId, label: str) -> None:
        self._ask("remove_label")
        self._labels.get(resource, set()).discard(label)

    @override
    def metadata(self, level: str, resource: OrthancId) -> Mapping[str, str]:
        self._ask("metadata")
        return self._stored_instance(resource).metadata if level == "Instance" else {}

    @override
    def delete_resource(self, level: str, resource: OrthancId) -> None:
        self._ask("delete_resource")
        gone = self.instance_ids(resource) if level == "Study" else [resource]
        for instance in gone:
            self._instance(instance)
            self.delete(instance)

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        if self.failure is not None:
            raise self.failure


def _matches(record: StudyRecord, query: Mapping[str, str]) -> bool:
    """Return whether a study matches: lists of UIDs, ranges of dates, and ``*``, as at Orthanc."""
    for keyword, wanted in query.items():
        value = record.tags.get(keyword, "")
        if keyword == "StudyInstanceUID":
            fits = value in wanted.split("\\")
        elif keyword == "StudyDate":
            first, _, last = wanted.partition("-")
            fits = first <= value <= (last or "~")
        else:
            fits = fnmatch.fnmatchcase(value.lower(), wanted.lower())
        if not fits:
            return False
    return True
