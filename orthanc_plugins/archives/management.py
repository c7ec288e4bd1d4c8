"""Changes at DCM4CHEE that are no storing: rejection, and corrected attributes of patient and study."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from orthanc_plugins.archives.dicom_json import rows_of, text
from orthanc_plugins.archives.dicomweb import DICOM_JSON, Request, json_or_none
from orthanc_plugins.errors import ArchiveRefused, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.archives.base import InstanceEntry
    from orthanc_plugins.archives.dicom_json import Row
    from orthanc_plugins.archives.dicomweb import DicomWebConnection
    from orthanc_plugins.archives.qido import Qido
    from orthanc_plugins.identifiers import StudyUid

_QUALITY = "/reject/113001%5EDCM"
_PATIENT_ID, _ISSUER = "00100020", "00100021"
_OF_THE_PATIENT = frozenset({"PatientName", "PatientBirthDate", "PatientBirthTime", "PatientSex"})
_IDENTITY = frozenset({"PatientID", "IssuerOfPatientID", "StudyInstanceUID"})
_ALL = ("includefield", "all")


class Management:
    """Changes over one connection."""

    def __init__(self, connection: DicomWebConnection, qido: Qido) -> None:
        self._connection = connection
        self._qido = qido

    def reject(
        self, study_uid: StudyUid, held: Sequence[InstanceEntry], wanted: Sequence[InstanceEntry]
    ) -> int:
        """Reject instances of a study for quality (113001, DCM), and return how many that were.

        The study, or a series, is rejected whole when all of it is wanted: each rejection leaves a note.
        """
        if len(wanted) == len(held):
            return self._rejected(f"/studies/{study_uid}", len(wanted))
        rejected = 0
        for series_uid in dict.fromkeys(entry.series_uid for entry in wanted):
            path = f"/studies/{study_uid}/series/{series_uid}"
            of_series = [entry for entry in wanted if entry.series_uid == series_uid]
            if len(of_series) == sum(entry.series_uid == series_uid for entry in held):
                rejected += self._rejected(path, len(of_series))
            else:
                for entry in of_series:
                    rejected += self._rejected(f"{path}/instances/{entry.sop_instance_uid}", 1)
        return rejected

    def update_study(self, study_uid: StudyUid, attributes: Mapping[str, str]) -> None:
        """Give attributes of a study, and of its patient in all studies, other values.

        Raises
        ------
        NotFound
            The archive does not hold the study.
        ArchiveRefused
            It refuses; or an attribute is part of the identity, which is never rewritten.
        """
        if identity := _IDENTITY & attributes.keys():
            raise ArchiveRefused(
                f"{' and '.join(sorted(identity))} of study {study_uid} cannot be corrected: move the study "
                "to its patient at the archive.",
                archive=self._connection.archive,
            )
        row = self._row("/studies", "StudyInstanceUID", study_uid)
        if row is None:
            raise NotFound(
                f"{self._connection.title} does not hold study {study_uid}.",
                archive=self._connection.archive,
            )
        of_patient = {name: value for name, value in attributes.items() if name in _OF_THE_PATIENT}
        of_study = {name: value for name, value in attributes.items() if name not in _OF_THE_PATIENT}
        if of_patient:
            self._update_patient(row, of_patient)
        if of_study:
            self._put(f"/studies/{study_uid}", row | elements(of_study), "")

    def _rejected(self, path: str, expected: int) -> int:
        request = Request("POST", path + _QUALITY, headers={"Accept": "application/json"})
        try:
            answer = self._connection.ask(request)
        except NotFound as error:
            # It was listed a moment ago: what is not found is the code.
            raise ArchiveRefused(
                f"{self._connection.title} rejects nothing of {path} for quality: see that the rejection "
                "note 113001^DCM is configured there.",
                archive=self._connection.archive,
                status=error.status,
            ) from error
        told = json_or_none(answer.content)
        count = told.get("count") if isinstance(told, dict) else None
        return count if isinstance(count, int) else expected

    def _update_patient(self, study: Row, attributes: Mapping[str, str]) -> None:
        patient_id, issuer = text(study, _PATIENT_ID), text(study, _ISSUER)
        row = self._row("/patients", "PatientID", patient_id)
        if not patient_id or row is None:
            raise ArchiveRefused(
                f"{self._connection.title} tells no patient of study {text(study, '0020000D')}: correct "
                "it there.",
                archive=self._connection.archive,
            )
        identifier = f"{patient_id}^^^{issuer}" if issuer else patient_id
        self._put(f"/patients/{quote(identifier, safe='')}", row | elements(attributes), "PUT of the patient")

    def _row(self, path: str, key: str, value: str) -> dict[str, Any] | None:
        content, _ = self._connection.get_json(path, [(key, value), _ALL, ("limit", "2")])
        rows = rows_of(content)
        return dict(rows[0]) if len(rows) == 1 else None

    def _put(self, path: str, row: Mapping[str, Any], called: str) -> None:
        """Put a whole row: what is not in it is lost."""
        self._connection.ask(
            Request(
                "PUT",
                path,
                headers={"Accept": "application/json", "Content-Type": DICOM_JSON},
                body=json.dumps(row).encode(),
                called=called,
            )
        )


def elements(attributes: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return attributes, by keyword, in DICOM JSON (PS3.18 annex F); an empty value has no Value.

    Raises
    ------
    ArchiveRefused
        A keyword is none.
    """
    from pydicom.datadict import dictionary_VR, tag_for_keyword  # noqa: PLC0415 - pydicom loads numpy

    written: dict[str, dict[str, Any]] = {}
    for keyword, value in attributes.items():
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise ArchiveRefused(f"There is no DICOM attribute {keyword}.", archive="dcm4chee")
        representation = dictionary_VR(tag)
        element: dict[str, Any] = {"vr": representation}
        if value:
            element["Value"] = [_name(value)] if representation == "PN" else value.split("\\")
        written[f"{tag:08X}"] = element
    return written


def _name(value: str) -> dict[str, str]:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="), strict=False)
    return {group: text_ for group, text_ in groups if text_}
