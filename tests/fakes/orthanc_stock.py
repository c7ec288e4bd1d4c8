"""What an Orthanc in memory holds, and what modalities and Orthanc do with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives import (
    Change,
    InstanceRecord,
    SeriesRecord,
    StoredInstance,
    StudyRecord,
)
from orthanc_plugins.errors import NotFound
from orthanc_plugins.identifiers import OrthancId, SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Mapping

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""The time of this Orthanc's clock, as long as a test does not let it go (`FakeOrthancRest.ahead`)."""


@dataclass
class HeldInstance:
    """An instance as it was stored."""

    record: InstanceRecord
    study_uid: str
    series_uid: str
    sop_class: str
    content: bytes
    header: Mapping[str, Any]
    stored_as: int
    metadata: Mapping[str, str]


@dataclass
class HeldSeries:
    """A series, and which of its instances are there."""

    study_uid: str
    tags: dict[str, str]
    stable: bool = False
    instances: list[OrthancId] = field(default_factory=list)


class OrthancStock:
    """Patients, studies, series and instances, with the log of their changes."""

    def __init__(self) -> None:
        self._study_tags: dict[str, dict[str, str]] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self._labels: dict[OrthancId, set[str]] = {}
        self._held: dict[OrthancId, HeldInstance] = {}
        self._series_held: dict[OrthancId, HeldSeries] = {}
        self._log: list[Change] = []
        self._sequence = 0

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
        study_tags: Mapping[str, str] | None = None,
        header: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> OrthancId:
        """Store an instance; one that is already there is replaced, its series is no longer stable.

        ``metadata`` is what Orthanc notes of how it came, such as RemoteAET and ReceptionDate.
        """
        self._study_tags.setdefault(study_uid, {}).update(study_tags or {})
        self._places[sop_instance_uid] = study_uid, series_uid
        series_id = orthanc_id(study_uid, series_uid)
        instance = orthanc_id(study_uid, series_uid, sop_instance_uid)
        series = self._series_held.get(series_id)
        is_new = all(held.study_uid != study_uid for held in self._series_held.values())
        self._note("NewInstance", "Instance", instance)
        if is_new:
            self._note("NewStudy", "Study", orthanc_id(study_uid))
        if series is None:
            named = {"SeriesInstanceUID": series_uid, "Modality": modality, **(series_tags or {})}
            series = self._series_held[series_id] = HeldSeries(study_uid, named)
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
        self._held[instance] = HeldInstance(
            record, study_uid, series_uid, sop_class, content, header or {}, self._sequence, metadata or {}
        )
        return instance

    def settle(self, series: OrthancId) -> None:
        """Let a series become stable."""
        self._series_held[series].stable = True
        self._note("StableSeries", "Series", series)

    def settle_study(self, study: OrthancId) -> None:
        """Let a study with all of its series become stable."""
        for series, held in self._series_held.items():
            if orthanc_id(held.study_uid) == study:
                self.settle(series)
        self._note("StableStudy", "Study", study)

    def stop_before_stable(self) -> None:
        """Stop and start again: all is taken for stable, and nothing is told."""
        for held in self._series_held.values():
            held.stable = True

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

    def _instance(self, instance: OrthancId) -> HeldInstance:
        if instance not in self._held:
            raise not_held()
        return self._held[instance]

    def _studies(self) -> set[str]:
        return {held.study_uid for held in self._held.values()}

    def _study_record(self, study_uid: str) -> StudyRecord:
        held = [one for one in self._held.values() if one.study_uid == study_uid]
        series = {one.record.series_orthanc_id for one in held}
        return StudyRecord(
            orthanc_id=orthanc_id(study_uid),
            patient_orthanc_id=patient_of(study_uid),
            study_uid=StudyUid(study_uid),
            tags={"StudyInstanceUID": study_uid, **self._study_tags[study_uid]},
            modalities=tuple(sorted({self._series_held[one].tags["Modality"] for one in series})),
            series_count=len(series),
            instance_count=len(held),
            last_update=f"{max(one.stored_as for one in held):012d}",
            labels=tuple(sorted(self._labels.get(orthanc_id(study_uid), ()))),
            stable=all(self._series_held[one].stable for one in series),
        )

    def _stored_instance(self, instance: OrthancId) -> StoredInstance:
        held = self._instance(instance)
        return StoredInstance(
            orthanc_id=instance,
            sop_instance_uid=held.record.sop_instance_uid,
            series_uid=SeriesUid(held.series_uid),
            study_uid=StudyUid(held.study_uid),
            sop_class_uid=held.sop_class,
            modality=self._series_held[held.record.series_orthanc_id].tags["Modality"],
            transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN,
            size_bytes=len(held.content),
            metadata={
                "RemoteAET": "MODALITY",
                "ReceptionDate": f"{held.stored_as:012d}",
                **held.metadata,
            },
        )

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


def not_held() -> NotFound:
    return NotFound("Orthanc does not hold what was asked for.", archive="orthanc", status=404)
