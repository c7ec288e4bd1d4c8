"""What DCM4CHEE's rows say, as the records of every archive; and which of them are its rejection notes.

A rejection leaves a note behind, a Key Object Selection Document in a series of its own, which DCM4CHEE lists
and counts with the others. It is no part of the study.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import STUDY_ATTRIBUTES, InstanceEntry, StudyEntry
from orthanc_plugins.archives.dicom_json import items, number, text, texts
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orthanc_plugins.archives.dicom_json import Row

_TAGS = {
    "PatientID": "00100020",
    "PatientName": "00100010",
    "PatientBirthDate": "00100030",
    "PatientSex": "00100040",
    "StudyDate": "00080020",
    "StudyTime": "00080030",
    "StudyID": "00200010",
    "AccessionNumber": "00080050",
    "StudyDescription": "00081030",
    "ReferringPhysicianName": "00080090",
}
STUDY_UID, SERIES_UID, INSTANCE_UID = "0020000D", "0020000E", "00080018"
_MODALITIES, _SERIES_COUNT, _INSTANCE_COUNT = "00080061", "00201206", "00201208"
_SOP_CLASS, _MODALITY, _TRANSFER_SYNTAX = "00080016", "00080060", "00083002"
_TITLE, _CODE, _SCHEME = "0040A043", "00080100", "00080102"
PRIVATE = "77770010"
"""Asked for, it makes DCM4CHEE give its private elements as well."""
_UPDATED, _MODIFIED, _STUDY_BYTES = "77771021", "7777102D", "7777102A"
_STORED_SYNTAX, _STORED_BYTES = "77771052", "77771053"

STUDY_FIELDS = ",".join(
    (
        *STUDY_ATTRIBUTES,
        "ModalitiesInStudy",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        *(PRIVATE, _UPDATED, _MODIFIED, _STUDY_BYTES),
    )
)
INSTANCE_FIELDS = ",".join(
    (
        "SOPClassUID",
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "Modality",
        "AvailableTransferSyntaxUID",
        "ConceptNameCodeSequence",
        *(PRIVATE, _STORED_SYNTAX, _STORED_BYTES),
    )
)
KEY_OBJECTS = "KO"
_KEY_OBJECT_SELECTION = "1.2.840.10008.5.1.4.1.1.88.59"
_REJECTION_TITLES = frozenset(
    {
        ("113001", "DCM"),
        ("113037", "DCM"),
        ("113038", "DCM"),
        ("113039", "DCM"),
        ("REVOKE_REJECTION", "99DCM4CHEE"),
    }
)


@dataclass(frozen=True)
class Notes:
    """Rejection notes of a study: how many, in how many series; and whether there are other key objects."""

    instances: int = 0
    series: int = 0
    others: bool = False


def is_rejection_note(row: Row) -> bool:
    """Return whether an instance is a rejection note of DCM4CHEE."""
    return text(row, _SOP_CLASS) == _KEY_OBJECT_SELECTION and any(
        (text(title, _CODE), text(title, _SCHEME)) in _REJECTION_TITLES for title in items(row, _TITLE)
    )


def notes_of(rows: Iterable[Row]) -> dict[str, Notes]:
    """Return the rejection notes of each study, from rows of all its key objects."""
    instances: Counter[str] = Counter()
    series: dict[str, set[str]] = {}
    others: dict[str, set[str]] = {}
    for row in rows:
        study_uid = text(row, STUDY_UID)
        if is_rejection_note(row):
            instances[study_uid] += 1
            series.setdefault(study_uid, set()).add(text(row, SERIES_UID))
        else:
            others.setdefault(study_uid, set()).add(text(row, SERIES_UID))
    return {
        study_uid: Notes(
            instances[study_uid], len(series[study_uid] - others.get(study_uid, set())), study_uid in others
        )
        for study_uid in series
    }


def has_key_objects(row: Row) -> bool:
    """Return whether a study has key objects, among which there may be rejection notes."""
    return KEY_OBJECTS in texts(row, _MODALITIES)


def study_entry(row: Row, notes: Notes | None = None) -> StudyEntry | None:
    """Return a study as its row tells it, without its rejection notes; None when it has nothing else."""
    notes = notes or Notes()
    instance_count = (number(row, _INSTANCE_COUNT) or 0) - notes.instances
    if notes.instances and instance_count <= 0:
        return None
    modalities = set(texts(row, _MODALITIES))
    if notes.instances and not notes.others:
        modalities.discard(KEY_OBJECTS)
    told = [text(row, tag) for tag in (_UPDATED, _MODIFIED, _STUDY_BYTES)]
    return StudyEntry(
        study_uid=StudyUid(text(row, STUDY_UID)),
        modalities=tuple(sorted(modalities)),
        series_count=(number(row, _SERIES_COUNT) or 0) - notes.series,
        instance_count=instance_count,
        attributes={keyword: text(row, tag) for keyword, tag in _TAGS.items()},
        revision="/".join(told) if any(told) else "",
    )


def instance_entry(row: Row, study_uid: StudyUid) -> InstanceEntry:
    """Return an instance as its row tells it."""
    available = texts(row, _STORED_SYNTAX) or texts(row, _TRANSFER_SYNTAX)
    return InstanceEntry(
        sop_instance_uid=SopInstanceUid(text(row, INSTANCE_UID)),
        series_uid=SeriesUid(text(row, SERIES_UID)),
        study_uid=study_uid,
        sop_class_uid=text(row, _SOP_CLASS),
        modality=text(row, _MODALITY),
        transfer_syntax_uid=available[0] if available else None,
        size_bytes=number(row, _STORED_BYTES),
    )
