"""How files come to XNAT's prearchive: in ZIPs by its import service, or by C-STORE to its receiver.

By C-STORE nothing is written into the objects to route them (``Project:… Subject:… Session:…`` in a comment
would have to be taken out again): a session is found in the prearchive by its Study Instance UID, among those
without a project, too, and is given project, subject and label when it is archived. Only administrators of
the site see sessions without a project; others need a receiver whose routing expression names theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from orthanc_plugins.archives.base import StoreState
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.dimse import CStore
from orthanc_plugins.archives.resilience import CircuitBreaker
from orthanc_plugins.archives.xnat_http import ARCHIVE
from orthanc_plugins.delivery.packing import content_of, zips_of
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from orthanc_plugins.archives.dicom_peer import DicomPeer
    from orthanc_plugins.archives.xnat import Xnat
    from orthanc_plugins.delivery.parcel import Parcel, ParcelFile
    from orthanc_plugins.identifiers import SopInstanceUid


class Transport(Protocol):
    """A way into the prearchive."""

    unassigned: bool
    """Whether sessions may wait without a project."""

    def send(self, parcel: Parcel, files: Sequence[ParcelFile], folder: Path) -> None:
        """Send files, once; raises ArchiveUnavailable where nobody knows what has arrived."""
        ...


class ImportTransport:
    """XNAT's import service."""

    unassigned = False

    def __init__(self, xnat: Xnat, project: str) -> None:
        self._xnat = xnat
        self._project = project

    def send(self, parcel: Parcel, files: Sequence[ParcelFile], folder: Path) -> None:
        """Send files in ZIPs, one after the other, into one session of the prearchive."""
        for zipped in zips_of(files, folder):
            self._xnat.prearchive.import_zip(
                zipped, project=self._project, subject=parcel.patient, session=parcel.session
            )


class ReceiverTransport:
    """XNAT's DICOM receiver."""

    unassigned = True

    def __init__(self, xnat: Xnat, project: str, receiver: DicomPeer) -> None:
        self._xnat = xnat
        self._project = project
        self._receiver = receiver

    def send(self, parcel: Parcel, files: Sequence[ParcelFile], folder: Path) -> None:  # noqa: ARG002 - Transport
        """Send files over one association, and have the session built when all have arrived."""
        breaker = CircuitBreaker(ARCHIVE, title=f"The DICOM port of {self._receiver.called_aet}")
        store = CStore(self._receiver, breaker, _unknown, self._xnat.http.pause)
        for outcome in store.store(described(content_of(file)) for file in files):
            if outcome.state is StoreState.STORED:
                continue
            text = f"XNAT's receiver did not take object {outcome.sop_instance_uid}: {outcome.detail}"
            kind = ArchiveRefused if outcome.state is StoreState.REFUSED else ArchiveUnavailable
            raise kind(text, archive=ARCHIVE)
        waiting = self._xnat.prearchive.waiting(self._project, study_uid=parcel.study_uid)
        for row in (*waiting, *self._xnat.prearchive.unassigned(parcel.study_uid)):
            if row.is_receiving:
                self._xnat.prearchive.build(row)


def _unknown(_: Collection[SopInstanceUid]) -> AbstractSet[SopInstanceUid]:
    raise ArchiveUnavailable(
        "XNAT does not tell of single objects; its prearchive is looked at the next time.", archive=ARCHIVE
    )
