"""What XNAT holds of a study in its archive, as it is downloaded."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.archives.dicom_file import sop_instance_uid
from orthanc_plugins.archives.xnat_http import ARCHIVE
from orthanc_plugins.errors import ArchiveRefused

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.archives.xnat import Xnat
    from orthanc_plugins.archives.xnat_records import DownloadedFile, XnatSession
    from orthanc_plugins.delivery.parcel import Parcel

_RESOURCES = frozenset({"DICOM", "secondary"})
_HEAD_BYTES = 4096
"""The file meta information, with the SOP Instance UID, is within so many."""
_MOST_BYTES = 1 << 38


@dataclass(frozen=True)
class Held:
    """A session and its DICOM files.

    Parameters
    ----------
    session
        None when there is none under the label.
    files
        By SOP Instance UID.
    odd
        How many files are no DICOM object, or one that is there twice.
    count
        How many files XNAT says there are.
    """

    session: XnatSession | None = None
    files: dict[str, DownloadedFile] = field(default_factory=dict)
    odd: int = 0
    count: int = 0

    @property
    def stored(self) -> dict[str, tuple[Path, str]]:
        """File and XNAT's name of each object."""
        return {uid: (file.path, file.name) for uid, file in self.files.items()}


def session_of(xnat: Xnat, project: str, parcel: Parcel) -> XnatSession | None:
    """Return the session of a study, None when its label is free.

    Raises
    ------
    ArchiveRefused
        The label is another study's or another subject's.
    """
    session = xnat.sessions.find(project, parcel.session)
    if session is None:
        return None
    if session.study_uid not in {"", parcel.study_uid}:
        raise ArchiveRefused(
            f"Session {parcel.session} of project {project} in XNAT is another study: delete or rename it "
            "there, or give this study another label.",
            archive=ARCHIVE,
        )
    if session.subject != xnat.sessions.subject(project, parcel.patient):
        raise ArchiveRefused(
            f"Session {parcel.session} of project {project} in XNAT is of another subject than "
            f"{parcel.patient}: move it there to the right one.",
            archive=ARCHIVE,
        )
    return session


def held_of(xnat: Xnat, session: XnatSession, folder: Path) -> Held:
    """Return what XNAT holds of a session, downloaded into a folder that is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    if not xnat.sessions.scans(session):
        return Held(session)
    count = xnat.sessions.count(session)
    files: dict[str, DownloadedFile] = {}
    odd = 0
    for file in xnat.sessions.download(session, folder, most_bytes=_MOST_BYTES):
        if file.resource not in _RESOURCES:
            continue  # XNAT's own, such as pictures of the scans
        with file.path.open("rb") as content:
            uid = sop_instance_uid(content.read(_HEAD_BYTES))
        if uid is None or uid in files:
            odd += 1
        else:
            files[uid] = file
    return Held(session, files, odd, count)
