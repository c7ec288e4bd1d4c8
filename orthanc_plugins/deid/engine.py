"""One object in, the same without identity out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.deid.actions import DOCUMENT_CLASSES
from orthanc_plugins.deid.compiling import compiled
from orthanc_plugins.deid.job import Job
from orthanc_plugins.deid.markers import markers
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.deid.walk import Walk
from orthanc_plugins.deid.wire.part10 import deflated, part10_head
from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import is_dicom_uid

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Buffer, Callable

    from orthanc_plugins.deid.gathering import Gathered
    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.deid.wire import Encoding, Part10
    from orthanc_plugins.pseudonyms import Pseudonyms

_DAYS_A_WEEK = 7
_SOP_CLASS_UID, _BIRTH_DATE = 0x00080016, 0x00100030


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose objects they are, as the project knows the patient.

    Parameters
    ----------
    pseudonym
        New Patient's Name and Patient ID.
    weeks
        By how many weeks dates move into the past.
    echoes
        Whether a text repeats something of the patient's or the staff's identity.
    echoes_initials
        The same, or their initials, which short names of regions hold.
    cleaned
        What was made of texts before, as slices of a series have the same ones.
    """

    pseudonym: str
    weeks: int
    echoes: Callable[[str], bool]
    echoes_initials: Callable[[str], bool]
    cleaned: dict[tuple[bytes, bytes, bytes], bytes] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Deidentified:
    """An object without identity.

    Parameters
    ----------
    pieces
        The file's bytes, to be written one after the other.
    sop_class_uid, sop_instance_uid
        Of the new object.
    counts
        How often which action was taken, by action and tag.
    """

    pieces: list[Buffer]
    sop_class_uid: str
    sop_instance_uid: str
    counts: Counter[tuple[str, int]]


class Engine:
    """De-identifies objects of one project by one profile.

    Parameters
    ----------
    profile
        What is done.
    pseudonyms
        The project's.
    version
        The suite's, as it stands in what leaves.
    """

    def __init__(self, profile: Profile, pseudonyms: Pseudonyms, version: str) -> None:
        self.profile = profile
        self.pseudonyms = pseudonyms
        self.version = version
        self.plan = compiled(profile)
        self._markers: dict[tuple[object, ...], list[tuple[int, bytes]]] = {}

    def __reduce__(self) -> tuple[type[Engine], tuple[Profile, Pseudonyms, str]]:
        """Return what another process makes the same engine of."""
        return Engine, (self.profile, self.pseudonyms, self.version)

    def uid(self, uid: str) -> str:
        """Return the UID that stands for a UID in what is made; itself where the profile retains UIDs.

        What is no valid UID is never itself: a name or a path may stand there.
        """
        is_retained = Option.RETAIN_UIDS in self.profile.options and is_dicom_uid(uid)
        return uid if is_retained else self.pseudonyms.uid(uid)

    def deidentified(
        self, file: Part10, known: Gathered, subject: Subject, *, pixels_cleaned: bool = False
    ) -> Deidentified:
        """Return the object without identity; the same bytes for the same input, project and profile.

        Parameters
        ----------
        known
            What `gathered` found in it.
        pixels_cleaned
            Its pixels were searched for text and painted over; they are the ones in ``file``.

        Raises
        ------
        InvalidDicom
            It is not encoded as the standard says, or has no SOP Class or Instance UID.
        """
        job, pieces = self._walked(file, known, subject, pixels_cleaned=pixels_cleaned)
        if not job.sop_class_uid or not job.sop_instance_uid:
            raise InvalidDicom("It has no SOP Class UID (0008,0016) or no SOP Instance UID (0008,0018).")
        head = part10_head(job.sop_class_uid, job.sop_instance_uid, file.transfer_syntax_uid)
        if file.encoding.deflated:
            pieces = [deflated(b"".join(pieces))]
        return Deidentified([head, *pieces], job.sop_class_uid, job.sop_instance_uid, job.counts)

    def _marks(
        self,
        encoding: Encoding,
        earlier: tuple[tuple[str, str, str], ...],
        *,
        pixels_cleaned: bool,
        is_document: bool,
    ) -> list[tuple[int, bytes]]:
        key = (encoding, earlier, pixels_cleaned, is_document)
        if key not in self._markers:
            self._markers[key] = markers(
                self.profile,
                encoding,
                self.version,
                earlier,
                pixels_cleaned=pixels_cleaned,
                is_document=is_document,
            )
        return self._markers[key]

    def _walked(
        self, file: Part10, known: Gathered, subject: Subject, *, pixels_cleaned: bool
    ) -> tuple[Job, list[Buffer]]:
        job = Job(
            self.pseudonyms,
            subject.pseudonym,
            -_DAYS_A_WEEK * subject.weeks,
            subject.echoes,
            subject.echoes_initials,
            known.region_types,
            known.region_names,
            known.texts.get(_BIRTH_DATE, ""),
            subject.cleaned,
        )
        is_document = known.texts.get(_SOP_CLASS_UID) in DOCUMENT_CLASSES
        marks = self._marks(
            file.encoding, tuple(known.method_codes), pixels_cleaned=pixels_cleaned, is_document=is_document
        )
        return job, Walk(file.data_set, file.begin, file.encoding, self.plan, job).pieces(marks)
