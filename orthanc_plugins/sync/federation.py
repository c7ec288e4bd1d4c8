"""One search over both archives: what each answered, merged by patient and study and marked with its place.

An archive that did not answer is not one that holds nothing: what only it could tell is `FoundIn.UNKNOWN`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orthanc_plugins.archives.base import StudyEntry
    from orthanc_plugins.identifiers import StudyUid


class FoundIn(StrEnum):
    """Where a study or a patient was found."""

    BOTH = "both"
    ONLY_ORTHANC = "only_orthanc"
    ONLY_DCM4CHEE = "only_dcm4chee"
    UNKNOWN = "unknown"
    """One archive holds it, and the other did not answer."""

    @classmethod
    def of(cls, left: bool | None, right: bool | None) -> FoundIn:
        """Return where something is that is in Orthanc, in DCM4CHEE; None: it did not answer."""
        if left and right:
            return cls.BOTH
        if left is None or right is None:
            return cls.UNKNOWN
        return cls.ONLY_ORTHANC if left else cls.ONLY_DCM4CHEE


@dataclass(frozen=True)
class FederatedStudy:
    """A study as each archive lists it, None where it does not hold it or did not answer."""

    study_uid: StudyUid
    left: StudyEntry | None = field(repr=False)
    right: StudyEntry | None = field(repr=False)
    found_in: FoundIn

    @property
    def entry(self) -> StudyEntry:
        """What is told of it: by Orthanc, else by DCM4CHEE."""
        entry = self.left or self.right
        if entry is None:
            raise ValueError("A study that no archive holds was found by nobody.")
        return entry


@dataclass(frozen=True)
class FederatedPatient:
    """A patient, told by PatientID (0010,0020) alone, with the studies found in either archive.

    ``left_present`` and ``right_present`` are None where the archive did not answer.
    """

    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)
    studies: tuple[FederatedStudy, ...]
    left_present: bool | None
    right_present: bool | None

    @property
    def found_in(self) -> FoundIn:
        """Where the patient is; ``BOTH`` does not say that each archive holds every study."""
        return FoundIn.of(self.left_present, self.right_present)


def merge_studies(
    left: Iterable[StudyEntry] | None, right: Iterable[StudyEntry] | None
) -> list[FederatedStudy]:
    """Return each study once, newest first.

    Parameters
    ----------
    left, right
        What Orthanc and DCM4CHEE listed; None where the archive did not answer.
    """
    lefts = _by_uid(left)
    rights = _by_uid(right)
    found = [
        FederatedStudy(
            uid,
            lefts.get(uid),
            rights.get(uid),
            FoundIn.of(_present(left, uid in lefts), _present(right, uid in rights)),
        )
        for uid in {**lefts, **rights}
    ]
    return sorted(found, key=lambda study: (study.entry.study_date, study.study_uid), reverse=True)


def merge_patients(
    left: Iterable[StudyEntry] | None, right: Iterable[StudyEntry] | None
) -> list[FederatedPatient]:
    """Return the patients of the studies that the archives listed, by name and PatientID.

    A study whose PatientID differs between the archives stands with both patients.
    """
    lefts = None if left is None else list(left)
    rights = None if right is None else list(right)
    studies = {study.study_uid: study for study in merge_studies(lefts, rights)}
    known: defaultdict[str, dict[StudyUid, None]] = defaultdict(dict)
    for entry in (*(lefts or ()), *(rights or ())):
        known[entry.patient_id].setdefault(entry.study_uid)
    patients = [
        _patient(patient_id, [studies[uid] for uid in studies if uid in uids], lefts is None, rights is None)
        for patient_id, uids in known.items()
    ]
    return sorted(patients, key=lambda patient: (patient.patient_name.casefold(), patient.patient_id))


def _patient(
    patient_id: str, studies: list[FederatedStudy], left_silent: bool, right_silent: bool
) -> FederatedPatient:
    lefts = [one.left for one in studies if one.left is not None and one.left.patient_id == patient_id]
    rights = [one.right for one in studies if one.right is not None and one.right.patient_id == patient_id]
    return FederatedPatient(
        patient_id=patient_id,
        patient_name=next(entry.patient_name for entry in (*lefts, *rights)),
        studies=tuple(studies),
        left_present=None if left_silent else bool(lefts),
        right_present=None if right_silent else bool(rights),
    )


def _by_uid(entries: Iterable[StudyEntry] | None) -> Mapping[StudyUid, StudyEntry]:
    return {entry.study_uid: entry for entry in entries or ()}


def _present(answered: object | None, holds: bool) -> bool | None:
    return None if answered is None else holds
