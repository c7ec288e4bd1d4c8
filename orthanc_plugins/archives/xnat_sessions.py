"""XNAT's archive: subjects, sessions, scans, their files, and what is stored beside them."""

from __future__ import annotations

import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any

from orthanc_plugins.archives.xnat_http import ARCHIVE, XnatRequest, path_of
from orthanc_plugins.archives.xnat_prearchive import sum_of_files
from orthanc_plugins.archives.xnat_records import DownloadedFile, XnatScan, XnatSession
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.archives.xnat_http import XnatHttp

_PIECE = 1 << 20
_CONFLICT = 409
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for a ZIP that is damaged, encrypted, or packed in a way it does not know."""


class XnatSessions:
    """The archive over one connection; methods raise ArchiveUnavailable, NotFound or ArchiveRefused."""

    def __init__(self, http: XnatHttp) -> None:
        self._http = http

    def subject(self, project: str, label: str) -> str | None:
        """Return XNAT's own ID of a subject, None when there is none; case of labels does not count."""
        fields = self._fields(path_of("data", "projects", project, "subjects", label))
        return None if fields is None else str(fields.get("ID", ""))

    def find(self, project: str, label: str) -> XnatSession | None:
        """Return the session of a label in a project."""
        path = path_of("data", "projects", project, "experiments", label)
        item = self._item(path)
        if item is None:
            return None
        fields = item.get("data_fields", {})
        return XnatSession(
            accession=str(fields.get("ID", "")),
            project=str(fields.get("project", "")),
            subject=str(fields.get("subject_ID", "")),
            label=str(fields.get("label", "")),
            study_uid=str(fields.get("UID", "")),
            kind=str(item.get("meta", {}).get("xsi:type", "")),
        )

    def scans(self, session: XnatSession) -> tuple[XnatScan, ...]:
        """Return the scans of a session."""
        rows = self._http.rows(f"{_root(session)}/scans", {"columns": "ID,xsiType,UID"})
        return tuple(XnatScan(row.get("ID", ""), row.get("xsiType", ""), row.get("UID", "")) for row in rows)

    def count(self, session: XnatSession) -> int:
        """Return how many DICOM files the scans of a session have."""
        if not self.scans(session):
            return 0
        return sum_of_files(self._http.rows(f"{_root(session)}/scans/ALL/resources"))

    def document(self, session: XnatSession) -> bytes:
        """Return the XML that XNAT keeps of a session."""
        return self._http.ask(XnatRequest("GET", _root(session), {"format": "xml"}))

    def download(self, session: XnatSession, folder: Path, *, most_bytes: int) -> list[DownloadedFile]:
        """Download all files of a session's scans into a folder.

        Raises
        ------
        ArchiveUnavailable
            The ZIP came damaged.
        ArchiveRefused
            It is larger than expected: nothing like it was sent.
        """
        zipped = folder / "session.zip"
        request = XnatRequest("GET", f"{_root(session)}/scans/ALL/files", {"format": "zip"}, patient=True)
        with self._http.streamed(request) as answer, zipped.open("wb") as out:
            size = 0
            for piece in answer.pieces(_PIECE):
                size += len(piece)
                _stop_at(size, most_bytes)
                out.write(piece)
        try:
            return unpacked(zipped, folder, most_bytes=most_bytes)
        finally:
            zipped.unlink()

    def attach(self, session: XnatSession, resource: str, name: str, content: bytes) -> None:
        """Store a file in a resource of a session, in the place of one of the same name."""
        root = f"{_root(session)}{path_of('resources', resource)}"
        try:
            self._http.ask(XnatRequest("PUT", root))
        except ArchiveRefused as error:
            if error.status != _CONFLICT:
                raise
        query = {"inbody": "true", "overwrite": "true"}
        kind = "application/octet-stream"
        path = root + path_of("files", name)
        self._http.ask(XnatRequest("PUT", path, query, body=content, content_type=kind))

    def attached(self, session: XnatSession, resource: str, name: str) -> bytes:
        """Return a file of a resource of a session."""
        path = f"{_root(session)}{path_of('resources', resource, 'files', name)}"
        return self._http.ask(XnatRequest("GET", path))

    def _fields(self, path: str) -> dict[str, Any] | None:
        item = self._item(path)
        return None if item is None else dict(item.get("data_fields", {}))

    def _item(self, path: str) -> dict[str, Any] | None:
        """Return an object, None when there is none."""
        try:
            read = self._http.json(path, {"format": "json"})
        except NotFound:
            return None
        try:
            return dict(read["items"][0])
        except (KeyError, IndexError, TypeError, ValueError):
            raise ArchiveRefused(
                f"XNAT answered {path} with something else than expected: check its address in the settings.",
                archive=ARCHIVE,
            ) from None


def unpacked(zipped: Path, folder: Path, *, most_bytes: int) -> list[DownloadedFile]:
    """Unpack the files of a ZIP into a folder, under names of our own: none in it leads anywhere.

    Parameters
    ----------
    most_bytes
        All files together may have so many.

    Raises
    ------
    ArchiveUnavailable
        It is damaged.
    ArchiveRefused
        It holds more.
    """
    found = []
    left = most_bytes
    try:
        with zipfile.ZipFile(zipped) as packed:
            for number, info in enumerate(one for one in packed.infolist() if not one.is_dir()):
                target = folder / f"{number:06d}.dcm"
                with packed.open(info) as content, target.open("xb") as out:
                    left -= _copied(content, out, left)
                found.append(DownloadedFile(target, info.filename))
    except _BROKEN as error:
        raise ArchiveUnavailable(
            f"XNAT sent a ZIP that cannot be read ({type(error).__name__}).", archive=ARCHIVE
        ) from None
    return found


def _copied(content: IO[bytes], out: IO[bytes], most: int) -> int:
    """Return how many bytes were copied."""
    size = 0
    while piece := content.read(_PIECE):
        size += len(piece)
        _stop_at(size, most)
        out.write(piece)
    return size


def _stop_at(size: int, most: int) -> None:
    if size > most:
        raise ArchiveRefused(
            f"XNAT sends more than {most} bytes of a session: much more than was sent there.", archive=ARCHIVE
        )


def _root(session: XnatSession) -> str:
    return path_of("data", "experiments", session.accession)
