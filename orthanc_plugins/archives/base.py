"""What every archive can be asked, whatever its protocol: the records, and the protocol itself.

An archive is told by its `ArchiveName`. Orthanc answers by its REST API (``orthanc_archive``), DCM4CHEE by
DICOMweb and C-STORE (``dcm4chee``); the comparison, the transfers and the benchmark know only what is here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid


class ArchiveName(StrEnum):
    """The two archives, as they are called in settings, tables and answers."""

    ORTHANC = "orthanc"
    DCM4CHEE = "dcm4chee"

    @property
    def other(self) -> ArchiveName:
        """The archive on the other side."""
        return ArchiveName.DCM4CHEE if self is ArchiveName.ORTHANC else ArchiveName.ORTHANC


class Transport(StrEnum):
    """How instances are sent: DICOMweb (PS3.18 10.5) or DIMSE (PS3.4 annex B)."""

    STOW = "stow"
    C_STORE = "c-store"


STUDY_ATTRIBUTES = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "StudyDescription",
    "ReferringPhysicianName",
)
"""Keywords of the attributes of patient and study that both archives index and that a comparison of
inventories looks at; all of them stand in `StudyEntry.attributes`, empty where the archive has no value."""


@dataclass(frozen=True)
class DateRange:
    """Study dates (0008,0020) from ``first`` to ``last``, both included, as YYYYMMDD; None is open."""

    first: str | None = None
    last: str | None = None

    @property
    def dicom(self) -> str:
        """The range as a range match of PS3.4 C.2.2.2.5, such as ``20260101-20261231``."""
        return f"{self.first or ''}-{self.last or ''}"


@dataclass(frozen=True)
class StudyQuery:
    """Which studies are asked for; all conditions must hold, None is no condition.

    Parameters
    ----------
    study_uids
        Only these.
    patient_id
        PatientID (0010,0020), exactly.
    patient_name
        PatientName (0010,0010); ``*`` stands for any characters, case does not count.
    study_dates
        Study dates.
    """

    study_uids: tuple[StudyUid, ...] | None = None
    patient_id: str | None = field(default=None, repr=False)
    patient_name: str | None = field(default=None, repr=False)
    study_dates: DateRange | None = None


@dataclass(frozen=True)
class StudyEntry:
    """A study as an archive lists it.

    Parameters
    ----------
    modalities
        ModalitiesInStudy, sorted; rejection notes (KO) of DCM4CHEE are not counted.
    series_count, instance_count
        As the archive counts them; rejected instances are not there.
    attributes
        Values of `STUDY_ATTRIBUTES`, each without padding.
    revision
        Changes whenever the archive knows that the study changed; empty where it does not tell.
    archive_key
        The archive's own key of the study (Orthanc's identifier), empty where it is the UID.
    """

    study_uid: StudyUid
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int
    attributes: Mapping[str, str] = field(repr=False)
    revision: str = ""
    archive_key: str = ""

    @property
    def patient_id(self) -> str:
        """PatientID (0010,0020)."""
        return self.attributes["PatientID"]

    @property
    def patient_name(self) -> str:
        """PatientName (0010,0010)."""
        return self.attributes["PatientName"]

    @property
    def study_date(self) -> str:
        """StudyDate (0008,0020), YYYYMMDD or empty."""
        return self.attributes["StudyDate"]


@dataclass(frozen=True)
class InstanceEntry:
    """An instance as an archive lists it, without its content being read.

    ``transfer_syntax_uid`` and ``size_bytes`` are those of the stored file, None where the archive does not
    tell. ``archive_key`` is the archive's own key (Orthanc's identifier), empty where it is the UID.
    """

    sop_instance_uid: SopInstanceUid
    series_uid: SeriesUid
    study_uid: StudyUid
    sop_class_uid: str
    modality: str
    transfer_syntax_uid: str | None = None
    size_bytes: int | None = None
    archive_key: str = ""


@dataclass(frozen=True)
class ArchiveCounts:
    """How much an archive holds; None where it does not tell."""

    patients: int | None
    studies: int
    series: int | None
    instances: int
    stored_bytes: int | None = None


@dataclass(frozen=True)
class ArchiveState:
    """What an archive says of itself when it is probed.

    ``stand_in`` names what plays its part, None when it is the real one. ``clock`` is the archive's own time.
    """

    version: str
    latency_ms: float
    stand_in: str | None = None
    clock: datetime | None = None


@dataclass(frozen=True)
class ArchiveChanges:
    """Which studies may have changed since a cursor.

    Parameters
    ----------
    study_uids
        Studies that are new or have changed; more than those that really did is harmless.
    archive_keys
        Studies known only by the archive's own key, because they were deleted.
    cursor
        Where to go on next time.
    how
        ``log``: from a log of changes; ``receive_time``: by when series were received; ``listing``: the
        archive refused such filters, so all studies must be listed.
    """

    study_uids: frozenset[StudyUid]
    cursor: str
    how: str
    archive_keys: frozenset[str] = frozenset()


class StoreState(StrEnum):
    """What became of one instance that was sent."""

    STORED = "stored"
    REFUSED = "refused"
    """The archive will not take it; sending it again changes nothing."""
    FAILED = "failed"
    """It may be taken later."""


@dataclass(frozen=True)
class StoreOutcome:
    """What an archive answered for one instance.

    ``failure_reason`` is FailureReason (0008,1197) or the status of C-STORE-RSP (PS3.7 annex C), None when it
    was stored or the archive gave none; ``detail`` says what to do, for a person.
    """

    sop_instance_uid: SopInstanceUid
    state: StoreState
    failure_reason: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class DicomFile:
    """A whole DICOM file (PS3.10), with what it is told by."""

    sop_instance_uid: SopInstanceUid
    sop_class_uid: str
    transfer_syntax_uid: str
    content: bytes = field(repr=False)


class Archive(Protocol):
    """An archive of DICOM studies.

    Every method raises ArchiveUnavailable when the archive does not answer or answers too little, which may
    pass; NotFound when it does not hold what is asked for; ArchiveRefused when it refuses.
    """

    @property
    def name(self) -> ArchiveName:
        """Which of the two it is."""

    @property
    def url(self) -> str:
        """Address it is asked at."""

    def probe(self) -> ArchiveState:
        """Ask the archive how it is, with the shortest request there is."""

    def counts(self, study_dates: DateRange | None = None) -> ArchiveCounts:
        """Return how much the archive holds, of all studies or of those of some dates."""

    def studies(self, query: StudyQuery = StudyQuery()) -> Iterator[StudyEntry]:
        """Yield the studies that match, each once, however many pages that takes."""

    def instances(self, study_uid: StudyUid) -> Sequence[InstanceEntry]:
        """Return the instances of a study; of one that is not there, none.

        One that the archive keeps twice, in two series or for two patients, is listed twice.
        """

    def picture(self, instance: InstanceEntry, size_px: int) -> bytes:
        """Return a picture of an instance as the archive itself renders it: PNG or JPEG, within a square.

        Raises
        ------
        ArchiveRefused
            It is not there, or the archive has no picture of it.
        """

    def changes(self, cursor: str | None) -> ArchiveChanges:
        """Return which studies may have changed since a cursor; None begins, and tells no study."""

    def retrieve(
        self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None = None
    ) -> Iterator[DicomFile]:
        """Yield the files of a study as they are stored, or only those wanted, in any order.

        Holds a few files in memory at a time. Raises ArchiveUnavailable after the last file when there
        were fewer than the archive lists.
        """

    def store(self, files: Iterable[DicomFile], transport: Transport) -> Iterator[StoreOutcome]:
        """Send files and yield what became of each; an outcome for every file, whatever fails."""

    def replace(self, file: DicomFile) -> StoreOutcome:
        """Put a file in the place of the stored one of its SOP Instance UID, and see that it is there.

        Refused, with what to do, where the archive keeps its first copy.
        """

    def remove(self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None = None) -> int:
        """Take a study, or some of its instances, out of sight, and return how many instances that were.

        DCM4CHEE rejects them (113001, quality); Orthanc deletes them.
        """

    def close(self) -> None:
        """Give back its connections and threads."""
