"""What a destination has stored of a parcel, held against what was sent and what that was made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orthanc_plugins.delivery.packing import sha256_of
from orthanc_plugins.errors import ArchiveRefused, InvalidDicom, ReleaseRefused
from orthanc_plugins.validation import Finding, gather
from orthanc_plugins.validation.stored import CHECK, StoredCheck, StoredPair, claims_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from orthanc_plugins.delivery.parcel import Parcel, ParcelFile
    from orthanc_plugins.validation.stored import Allowed

_NAME = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")


class ParcelCheck:
    """The check of one parcel at its destination, one object after the other."""

    def __init__(self, parcel: Parcel, allowed: Allowed) -> None:
        self._parcel = parcel
        try:
            identity = gather(file.original for file in parcel.files)
        except InvalidDicom as error:
            raise ReleaseRefused(
                f"An original of study {parcel.study_uid} cannot be read any more, so what is stored cannot "
                f"be checked: {error}."
            ) from None
        self._check = StoredCheck(identity, claims_of(parcel.method_codes), allowed)

    @property
    def changes(self) -> Mapping[str, int]:
        """How many objects have each attribute as the destination was declared to change it."""
        return dict(self._check.changes)

    def objects(
        self, stored: Mapping[str, tuple[Path, str]], *, before: AbstractSet[str] = frozenset()
    ) -> list[Finding]:
        """Return what is wrong with stored objects.

        Parameters
        ----------
        stored
            File of each, and what the destination calls it, by SOP Instance UID.
        before
            Those that an earlier delivery stored.
        """
        findings: list[Finding] = []
        for file in self._parcel.files:
            uid = file.sop_instance_uid
            if uid not in stored:
                findings.append(Finding(CHECK, uid, "", "it is missing"))
                continue
            path, name = stored[uid]
            findings += self._object(file, path, name, is_before=uid in before)
        known = {file.sop_instance_uid for file in self._parcel.files}
        for uid in stored.keys() - known:
            findings += self._check.stranger(*stored[uid])
        return findings

    def words(self, data: bytes, place: str) -> list[Finding]:
        """Return what is left of the originals in what the destination has written itself."""
        return self._check.words(data, place)

    def _object(self, file: ParcelFile, path: Path, name: str, *, is_before: bool) -> list[Finding]:
        try:
            return self._check.object(StoredPair(file.original, file.path, path, name, is_before))
        except InvalidDicom as error:
            return [Finding(CHECK, file.sop_instance_uid, "", str(error))]


def stored_otherwise(parcel: Parcel, stored: Mapping[str, tuple[Path, str]]) -> dict[str, str]:
    """Return SHA-256 of the files that came back otherwise than they were sent, by SOP Instance UID."""
    digests = {
        file.sop_instance_uid: sha256_of(stored[file.sop_instance_uid][0])
        for file in parcel.files
        if file.sop_instance_uid in stored
    }
    return {
        file.sop_instance_uid: digests[file.sop_instance_uid]
        for file in parcel.files
        if digests.get(file.sop_instance_uid, file.sha256) != file.sha256
    }


def count_uncovered(parcel: Parcel, there: Collection[str], *, what: str) -> int:
    """Return how many objects of earlier releases a destination holds besides those of a parcel.

    Parameters
    ----------
    there
        SOP Instance UIDs of the objects that it holds under the study's labels.
    what
        Where they stand, for the message.

    Raises
    ------
    ReleaseRefused
        One was released neither now nor before.
    """
    besides = set(there) - {file.sop_instance_uid for file in parcel.files}
    foreign = len(besides - parcel.earlier)
    if foreign:
        raise ReleaseRefused(
            f"{what} has {foreign} object{'' if foreign == 1 else 's'} that the suite has not released: take "
            "them out there, and ask again."
        )
    return len(besides)


def check_label(label: str, *, what: str, archive: str) -> None:
    """Refuse a label that a destination would write otherwise than it is handed in.

    Raises
    ------
    ArchiveRefused
        It has other characters than letters, digits, ``_`` and ``-``.
    """
    if not _LABEL.fullmatch(label):
        raise ArchiveRefused(
            f"A {what} is named by letters, digits, _ and - only, at most 64: give it another pseudonym or "
            "label.",
            archive=archive,
        )


def check_name(name: str, *, archive: str) -> None:
    """Refuse the name of a file that may lead out of a folder.

    Raises
    ------
    ArchiveRefused
        It is empty, begins or ends with a dot, or has other characters than letters, digits, ``._-``.
    """
    if not _NAME.fullmatch(name):
        raise ArchiveRefused(
            "The name of an attached file has letters, digits, ., _ and - only.", archive=archive
        )
