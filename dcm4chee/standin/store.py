"""Storing one object: which are refused, which are passed over in silence, which take another's place.

The order of the questions is that of ``StoreServiceEJB.updateDB``.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from dcm4chee.standin.orthanc_rest import OrthancRefusedError
from dcm4chee.standin.rejection_note import note_code
from dcm4chee.standin.state import StoredFile
from dcm4chee.standin.views import INCORRECT_MWL, PATIENT_SAFETY, QUALITY, RETENTION_EXPIRED

if TYPE_CHECKING:
    from dcm4chee.standin.archive import Archive
    from dcm4chee.standin.dataset import Received
    from dcm4chee.standin.state import Previous

DUPLICATE_REJECTION_NOTE = 0xA770
SUBSEQUENT_OCCURRENCE_OF_REJECTED_OBJECT = 0xA771
PATIENT_ID_MISSING_IN_OBJECT = 0xA777
OUT_OF_RESOURCES = 0xA700
PROCESSING_FAILURE = 0x0110

_REFUSED_AGAIN = frozenset({PATIENT_SAFETY, INCORRECT_MWL})
"""Rejections after which a second occurrence is refused (no dcmAcceptPreviousRejectedInstance)."""


class StoreFailedError(Exception):
    """An object is not stored; ``status`` is the status of PS3.4 B.2.3, or one of dcm4chee's own."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


async def store(archive: Archive, received: Received, content: bytes) -> None:
    """Store an object that came by STOW-RS, and so has no sender; or pass it over, which is no failure.

    Raises
    ------
    StoreFailedError
        It is refused.
    """
    state = archive.state
    previous = state.previous(received.sop_instance_uid)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if previous is not None and await _passed_over(archive, previous, received, digest):
        return
    if archive.configuration.accept_missing_patient_id == "NO" and not received.patient_id:
        raise StoreFailedError(
            PATIENT_ID_MISSING_IN_OBJECT, "No Patient ID (from trusted Assigning Authority) in object."
        )
    try:
        await keep(archive, received, content, source="")
    except OrthancRefusedError as error:
        full = error.status == HTTPStatus.INSUFFICIENT_STORAGE
        raise StoreFailedError(OUT_OF_RESOURCES if full else PROCESSING_FAILURE, str(error)) from error
    code = note_code(received)
    if code is not None:
        await archive.rejections.apply(received, code, archive.clock.now())


async def keep(archive: Archive, received: Received, content: bytes, *, source: str) -> None:
    """Put an object into Orthanc and into the index, whatever is there.

    Raises
    ------
    OrthancRefusedError
        Orthanc does not store it.
    """
    with archive.arrivals.expected(received.orthanc_id):
        orthanc_id = await archive.orthanc.store(content)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    file = StoredFile(orthanc_id, len(content), digest)
    archive.state.add(received, file, source=source, at=archive.clock.now(), note=note_code(received))


async def _passed_over(archive: Archive, previous: Previous, received: Received, digest: str) -> bool:
    """Return whether an object of a SOP Instance UID that is there already is not stored."""
    if previous.note is not None:
        if previous.digest == digest:
            return True
        said = f"Rejection Note [uid={received.sop_instance_uid}] already received."
        raise StoreFailedError(DUPLICATE_REJECTION_NOTE, said)
    if previous.rejected == QUALITY:
        return True
    if previous.rejected in _REFUSED_AGAIN:
        raise StoreFailedError(SUBSEQUENT_OCCURRENCE_OF_REJECTED_OBJECT, _again(received, previous.rejected))
    if previous.rejected == RETENTION_EXPIRED:
        await archive.rejections.revoke([previous.pk], archive.clock.now())
        return previous.digest == digest
    if archive.configuration.overwrite_policy != "ALWAYS" or previous.digest == digest:
        return True
    return (previous.study_uid, previous.series_uid) != (received.study_uid, received.series_uid)


def _again(received: Received, code: str | None) -> str:
    value, _, scheme = str(code).partition("^")
    return (
        f"Subsequent occurrence of rejected Object [StudyIUID={received.study_uid},"
        f" SeriesIUID={received.series_uid}, SOPIUID={received.sop_instance_uid},"
        f" rejection=({value}, {scheme})]"
    )
