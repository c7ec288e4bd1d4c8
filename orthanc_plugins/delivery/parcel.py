"""What is delivered, and what is known of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class ParcelFile:
    """One released object.

    Parameters
    ----------
    path
        Of its file.
    sha256
        Of its bytes, in hex.
    original
        The file it was made of, for the check of what the destination stores; its path may name the patient.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    sha256: str
    original: Path = field(repr=False)


@dataclass(frozen=True)
class Parcel:
    """A released study.

    Parameters
    ----------
    patient
        The patient's pseudonym in the project: XNAT's subject.
    study_uid
        The new Study Instance UID.
    session
        A label for the study, unique in the project and the same every time: XNAT's session.
    method_codes
        Codes of CID 7050 that every object claims; ``cleaned`` are the new SOP Instance UIDs of those that
        claim 113101 besides.
    earlier
        SOP Instance UIDs that earlier releases of the study had: they may stand there, and no others.
    """

    patient: str
    study_uid: str
    session: str
    files: tuple[ParcelFile, ...]
    method_codes: frozenset[str]
    cleaned: frozenset[str] = frozenset()
    earlier: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Delivery:
    """What a destination holds of a parcel, as it was looked at after it was stored.

    Parameters
    ----------
    destination
        Its kind and name, such as ``xnat:PACS_ANONYMIZED``.
    address
        Where a person finds the study there; holds no credentials.
    labels
        By what names it is found there, such as project, subject and session.
    instances
        How many were stored and compared.
    changes
        What the destination itself changed, and was declared to: how often by attribute, ``gggg,eeee``.
    stored
        SHA-256 of the objects whose files came back otherwise than they were sent, by SOP Instance UID.
    uncovered
        How many objects stand there besides, of earlier releases.
    sent
        How many objects were sent now, as they were not there.
    """

    destination: str
    address: str
    labels: Mapping[str, str]
    instances: int
    changes: Mapping[str, int]
    stored: Mapping[str, str] = field(default_factory=dict)
    uncovered: int = 0
    sent: int = field(default=0, compare=False)


class Destination(Protocol):
    """Where released studies go."""

    @property
    def name(self) -> str:
        """Kind and name, as of `Delivery`."""
        ...

    def deliver(self, parcel: Parcel) -> Delivery:
        """Store a study, look at what was stored, and return what is there.

        Done again it adds what is missing and nothing else. Objects that come later to the study join it.

        Raises
        ------
        ArchiveUnavailable
            It does not answer now; nothing is lost by trying again.
        ArchiveRefused
            It does not take the study, or holds another one under these labels.
        ReleaseRefused
            What it stores is not what was sent; the text says what a person has to do there.
        """
        ...

    def look(self, parcel: Parcel) -> Delivery:
        """Look again at what is there of a study that was delivered; nothing is sent or changed.

        What the destination may have changed is the same as after a delivery, however often it did.

        Raises
        ------
        ArchiveUnavailable
            It does not answer now.
        NotFound
            It does not hold the study at all.
        ArchiveRefused
            It holds another one under these labels.
        ReleaseRefused
            What it stores is not what was sent; the text says what.
        """
        ...

    def attach(self, parcel: Parcel, name: str, content: bytes) -> None:
        """Store a file beside the study, such as its certificate; where that cannot be, nothing is done."""
        ...
