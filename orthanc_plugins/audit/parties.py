"""Who took part in an event, and in what: types that have no place for a name, a date or an original UID."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.audit.codes import APPLICATION_SERVER, Code, LifeCycle, NetworkPoint
from orthanc_plugins.errors import AuditError
from orthanc_plugins.identifiers import is_dicom_uid

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTY = re.compile(r"[\w.@:/\\~+=%\[\]-]{1,1024}", re.ASCII)
_PSEUDONYM = re.compile(r"DEID-[A-Z2-7]{16}|[A-Z]{1,16}[0-9]{3,15}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_HEX = re.compile(r"[0-9a-f]+")
_KEYED_ROOT = "2.25."
_KEYED_VERSION = 8
_KEY_ID_DIGITS, _SHA256_DIGITS = 16, 64


def is_keyed_uid(uid: str) -> bool:
    """Return whether a UID is one that a project's key makes: 2.25 and a UUID of version 8 (RFC 9562 5.8).

    Equipment that makes its UIDs of UUIDs makes them of versions 1, 4 and 5.
    """
    number = uid.removeprefix(_KEYED_ROOT)
    if not is_dicom_uid(uid) or number == uid or not number.isdigit() or int(number) >= 1 << 128:
        return False
    made = uuid.UUID(int=int(number))
    return made.variant == uuid.RFC_4122 and made.version == _KEYED_VERSION


def word(text: str, what: str) -> str:
    """Return a text that is one word: letters, digits and a few signs, at most 64.

    Raises
    ------
    AuditError
        It is not; what it is is not told, because it may be a value.
    """
    if not _WORD.fullmatch(text):
        raise AuditError(f"An audit record has one word for its {what}; this is none.")
    return text


@dataclass(frozen=True)
class Participant:
    """A person, a process or a place that took part (PS3.15 A.5.1, ActiveParticipant).

    Attributes
    ----------
    user_id
        As the site knows its staff, processes and nodes: an account, a mail address, a URI.
    alternative_user_id
        Such as ``AETITLE=ORTHANC`` or the number of a process (A.5.2.2).
    access_point
        Name or address in the network, and which of them it is.
    media_type
        What kind of media a destination is.
    """

    user_id: str
    is_requestor: bool = False
    roles: tuple[Code, ...] = ()
    alternative_user_id: str = ""
    access_point: str = ""
    access_point_kind: NetworkPoint = NetworkPoint.ADDRESS
    media_type: Code | None = None

    def __post_init__(self) -> None:
        optional = (self.alternative_user_id, self.access_point)
        if not all(_PARTY.fullmatch(text) for text in (self.user_id, *filter(None, optional))):
            raise AuditError("A participant is named by an account, an address or a URI, without spaces.")


@dataclass(frozen=True)
class AuditSource:
    """Which system reports (PS3.15 A.5.1, AuditSourceIdentification)."""

    source_id: str
    site: str = ""
    kind: str = APPLICATION_SERVER

    def __post_init__(self) -> None:
        for text in filter(None, (self.source_id, self.site)):
            word(text, "source")
        word(self.source_id, "source")


@dataclass(frozen=True)
class StudyObject:
    """A study as it leaves: the new Study Instance UID, and how many instances of each SOP class.

    Where a project keeps UIDs, the record names the study by the keyed UID all the same. ``anonymised`` tells
    of the instances that the event is about: those that are read to be de-identified are not. ``instances``
    are the keyed SOP Instance UIDs of single ones that it is about, as when a person decides of one.
    """

    study_uid: str
    sop_classes: Mapping[str, int]
    anonymised: bool = True
    life_cycle: LifeCycle = LifeCycle.EXPORT
    instances: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "sop_classes", dict(self.sop_classes))
        if not all(map(is_keyed_uid, self.instances)):
            raise AuditError("An audit record names an instance by its keyed UID; this is no such UID.")
        if not is_keyed_uid(self.study_uid):
            raise AuditError("An audit record names a study by its keyed UID; this is no such UID.")
        if not all(map(is_dicom_uid, self.sop_classes)) or min(self.sop_classes.values(), default=1) < 0:
            raise AuditError("An audit record counts instances by SOP Class UID; this is no such count.")


@dataclass(frozen=True)
class PatientObject:
    """A patient, by pseudonym."""

    pseudonym: str

    def __post_init__(self) -> None:
        if not _PSEUDONYM.fullmatch(self.pseudonym):
            raise AuditError("An audit record names a patient by a pseudonym of the suite; this is none.")


@dataclass(frozen=True)
class ResourceObject:
    """What an alert is about, or the audit trail itself: a URI (PS3.15 A.5.3.2, A.5.3.11)."""

    uri: str
    name: str = "Security Audit Log"

    def __post_init__(self) -> None:
        if not _PARTY.fullmatch(self.uri) or not re.fullmatch(r"[A-Za-z ]{1,64}", self.name):
            raise AuditError("A resource in an audit record is a URI without spaces, and has a plain name.")


type AuditObject = StudyObject | PatientObject | ResourceObject


@dataclass(frozen=True)
class Evidence:
    """How something was de-identified and checked: versions, digests and counts, never a value.

    Attributes
    ----------
    profile, edition, engine
        Name of the profile, edition of PS3.15, version of the engine.
    policy_digest
        SHA-256 of the compiled policy.
    key_id
        Which key, in 16 hex digits that tell nothing of it.
    options
        Codes of the options that were applied (PS3.16 CID 7050).
    counts
        How many, by what: actions, refusals with their reasons, checks with their results.
    file_digests
        SHA-256 of each file that left.
    """

    profile: str
    edition: str
    engine: str
    policy_digest: str
    key_id: str
    options: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    file_digests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", dict(self.counts))
        for text in (self.profile, self.edition, self.engine, *self.options, *self.counts):
            word(text, "evidence")
        digests = [(self.key_id, _KEY_ID_DIGITS), (self.policy_digest, _SHA256_DIGITS)]
        digests += [(digest, _SHA256_DIGITS) for digest in self.file_digests]
        if any(len(digest) != digits or not _HEX.fullmatch(digest) for digest, digits in digests):
            raise AuditError("Digests in an audit record are hexadecimal: 16 digits of a key, 64 of SHA-256.")
