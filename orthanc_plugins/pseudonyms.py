"""What stands in place of identities: UIDs, patient pseudonyms, shifts of dates, all from one keyed hash.

Nothing is remembered, so any process has the same answer on any day and in any order; without the key nobody
can compute one from an original (HMAC, RFC 2104). Each purpose hashes in its own domain: what is known of one
says nothing of another.
"""

from __future__ import annotations

import base64
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from orthanc_plugins.errors import DeidError, KeyUnusable
from orthanc_plugins.identifiers import is_dicom_uid

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_BYTES = 32
"""Length of a project's key: 256 bits."""

FEWEST_WEEKS, MOST_WEEKS = 52, 520
"""How far the dates of a patient move: one to ten years, in whole weeks so that weekdays stay."""

LONGEST_TOKEN = 51
"""A digest of 256 bits fills 51 characters of base32."""

_REMEMBERED = 1 << 16
_PADDING = "\0 "
_DICOM_UID = re.compile(r"1\.2\.840\.10008(?:\.\d{1,4}){1,12}")


def is_assigned_by_dicom(uid: str) -> bool:
    """Return whether a UID is one of DICOM's own: a SOP class, a syntax, a well-known frame (PS3.6 annex A).

    Equipment that makes its instance UIDs below DICOM's root is not entitled to; theirs have long components,
    which none of the standard's has, and are mapped like any other.

    >>> is_assigned_by_dicom("1.2.840.10008.1.4.1.1"), is_assigned_by_dicom("1.2.840.10008.20261130.1")
    (True, False)
    """
    return is_dicom_uid(uid) and _DICOM_UID.fullmatch(uid) is not None


class KnownBy(StrEnum):
    """What tells one patient from another."""

    PATIENT_ID = "id"
    PERSON = "person"
    STUDY = "study"


@dataclass(frozen=True)
class PatientKey:
    """Which patient: the PatientID (0010,0020) and who issued it, or what stands in for them.

    Values are normalised, so that padding and forms of Unicode make no second patient. Capitals count:
    PatientID has them (PS3.5 6.2). The issuer is part of the key: give it for all objects of a project or for
    none, because a planning system that leaves it out would make a second patient of the same person.

    Its repr shows no value.
    """

    patient_id: str = field(repr=False)
    issuer: str = field(default="", repr=False)
    known_by: KnownBy = KnownBy.PATIENT_ID

    def __post_init__(self) -> None:
        object.__setattr__(self, "patient_id", _normalised(self.patient_id))
        object.__setattr__(self, "issuer", _normalised(self.issuer))
        if not self.patient_id:
            raise DeidError("Nothing tells whose object it is, not even a study; it is not to leave.")

    @classmethod
    def of_person(cls, name: str, birth_date: str) -> Self:
        """Return the key of a patient without PatientID: the name, in any capitals, and the birth date."""
        return cls(f"{_normalised_name(name)}\0{_normalised(birth_date)}", known_by=KnownBy.PERSON)

    @classmethod
    def of_study(cls, study_uid: str) -> Self:
        """Return the key of a patient of whom nothing is known but one study."""
        return cls(study_uid, known_by=KnownBy.STUDY)

    @classmethod
    def of_attributes(
        cls, *, patient_id: str, issuer: str = "", name: str = "", birth_date: str = "", study_uid: str = ""
    ) -> Self:
        """Return the key of the patient of an object: by PatientID, else name and birth date, else study.

        A name without a birth date, or a birth date without a name, is shared by too many to be a patient.

        Raises
        ------
        DeidError
            None of them is there.
        """
        if _normalised(patient_id):
            return cls(patient_id, issuer)
        if _normalised_name(name) and _normalised(birth_date):
            return cls.of_person(name, birth_date)
        return cls.of_study(study_uid)


