"""What Orthanc's REST API tells, as records, and how they are read from its JSON.

A reader raises KeyError, TypeError, ValueError or AttributeError where the JSON is something else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orthanc_plugins.identifiers import OrthancId, SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STUDY_REQUESTED_TAGS = ("ModalitiesInStudy", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")
"""What Orthanc is asked to count for a `StudyRecord`."""

INSTANCE_REQUESTED_TAGS = ("SOPClassUID", "Modality", "SeriesInstanceUID", "StudyInstanceUID")
"""What Orthanc is asked of an instance's series and study for a `StoredInstance`."""

STRUCTURE_SET_MODALITY = "RTSTRUCT"
"""Modality (0008,0060) of RT Structure Sets."""

_DOSE_MODALITY = "RTDOSE"
_DICOM_ATTACHMENT = 1
"""Number of the attachment that is the DICOM file itself."""


@dataclass(frozen=True)
class Change:
    """One entry of Orthanc's change log."""

    sequence: int
    kind: str
    level: str
    orthanc_id: OrthancId


@dataclass(frozen=True)
class Changes:
    """A part of Orthanc's change log.

    ``last`` is the sequence number to ask from next; ``done`` tells whether the end was reached.
    """

    entries: tuple[Change, ...]
    last: int
    done: bool


@dataclass(frozen=True)
class OrthancStatistics:
    """What Orthanc holds."""

    patients: int
    studies: int
    series: int
    instances: int
    stored_bytes: int


@dataclass(frozen=True)
class SeriesRecord:
    """A series as Orthanc's index knows it. ``tags`` are its main DICOM tags by keyword."""

    orthanc_id: OrthancId
    series_uid: SeriesUid
    study_orthanc_id: OrthancId
    stable: bool
    instances: tuple[OrthancId, ...]
    tags: Mapping[str, str]

    @property
    def modality(self) -> str:
        """Modality (0008,0060), empty when absent."""
        return self.tags.get("Modality", "")

    @property
    def holds_structure_sets(self) -> bool:
        """Whether it is a series of RT Structure Sets, by its modality."""
        return self.modality == STRUCTURE_SET_MODALITY

    @property
    def holds_doses(self) -> bool:
        """Whether it is a series of RT Doses, by its modality."""
        return self.modality == _DOSE_MODALITY


@dataclass(frozen=True)
class InstanceRecord:
    """An instance as Orthanc's index knows it. ``tags`` are its main DICOM tags by keyword."""

    orthanc_id: OrthancId
    sop_instance_uid: SopInstanceUid
    series_orthanc_id: OrthancId
    tags: Mapping[str, str]


@dataclass(frozen=True)
class StudyRecord:
    """A study as Orthanc's index knows it.

    Parameters
    ----------
    tags
        Main DICOM tags of study and patient by keyword.
    modalities
        Of its series, sorted.
    last_update
        When an instance of it was last stored: UTC, text that sorts by time, in seconds. That an instance was
        deleted does not change it.
    stable
        Whether nothing has come for a while.
    """

    orthanc_id: OrthancId
    patient_orthanc_id: OrthancId
    study_uid: StudyUid
    tags: Mapping[str, str] = field(repr=False)
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int
    last_update: str
    labels: tuple[str, ...]
    stable: bool


@dataclass(frozen=True)
class StoredInstance:
    """An instance with what Orthanc noted when it was stored, told without its file being opened.

    ``metadata`` has RemoteAET, CalledAET, Origin, ReceptionDate and more by name; it is empty, and
    ``transfer_syntax_uid`` None, where Orthanc is older than 1.12.5.
    """

    orthanc_id: OrthancId
    sop_instance_uid: SopInstanceUid
    series_uid: SeriesUid
    study_uid: StudyUid
    sop_class_uid: str
    modality: str
    transfer_syntax_uid: str | None
    size_bytes: int | None
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class StoredFile:
    """What Orthanc answered to a file, and of which resources.

    ``status`` is ``Success``, ``AlreadyStored`` or ``FilteredOut``; a file filtered out has no study.
    """

    status: str
    instance: OrthancId
    study: OrthancId | None


@dataclass(frozen=True)
class UploadOutcome:
    """What Orthanc did with an uploaded file.

    ``already_stored``: it held an instance of the same SOP Instance UID, which is replaced where Orthanc's
    OverwriteInstances is on.
    """

    instance: OrthancId
    study: OrthancId
    already_stored: bool


