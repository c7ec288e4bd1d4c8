"""Rejection notes: Key Object Selection Documents that say why objects are rejected (IHE IOCM)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage, generate_uid

from dcm4chee.standin.dataset import dataset_from, text_of
from dcm4chee.standin.views import INCORRECT_MWL, PATIENT_SAFETY, QUALITY, RETENTION_EXPIRED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcm4chee.standin.dataset import Attributes, Element, Received

REVOKE = "REVOKE_REJECTION^99DCM4CHEE"

MEANINGS = {
    QUALITY: "Rejected for Quality Reasons",
    PATIENT_SAFETY: "Rejected for Patient Safety Reasons",
    INCORRECT_MWL: "Incorrect Modality Worklist Entry",
    RETENTION_EXPIRED: "Data Retention Policy Expired",
    REVOKE: "Restore rejected Instances",
}
"""The rejection notes of dcm4chee's configuration, by code and scheme."""

OVERWRITES = {
    QUALITY: frozenset({QUALITY}),
    PATIENT_SAFETY: frozenset({PATIENT_SAFETY, QUALITY}),
    INCORRECT_MWL: frozenset({INCORRECT_MWL, QUALITY, PATIENT_SAFETY}),
    RETENTION_EXPIRED: frozenset({RETENTION_EXPIRED, QUALITY, PATIENT_SAFETY, INCORRECT_MWL}),
}
"""Which earlier rejections each may take the place of (dcmOverwritePreviousRejection)."""


@dataclass(frozen=True)
class Reference:
    """An object that is rejected."""

    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str


def note_code(received: Received) -> str | None:
    """Return the code of a rejection note, None of any other object."""
    if received.sop_class_uid != KeyObjectSelectionDocumentStorage:
        return None
    titles = received.attributes.get("0040A043", {}).get("Value") or [{}]
    code = f"{text_of(titles[0].get('00080100'))}^{text_of(titles[0].get('00080102'))}"
    return code if code in MEANINGS else None


def rejection_note(
    study: Attributes, study_uid: str, code: str, references: Sequence[Reference], moment: str
) -> bytes:
    """Return a rejection note as a DICOM file (PS3.3 A.35.4).

    Parameters
    ----------
    study
        The attributes of patient and study.
    moment
        Date and time as DT; its first fourteen digits are the content's.
    """
    series = _string("UI", generate_uid(prefix=None))
    attributes: Attributes = study | {
        "00080016": _string("UI", KeyObjectSelectionDocumentStorage),
        "00080018": _string("UI", generate_uid(prefix=None)),
        "00080023": _string("DA", moment[:8]),
        "00080033": _string("TM", moment[8:14]),
        "00080060": _string("CS", "KO"),
        "00081111": {"vr": "SQ"},
        "0020000D": _string("UI", study_uid),
        "0020000E": series,
        "00200011": _string("IS", "1"),
        "00200013": _string("IS", "1"),
        "0040A040": _string("CS", "CONTAINER"),
        "0040A043": {"vr": "SQ", "Value": [_code(code)]},
        "0040A050": _string("CS", "SEPARATE"),
        "0040A375": {"vr": "SQ", "Value": [_evidence(study_uid, references)]},
        "0040A504": {
            "vr": "SQ",
            "Value": [{"00080105": _string("CS", "DCMR"), "0040DB00": _string("CS", "2010")}],
        },
        "0040A730": {"vr": "SQ", "Value": [_content(reference) for reference in references]},
    }
    return _file(attributes)


def _evidence(study_uid: str, references: Sequence[Reference]) -> Attributes:
    by_series: dict[str, list[Attributes]] = {}
    for reference in references:
        by_series.setdefault(reference.series_uid, []).append(_referenced(reference))
    items = [
        {"00081199": {"vr": "SQ", "Value": objects}, "0020000E": _string("UI", series_uid)}
        for series_uid, objects in by_series.items()
    ]
    return {"00081115": {"vr": "SQ", "Value": items}, "0020000D": _string("UI", study_uid)}


def _content(reference: Reference) -> Attributes:
    name = UID(reference.sop_class_uid).name
    kind = "IMAGE" if "Image Storage" in name else "WAVEFORM" if "Waveform Storage" in name else "COMPOSITE"
    return {
        "00081199": {"vr": "SQ", "Value": [_referenced(reference)]},
        "0040A010": _string("CS", "CONTAINS"),
        "0040A040": _string("CS", kind),
    }


def _referenced(reference: Reference) -> Attributes:
    return {
        "00081150": _string("UI", reference.sop_class_uid),
        "00081155": _string("UI", reference.sop_instance_uid),
    }


def _code(code: str) -> Attributes:
    value, _, scheme = code.partition("^")
    return {
        "00080100": _string("SH", value),
        "00080102": _string("SH", scheme),
        "00080104": _string("LO", MEANINGS[code]),
    }


def _string(vr: str, value: str) -> Element:
    return {"vr": vr, "Value": [str(value)]}


def _file(attributes: Attributes) -> bytes:
    dataset = dataset_from(attributes)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()
