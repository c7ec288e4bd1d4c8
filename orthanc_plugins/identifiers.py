"""Identifiers as distinct types, so that mypy tells a DICOM UID from an Orthanc identifier."""

from __future__ import annotations

import hashlib
import re
from typing import NewType

StudyUid = NewType("StudyUid", str)
"""DICOM Study Instance UID (0020,000D)."""

SeriesUid = NewType("SeriesUid", str)
"""DICOM Series Instance UID (0020,000E)."""

SopInstanceUid = NewType("SopInstanceUid", str)
"""DICOM SOP Instance UID (0008,0018)."""

OrthancId = NewType("OrthancId", str)
"""Orthanc's own identifier of a patient, study, series or instance: five groups of eight hex digits."""

JobId = NewType("JobId", str)
"""Identifier of a job, derived from what it acts on."""

RT_STRUCTURE_SET_STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"
"""SOP Class UID of RT Structure Set Storage (PS3.4 B.5)."""

RT_DOSE_STORAGE = "1.2.840.10008.5.1.4.1.1.481.2"
"""SOP Class UID of RT Dose Storage (PS3.4 B.5)."""

BENCHMARK_PATIENT_PREFIX = "PACSBENCH-"
"""PatientID (0010,0020) of what the benchmark makes begins so; it is never forwarded, copied or compared."""

_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")
_ORTHANC_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}")


def is_dicom_uid(text: str) -> bool:
    """Return whether the text is a valid UID (PS3.5 chapter 9): digits and dots, at most 64 characters.

    >>> is_dicom_uid("1.2.840.10008.5.1.4.1.1.481.3"), is_dicom_uid("../x"), is_dicom_uid("")
    (True, False, False)
    """
    return len(text) <= 64 and _UID.fullmatch(text) is not None  # noqa: PLR2004 - the standard's number


def is_orthanc_id(text: str) -> bool:
    """Return whether the text has the form of an Orthanc identifier.

    >>> is_orthanc_id("6bf20a51-a2f5e4ad-15ee6ff0-d6e7f0a5-1a4d6a14"), is_orthanc_id("1.2.3")
    (True, False)
    """
    return _ORTHANC_ID.fullmatch(text) is not None


def orthanc_id_of(patient_id: str, *uids: str) -> OrthancId:
    """Return the identifier that Orthanc gives a patient, or a study, series or instance of its UIDs.

    >>> orthanc_id_of("P1", "1.2")
    '4dc51e1b-199e08be-45155f4a-ac9120c5-469611e4'
    """
    digest = hashlib.sha1("|".join((patient_id, *uids)).encode(), usedforsecurity=False).hexdigest()
    return OrthancId("-".join(digest[start : start + 8] for start in range(0, 40, 8)))