def each[T](read: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """Return a reader of lists of what ``read`` reads."""

    def read_list(answer: Any) -> list[T]:
        if not isinstance(answer, list):
            raise TypeError("It is no list.")
        return [read(entry) for entry in answer]

    return read_list


def read_system(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return Orthanc's description of itself, which names its version."""
    return {**answer, "Version": str(answer["Version"])}


def read_statistics(answer: Mapping[str, Any]) -> OrthancStatistics:
    """Return how much Orthanc holds."""
    return OrthancStatistics(
        patients=answer["CountPatients"],
        studies=answer["CountStudies"],
        series=answer["CountSeries"],
        instances=answer["CountInstances"],
        stored_bytes=int(answer["TotalDiskSize"]),
    )


def read_changes(answer: Mapping[str, Any]) -> Changes:
    """Return a part of the change log."""
    entries = tuple(
        Change(entry["Seq"], entry["ChangeType"], entry["ResourceType"], OrthancId(entry["ID"]))
        for entry in answer["Changes"]
    )
    return Changes(entries, answer["Last"], answer["Done"])


def read_study_uid(answer: Mapping[str, Any]) -> StudyUid:
    """Return the Study Instance UID of a study."""
    return StudyUid(answer["MainDicomTags"]["StudyInstanceUID"])


def read_series(answer: Mapping[str, Any]) -> SeriesRecord:
    """Return a series."""
    return SeriesRecord(
        orthanc_id=OrthancId(answer["ID"]),
        series_uid=SeriesUid(answer["MainDicomTags"]["SeriesInstanceUID"]),
        study_orthanc_id=OrthancId(answer["ParentStudy"]),
        stable=answer["IsStable"],
        instances=tuple(OrthancId(instance) for instance in answer["Instances"]),
        tags=answer["MainDicomTags"],
    )


def read_instance(answer: Mapping[str, Any]) -> InstanceRecord:
    """Return an instance."""
    return InstanceRecord(
        orthanc_id=OrthancId(answer["ID"]),
        sop_instance_uid=SopInstanceUid(answer["MainDicomTags"]["SOPInstanceUID"]),
        series_orthanc_id=OrthancId(answer["ParentSeries"]),
        tags=answer["MainDicomTags"],
    )


def read_stored_file(answer: Mapping[str, Any]) -> StoredFile:
    """Return what became of a file."""
    study = answer.get("ParentStudy")
    return StoredFile(
        str(answer["Status"]), OrthancId(answer["ID"]), None if study is None else OrthancId(study)
    )


def read_study(answer: Mapping[str, Any]) -> StudyRecord:
    """Return a study of ``/tools/find`` or ``/studies/{id}``, asked for with `STUDY_REQUESTED_TAGS`."""
    requested = answer["RequestedTags"]
    metadata = answer.get("Metadata", {})
    return StudyRecord(
        orthanc_id=OrthancId(answer["ID"]),
        patient_orthanc_id=OrthancId(answer["ParentPatient"]),
        study_uid=StudyUid(answer["MainDicomTags"]["StudyInstanceUID"]),
        tags={**answer["PatientMainDicomTags"], **answer["MainDicomTags"]},
        modalities=tuple(sorted(filter(None, requested["ModalitiesInStudy"].split("\\")))),
        series_count=int(requested["NumberOfStudyRelatedSeries"]),
        instance_count=int(requested["NumberOfStudyRelatedInstances"]),
        last_update=str(metadata.get("LastUpdate", answer.get("LastUpdate", ""))),
        labels=tuple(answer.get("Labels", ())),
        stable=bool(answer.get("IsStable", True)),
    )


def read_stored_instance(answer: Mapping[str, Any]) -> StoredInstance:
    """Return an instance of ``/tools/find``, asked for with `INSTANCE_REQUESTED_TAGS`."""
    requested = answer["RequestedTags"]
    metadata = answer.get("Metadata", {})
    files = [one for one in answer.get("Attachments", ()) if one["ContentType"] == _DICOM_ATTACHMENT]
    size = files[0]["UncompressedSize"] if files else answer.get("FileSize")
    return StoredInstance(
        orthanc_id=OrthancId(answer["ID"]),
        sop_instance_uid=SopInstanceUid(answer["MainDicomTags"]["SOPInstanceUID"]),
        series_uid=SeriesUid(requested["SeriesInstanceUID"]),
        study_uid=StudyUid(requested["StudyInstanceUID"]),
        sop_class_uid=requested.get("SOPClassUID", metadata.get("SopClassUid", "")),
        modality=requested.get("Modality", ""),
        transfer_syntax_uid=metadata.get("TransferSyntax"),
        size_bytes=None if size is None else int(size),
        metadata=metadata,
    )
