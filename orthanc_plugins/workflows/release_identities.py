"""The way back of a released study, for projects that keep one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.custody.identities import Identity
from orthanc_plugins.pseudonyms import KnownBy

if TYPE_CHECKING:
    from orthanc_plugins.custody.mapping import IdentityTable
    from orthanc_plugins.pseudonyms import Pseudonyms
    from orthanc_plugins.release import StudyInput


def remember(table: IdentityTable, study: StudyInput, pseudonym: str, pseudonyms: Pseudonyms) -> None:
    """Keep, sealed, who is behind a pseudonym, and the new UID of the study and of each of its instances."""
    uids = {uid: pseudonyms.uid(uid) for uid in (study.study_uid, *study.files)}
    for name, birth_date, _ in sorted(study.persons):
        table.remember(pseudonym, _identity(study, name, birth_date), uids)


def _identity(study: StudyInput, name: str, birth_date: str) -> Identity:
    """Return who it is; a patient without PatientID is known by name and birth date, or not at all."""
    by_id = study.patient.known_by is KnownBy.PATIENT_ID
    return Identity(
        patient_id=study.patient.patient_id if by_id else "",
        issuer=study.patient.issuer,
        name=name,
        birth_date=birth_date,
    )
