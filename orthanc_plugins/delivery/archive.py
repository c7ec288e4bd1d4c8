"""Released studies in an archive of the researchers': another Orthanc, or one of DICOMweb."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import StoreState, Transport
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.delivery.checking import ParcelCheck, count_uncovered, stored_otherwise
from orthanc_plugins.delivery.packing import content_of, sha256_of
from orthanc_plugins.delivery.parcel import Delivery
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound, ReleaseRefused
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.validation.stored import Allowed, refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orthanc_plugins.archives.base import Archive, InstanceEntry
    from orthanc_plugins.delivery.parcel import Parcel, ParcelFile


class ArchiveDestination:
    """An archive that only released studies go to; it may change nothing of an object but its group 2.

    Parameters
    ----------
    title
        How the researchers call it.
    workspace
        Where files are kept while they are compared; the system's place when None.
    """

    def __init__(
        self,
        archive: Archive,
        title: str,
        *,
        transport: Transport = Transport.STOW,
        workspace: Path | None = None,
    ) -> None:
        self._archive = archive
        self._title = title
        self._transport = transport
        self._workspace = workspace

    @property
    def name(self) -> str:
        """Kind and name."""
        return f"archive:{self._title}"

    def deliver(self, parcel: Parcel) -> Delivery:
        """Store what is missing of a study, retrieve all of it, and compare; see `Destination`."""
        held = {entry.sop_instance_uid for entry in self._entries(parcel)}
        uncovered = count_uncovered(parcel, held, what=f"Study {parcel.study_uid} in {self._title}")
        missing = [file for file in parcel.files if file.sop_instance_uid not in held]
        self._store(missing)
        return replace(self._read_back(parcel), uncovered=uncovered, sent=len(missing))

    def look(self, parcel: Parcel) -> Delivery:
        """Retrieve all of a study, and compare; see `Destination`."""
        held = {entry.sop_instance_uid for entry in self._entries(parcel)}
        if not held:
            raise NotFound(
                f"{self._title} has no study {parcel.study_uid} any more.", archive=self._archive.name
            )
        uncovered = count_uncovered(parcel, held, what=f"Study {parcel.study_uid} in {self._title}")
        return replace(self._read_back(parcel), uncovered=uncovered)

    def _read_back(self, parcel: Parcel) -> Delivery:
        """Return what is in the archive, if all of it is as it was sent."""
        with tempfile.TemporaryDirectory(dir=self._workspace, prefix="archive-") as folder:
            stored = self._retrieved(parcel, Path(folder))
            wrong = self._wrong(parcel, stored)
            otherwise = stored_otherwise(parcel, stored)
        if wrong or not parcel.files:
            raise ReleaseRefused(
                f"{self._title} does not store study {parcel.study_uid} as it was sent: "
                f"{wrong or 'it is empty'}. Take the study out there; it was not delivered."
            )
        labels = {"patient": parcel.patient, "study": parcel.study_uid}
        return Delivery(
            destination=self.name,
            address=self._archive.url,
            labels=labels,
            instances=len(parcel.files),
            changes={},
            stored=otherwise,
        )

    def attach(self, parcel: Parcel, name: str, content: bytes) -> None:
        """Do nothing: an archive of DICOM objects has no place for other files."""

    def _entries(self, parcel: Parcel) -> list[InstanceEntry]:
        return list(self._archive.instances(StudyUid(parcel.study_uid)))

    def _store(self, files: Iterable[ParcelFile]) -> None:
        sent = (described(content_of(file)) for file in files)
        for outcome in self._archive.store(sent, self._transport):
            if outcome.state is StoreState.STORED:
                continue
            text = f"{self._title} did not take object {outcome.sop_instance_uid}. {outcome.detail}"
            kind = ArchiveRefused if outcome.state is StoreState.REFUSED else ArchiveUnavailable
            raise kind(text, archive=self._archive.name)

    def _retrieved(self, parcel: Parcel, folder: Path) -> dict[str, tuple[Path, str]]:
        """Return the files of the parcel as the archive has them now."""
        wanted = {file.sop_instance_uid for file in parcel.files}
        entries = [entry for entry in self._entries(parcel) if entry.sop_instance_uid in wanted]
        stored: dict[str, tuple[Path, str]] = {}
        if not entries:
            return stored
        try:
            for number, file in enumerate(self._archive.retrieve(StudyUid(parcel.study_uid), entries)):
                path = folder / f"{number:06d}.dcm"
                path.write_bytes(file.content)
                stored[file.sop_instance_uid] = path, ""
        except NotFound as error:
            raise ArchiveUnavailable(
                f"{self._title} no longer holds all of study {parcel.study_uid} that it has listed.",
                archive=self._archive.name,
                status=error.status,
            ) from None
        return stored

    def _wrong(self, parcel: Parcel, stored: dict[str, tuple[Path, str]]) -> str:
        """Return what is not as it was sent, empty for nothing; equal bytes need no other look."""
        same = [
            file.sop_instance_uid in stored and sha256_of(stored[file.sop_instance_uid][0]) == file.sha256
            for file in parcel.files
        ]
        if all(same):
            return ""
        return refusal_of(ParcelCheck(parcel, Allowed()).objects(stored))
