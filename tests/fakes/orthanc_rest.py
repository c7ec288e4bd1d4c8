"""Orthanc as an archive, in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, override

from orthanc_plugins.archives import (
    Change,
    Changes,
    InstanceRecord,
    OrthancRest,
    OrthancStatistics,
    SeriesRecord,
    UploadOutcome,
)
from orthanc_plugins.errors import ArchiveRefused, NotFound
from orthanc_plugins.identifiers import OrthancId, SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.errors import ArchiveError

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


@dataclass
class _Instance:
    record: InstanceRecord
    study_uid: str
    series_uid: str
    sop_class: str
    content: bytes
    header: Mapping[str, Any]
    stored_as: int


@dataclass
class _Series:
    study_uid: str
    tags: dict[str, str]
    stable: bool = False
    instances: list[OrthancId] = field(default_factory=list)


class FakeOrthancRest(OrthancRest):
    """Holds what a test puts in with `store`, and answers as Orthanc would.

    ``failure`` is raised by every method while it is set; ``asked`` lists the methods that were called.
    """

    def __init__(self) -> None:
        super().__init__("http://orthanc.invalid:8042")
        self.failure: ArchiveError | None = None
        self.asked: list[str] = []
        self._held: dict[OrthancId, _Instance] = {}
        self._series_held: dict[OrthancId, _Series] = {}
        self._log: list[Change] = []
        self._sequence = 0

    # What a modality and Orthanc do

    def store(
        self,
        study_uid: str,
        series_uid: str,
        sop_instance_uid: str,
        *,
        modality: str = "CT",
        sop_class: str = CT_IMAGE_STORAGE,
        content: bytes = b"",
        tags: Mapping[str, str] | None = None,
        series_tags: Mapping[str, str] | None = None,
        header: Mapping[str, Any] | None = None,
    ) -> OrthancId:
        """Store an instance; one that is already there is replaced, its series is no longer stable."""
        series_id = orthanc_id(study_uid, series_uid)
        instance = orthanc_id(study_uid, series_uid, sop_instance_uid)
        series = self._series_held.get(series_id)
        self._note("NewInstance", "Instance", instance)
        if series is None:
            named = {"SeriesInstanceUID": series_uid, "Modality": modality, **(series_tags or {})}
            series = self._series_held[series_id] = _Series(study_uid, named)
            self._note("NewSeries", "Series", series_id)
        series.stable = False
        if instance not in series.instances:
            series.instances.append(instance)
        record = InstanceRecord(
            instance,
            SopInstanceUid(sop_instance_uid),
            series_id,
            {"SOPInstanceUID": sop_instance_uid, **(tags or {})},
        )
        self._held[instance] = _Instance(
            record, study_uid, series_uid, sop_class, content, header or {}, self._sequence
        )
        return instance

    def settle(self, series: OrthancId) -> None:
        """Let a series become stable."""
        self._series_held[series].stable = True
        self._note("StableSeries", "Series", series)

    def delete(self, instance: OrthancId) -> None:
        """Delete an instance, and its series when it was the last; the change log forgets both."""
        gone = {instance}
        series_id = self._held.pop(instance).record.series_orthanc_id
        series = self._series_held[series_id]
        series.instances.remove(instance)
        if not series.instances:
            del self._series_held[series_id]
            gone.add(series_id)
        self._log = [change for change in self._log if change.orthanc_id not in gone]

    def empty(self) -> None:
        """Begin anew with nothing, as an Orthanc whose database was removed."""
        self._held.clear()
        self._series_held.clear()
        self._log.clear()
        self._sequence = 0

    def _note(self, kind: str, level: str, resource: OrthancId) -> None:
        self._sequence += 1
        self._log.append(Change(self._sequence, kind, level, resource))

    # What the suite asks

    @override
    def system(self) -> Mapping[str, Any]:
        self._ask("system")
        return {"Version": "1.12.7", "Name": "fake"}

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
        last = entries[-1].sequence if entries else since
        return Changes(entries, last, len(later) <= limit)

    @override
    def last_change(self) -> int:
        self._ask("last_change")
        return self._log[-1].sequence if self._log else self._sequence

    @override
    def study_uid(self, study: OrthancId) -> StudyUid:
        self._ask("study_uid")
        for series in self._series_held.values():
            if orthanc_id(series.study_uid) == study:
                return StudyUid(series.study_uid)
        raise _not_held()

    @override
    def series(self, series: OrthancId) -> SeriesRecord:
        self._ask("series")
        if series not in self._series_held:
            raise _not_held()
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
            raise _not_held()
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
    def reception_date(self, instance: OrthancId) -> str:
        self._ask("reception_date")
        return f"{self._instance(instance).stored_as:012d}"

    @override
    def header(self, instance: OrthancId) -> Mapping[str, Any]:
        self._ask("header")
        return self._instance(instance).header

    @override
    def file(self, instance: OrthancId) -> bytes:
        self._ask("file")
        return self._instance(instance).content

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
    def upload(self, content: bytes) -> UploadOutcome:
        self._ask("upload")
        if content[128:132] != b"DICM":
            raise ArchiveRefused("Orthanc answered HTTP 400.", archive="orthanc", status=400)
        name = str(int(hashlib.md5(content, usedforsecurity=False).hexdigest()[:12], 16))
        known = orthanc_id("1.2", "1.2.3", name) in self._held
        instance = self.store("1.2", "1.2.3", name, content=content)
        return UploadOutcome(instance, orthanc_id("1.2"), known)

    @override
    def find_structure_sets(self, since: int, limit: int) -> Sequence[OrthancId]:
        self._ask("find_structure_sets")
        found = [series for series, held in self._series_held.items() if held.tags["Modality"] == "RTSTRUCT"]
        return found[since : since + limit]

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        if self.failure is not None:
            raise self.failure

    def _instance(self, instance: OrthancId) -> _Instance:
        if instance not in self._held:
            raise _not_held()
        return self._held[instance]

    def _series_record(self, series: OrthancId) -> SeriesRecord:
        held = self._series_held[series]
        return SeriesRecord(
            orthanc_id=series,
            series_uid=SeriesUid(held.tags["SeriesInstanceUID"]),
            study_orthanc_id=orthanc_id(held.study_uid),
            stable=held.stable,
            instances=tuple(held.instances),
            tags=held.tags,
        )


def orthanc_id(*uids: str) -> OrthancId:
    """Return the identifier of the resource below these UIDs, in the form of Orthanc's."""
    digest = hashlib.sha1("|".join(uids).encode(), usedforsecurity=False).hexdigest()
    return OrthancId("-".join(digest[start : start + 8] for start in range(0, 40, 8)))


def patient_of(study_uid: str) -> OrthancId:
    """Return the identifier of the patient whose only study this is."""
    return orthanc_id("patient", study_uid)


def _not_held() -> NotFound:
    return NotFound("Orthanc does not hold what was asked for.", archive="orthanc", status=404)
