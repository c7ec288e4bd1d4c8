"""XNAT's import service and its prearchive, where what was sent waits until it is archived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.xnat_http import ARCHIVE, XnatRequest, path_of, said
from orthanc_plugins.archives.xnat_records import WaitingSession
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orthanc_plugins.archives.xnat_http import XnatHttp

UNASSIGNED = "Unassigned"
"""Where XNAT keeps what came by C-STORE and names no project."""
_HELD = ("DICOM", "secondary")
_POLLS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""How long is waited between looks at the prearchive; the last one from then on."""


class XnatPrearchive:
    """The prearchive over one connection; methods raise ArchiveUnavailable, NotFound or ArchiveRefused."""

    def __init__(self, http: XnatHttp) -> None:
        self._http = http

    def import_zip(self, zipped: Path, *, project: str, subject: str, session: str) -> tuple[str, ...]:
        """Send a ZIP of DICOM files into a project's prearchive; return where its sessions are.

        It is sent once. Whoever gets an error does not know whether it arrived, and must look (`waiting`).
        """
        self._http.log_in()
        query = {
            "import-handler": "DICOM-zip",
            "inbody": "true",
            "dest": f"/prearchive/projects/{project}",
            "project": project,
            "subject": subject,
            "session": session,
            "overwrite": "append",
        }
        request = XnatRequest(
            "POST",
            "/data/services/import",
            query,
            file=zipped,
            content_type="application/zip",
            patient=True,
        )
        return _uris(self._http.ask(request))

    def waiting(
        self, project: str, *, study_uid: str | None = None, label: str | None = None
    ) -> tuple[WaitingSession, ...]:
        """Return what waits in a project's prearchive, of one study or label if they are given."""
        rows = self._http.rows(path_of("data", "prearchive", "projects", project))
        return tuple(
            one
            for one in map(_waiting, rows)
            if study_uid in {None, one.study_uid} and label in {None, one.label}
        )

    def unassigned(self, study_uid: str) -> tuple[WaitingSession, ...]:
        """Return what waits of a study without a project; nothing where only administrators may know."""
        try:
            return self.waiting(UNASSIGNED, study_uid=study_uid)
        except ArchiveRefused:
            return ()

    def settled(
        self, project: str, study_uid: str, *, deadline_s: float, quiet_s: float, unassigned: bool = False
    ) -> tuple[WaitingSession, ...]:
        """Return what waits of a study, once XNAT does nothing with it any more.

        Parameters
        ----------
        deadline_s
            So long it is waited for what is in work.
        quiet_s
            What is in reception and has not changed for so long is taken as left behind.
        unassigned
            Look among sessions without a project, too.

        Raises
        ------
        ArchiveUnavailable
            XNAT still works on it.
        """
        begun_s = self._http.clocks.seconds()
        seen: dict[tuple[str, str, str], float] = {}
        looks = 0
        while True:
            rows = self.waiting(project, study_uid=study_uid)
            rows += self.unassigned(study_uid) if unassigned else ()
            now_s = self._http.clocks.seconds()
            busy = []
            for row in rows:
                since_s = seen.setdefault((row.path, row.status, row.changed), now_s)
                if row.is_in_work or (row.is_receiving and now_s - since_s < quiet_s):
                    busy.append(row.status)
            if not busy:
                return rows
            if now_s - begun_s >= deadline_s:
                raise ArchiveUnavailable(
                    f"XNAT still works on study {study_uid} in its prearchive ({busy[0]}); what it has is "
                    "looked at again the next time.",
                    archive=ARCHIVE,
                )
            self._http.clocks.sleep(_POLLS_S[min(looks, len(_POLLS_S) - 1)])
            looks += 1

    def count(self, row: WaitingSession) -> int:
        """Return how many DICOM files a session of the prearchive has, in all of its scans."""
        root = f"/data{row.path}/scans"
        total = 0
        try:
            scans = [one.get("ID", "") for one in self._http.rows(root)]
        except NotFound:
            return 0  # it was never built, or is gone
        for scan in filter(None, scans):
            resources = self._http.rows(root + path_of(scan, "resources"))
            total += sum_of_files(resources)
        return total

    def kinds(self, row: WaitingSession) -> frozenset[str]:
        """Return the kinds of a session's scans, such as ``xnat:ctScanData``."""
        return frozenset(one.get("xsiType", "") for one in self._http.rows(f"/data{row.path}/scans"))

    def build(self, row: WaitingSession) -> None:
        """Have a session built of what has been received."""
        self._http.ask(XnatRequest("POST", f"/data{row.path}", {"action": "build"}, patient=True))

    def why(self, row: WaitingSession) -> str:
        """Return what XNAT's log says last of a session, where it is one of the texts that hold no value."""
        try:
            return said(self._http.text(f"/data{row.path}/logs/last"))
        except NotFound:
            return "it is gone"

    def delete(self, row: WaitingSession) -> None:
        """Delete a session that is not archived; one that is gone already is fine."""
        try:
            self._http.ask(XnatRequest("DELETE", f"/data{row.path}"))
        except NotFound:
            return

    def archive(
        self, row: WaitingSession, *, project: str, subject: str, session: str, replaces_files: bool = False
    ) -> str:
        """Archive a session under some labels, beside what is there of it; return where it is.

        It is asked once: an error of time-out leaves XNAT at work.

        Parameters
        ----------
        replaces_files
            Whether a file that is there already may be written over.
        """
        form = {
            "src": row.path,
            "project": project,
            "subject": subject,
            "session": session,
            "overwrite": "append",
            "auto-archive": "false",
            "triggerPipelines": "false",
            **({"overwrite_files": "true"} if replaces_files else {}),
        }
        uris = _uris(self._http.ask(XnatRequest("POST", "/data/services/archive", form=form, patient=True)))
        return uris[0] if uris else ""


def sum_of_files(resources: Sequence[Mapping[str, str]]) -> int:
    """Return how many files the resources of DICOM files have; only both together hold all.

    >>> sum_of_files([{"label": "DICOM", "file_count": "2"}, {"label": "secondary", "file_count": "1"}])
    3
    >>> sum_of_files([{"label": "SNAPSHOTS", "file_count": "2"}, {"label": "DICOM", "file_count": ""}])
    0
    """
    counts = (one.get("file_count", "") for one in resources if one.get("label") in _HELD)
    return sum(int(count) for count in counts if count.isdigit())


def _waiting(row: Mapping[str, str]) -> WaitingSession:
    return WaitingSession(
        project=row.get("project", ""),
        label=row.get("name", ""),
        path=row.get("url", ""),
        study_uid=row.get("tag", ""),
        status=row.get("status", ""),
        changed=row.get("lastmod", ""),
    )


def _uris(content: bytes) -> tuple[str, ...]:
    """Return the addresses of a list of them (RFC 2483)."""
    return tuple(line.strip() for line in content.decode("utf-8", "replace").splitlines() if line.strip())
