"""Which files are which study, and what they say of whom."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.deid.gathering import Gathered, gathered
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.errors import DeidError, InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from orthanc_plugins.deid.standard import Option
    from orthanc_plugins.pseudonyms import PatientKey

_STUDY_UID, _SOP_INSTANCE = 0x0020000D, 0x00080018
_PATIENT_NAME, _BIRTH_DATE, _SEX = 0x00100010, 0x00100030, 0x00100040
_DIRECTORY = "1.2.840.10008.1.3.10"
"""SOP Class UID of a DICOMDIR (PS3.10 8.6): it names files, and holds none itself."""


@dataclass(frozen=True)
class Fault:
    """A file that cannot be used; ``number`` counts the files of the input from 1."""

    number: int
    path: Path = field(repr=False)
    reason: str
    is_dicom: bool = True


@dataclass
class Identity:
    """What all files of a patient say of the patient and the staff."""

    names: set[str] = field(default_factory=set, repr=False)
    values: dict[str, frozenset[Option]] = field(default_factory=dict, repr=False)
    dates: set[str] = field(default_factory=set, repr=False)

    def add(self, found: Gathered) -> None:
        """Add what a file says."""
        self.names |= found.names
        for value, options in found.values.items():
            self.values[value] = self.values.get(value, options) & options
        self.dates |= found.dates


@dataclass
class StudyInput:
    """The files of one study of one patient.

    Parameters
    ----------
    patient
        Whose study it is.
    study_uid
        Its own Study Instance UID.
    identity
        Of the patient, from all studies at hand.
    persons
        Each name, birth date and sex that stands for this patient: two that differ may be two persons.
    files
        By SOP Instance UID.
    """

    patient: PatientKey
    study_uid: str = field(repr=False)
    identity: Identity
    persons: set[tuple[str, str, str]] = field(default_factory=set, repr=False)
    files: dict[str, Path] = field(default_factory=dict, repr=False)


@dataclass
class Studies:
    """What was found among the files of an input."""

    studies: list[StudyInput] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    files: int = 0
    same: int = 0
    """Files that are byte for byte another one of the input."""
    directories: int = 0
    """Files that only name others (DICOMDIR, PS3.10 8.6), as media have them: nothing of them is needed."""


def files_in(inputs: Iterable[Path]) -> Iterator[Path]:
    """Yield files, and those of folders in the order of names; links to folders are not followed."""
    for given in inputs:
        if not given.is_dir():
            yield given
            continue
        for folder, subfolders, names in os.walk(given):
            subfolders.sort()
            yield from (given.__class__(folder, name) for name in sorted(names))


def sorted_studies(inputs: Iterable[Path]) -> Studies:
    """Return the studies among files and folders; what is no DICOM object of a study is told as a fault."""
    found = Studies()
    studies: dict[tuple[PatientKey, str], StudyInput] = {}
    identities: dict[PatientKey, Identity] = {}
    for number, path in enumerate(files_in(inputs), 1):
        found.files = number
        try:
            file = read_part10(path.read_bytes())
            if file.sop_class_uid == _DIRECTORY:
                found.directories += 1
                continue
            _sort(path, gathered(file), studies, identities, found)
        except OSError as error:
            found.faults.append(Fault(number, path, f"It cannot be read: {error.strerror}."))
        except InvalidDicom as error:
            found.faults.append(Fault(number, path, str(error), is_dicom=_claims_dicom(path)))
        except DeidError as error:
            found.faults.append(Fault(number, path, str(error)))
    found.studies = list(studies.values())
    return found


def _claims_dicom(path: Path) -> bool:
    """Return whether a file says that it is a DICOM file."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _sort(
    path: Path,
    known: Gathered,
    studies: dict[tuple[PatientKey, str], StudyInput],
    identities: dict[PatientKey, Identity],
    found: Studies,
) -> None:
    texts = known.texts
    study_uid, sop_uid = texts.get(_STUDY_UID, ""), texts.get(_SOP_INSTANCE, "")
    if not study_uid or not sop_uid:
        raise InvalidDicom("It has no Study Instance UID (0020,000D) or no SOP Instance UID (0008,0018).")
    patient = known.patient
    identity = identities.setdefault(patient, Identity())
    identity.add(known)
    study = studies.setdefault((patient, study_uid), StudyInput(patient, study_uid, identity))
    study.persons.add((texts.get(_PATIENT_NAME, ""), texts.get(_BIRTH_DATE, ""), texts.get(_SEX, "")))
    other = study.files.setdefault(sop_uid, path)
    if other != path:
        if other.read_bytes() != path.read_bytes():
            raise InvalidDicom("Another file of this input is the same instance, with other content.")
        found.same += 1