class Pseudonyms:
    """The keyed hash of one project.

    Parameters
    ----------
    key
        32 random bytes, the project's secret.
    is_public
        Which UIDs stand for no object and come back unchanged; by default those assigned by DICOM.

    Raises
    ------
    KeyUnusable
        The key has another length.
    """

    def __init__(self, key: bytes, is_public: Callable[[str], bool] = is_assigned_by_dicom) -> None:
        if len(key) != KEY_BYTES:
            raise KeyUnusable(
                f"A project's key has {KEY_BYTES} bytes, this one has {len(key)}; create one anew."
            )
        self._key = key
        self._is_public = is_public
        self._uid = lru_cache(_REMEMBERED)(self._made_uid)
        self._uid_bytes = lru_cache(_REMEMBERED)(self._made_uid_bytes)

    def __reduce__(self) -> tuple[type[Pseudonyms], tuple[bytes, Callable[[str], bool]]]:
        """Return what another process makes the same pseudonyms of; what is remembered stays here."""
        return Pseudonyms, (self._key, self._is_public)

    @property
    def key_id(self) -> str:
        """Which key this is, in 16 hex digits that tell nothing of it."""
        return self._digest("key-id").hex()[:16]

    def uid(self, uid: str) -> str:
        """Return the UID that stands for a UID: 2.25 and a UUID (PS3.5 B.2), of version 8 (RFC 9562 5.8).

        A UID with padding is the same UID. What is no valid UID is mapped, too: a name may stand there. An
        empty one stays empty.
        """
        return self._uid(uid.strip(_PADDING))

    def uid_bytes(self, value: bytes) -> bytes:
        """Return the encoded value (UI) for an encoded value: several by backslash, padded (PS3.5 6.2)."""
        return self._uid_bytes(value)

    def patient(self, patient: PatientKey) -> str:
        """Return a patient's pseudonym: ``DEID-`` and 80 bits in 16 characters."""
        return f"DEID-{_base32(self._patient_digest('patient', patient))[:16]}"

    def weeks(self, patient: PatientKey) -> int:
        """Return by how many weeks a patient's dates move: 52 to 520, each as likely as the others."""
        number = int.from_bytes(self._patient_digest("weeks", patient)[:8])
        return FEWEST_WEEKS + number % (MOST_WEEKS - FEWEST_WEEKS + 1)

    def token(self, purpose: str, value: str, length: int = 16) -> str:
        """Return a dummy that is the same for equal values and one purpose, such as a device's serial number.

        Parameters
        ----------
        purpose
            What the value is; equal values of different purposes have nothing in common.
        value
            The original, normalised as a patient's values are.
        length
            Characters of the dummy, 8 to 51: A to Z, 2 to 7.

        Raises
        ------
        ValueError
            The length is outside of that.
        """
        shortest = 8
        if not shortest <= length <= LONGEST_TOKEN:
            raise ValueError(f"A token has {shortest} to {LONGEST_TOKEN} characters, not {length}.")
        return _base32(self._digest("token", purpose, _normalised(value)))[:length]

    def patient_digest(self, patient: PatientKey) -> bytes:
        """Return 32 bytes by which a register knows a patient without knowing who it is."""
        return self._patient_digest("register", patient)

    def trait_digests(self, patient: PatientKey, *, name: str, birth_date: str, sex: str) -> dict[str, bytes]:
        """Return 32 bytes for each trait that is known: two persons under one PatientID differ in them.

        They are the patient's own: that two patients were born on one day does not show.
        """
        traits = {
            "name": _normalised_name(name),
            "birth_date": _normalised(birth_date),
            "sex": _normalised(sex),
        }
        return {
            trait: self._patient_digest(f"trait-{trait}", patient, value)
            for trait, value in traits.items()
            if value
        }

    def _made_uid(self, uid: str) -> str:
        if not uid or self._is_public(uid):
            return uid
        number = int.from_bytes(self._digest("uid", uid)[:16])
        number = number & ~(0xF << 76) | 8 << 76
        return f"2.25.{number & ~(0b11 << 62) | 0b10 << 62}"

    def _made_uid_bytes(self, value: bytes) -> bytes:
        mapped = "\\".join(map(self.uid, value.decode("latin-1").split("\\"))).encode("ascii")
        return mapped + b"\0" * (len(mapped) % 2)

    def _patient_digest(self, purpose: str, patient: PatientKey, *values: str) -> bytes:
        return self._digest(purpose, patient.known_by, patient.patient_id, patient.issuer, *values)

    def _digest(self, purpose: str, *values: str) -> bytes:
        """Hash a purpose and values with their lengths, so that no two lists of values are one message."""
        encoded = [value.encode("utf-8", "surrogatepass") for value in values]
        message = b"".join(len(value).to_bytes(4) + value for value in encoded)
        return hmac.digest(self._key, purpose.encode() + b"\0" + message, "sha256")


def _normalised(value: str) -> str:
    return unicodedata.normalize("NFC", value.strip().strip(_PADDING))


def _normalised_name(name: str) -> str:
    """Return the first component group of a name (PS3.5 6.2.1) without capitals, padding and empty parts.

    Systems differ in the ideographic and phonetic groups they carry along.
    """
    groups = _normalised(name).casefold().split("=")
    return next(filter(None, map(_normalised_group, groups)), "")


def _normalised_group(group: str) -> str:
    return "^".join(" ".join(part.split()) for part in group.split("^")).rstrip("^")


def _base32(digest: bytes) -> str:
    return base64.b32encode(digest).decode("ascii").rstrip("=")
