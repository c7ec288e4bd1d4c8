"""The prearchive: sessions that came in and are not archived yet, a row and a folder for each."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xnat_standin.document import SessionDocument, build_document
from xnat_standin.header import in_path
from xnat_standin.kinds import resource_label

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from pathlib import Path

    from xnat_standin.database import Database
    from xnat_standin.header import Header

UNASSIGNED = "Unassigned"
_CLOSED = ("ARCHIVING", "_ARCHIVING", "MOVING", "_MOVING", "DELETING", "_DELETING")
"""What new data does not reopen: a second row is opened beside it."""


@dataclass(frozen=True)
class Identity:
    """What a session in reception is found by, and how it is to be treated."""

    project: str | None
    study_uid: str
    label: str
    subject: str
    autoarchive: str = ""
    prevent_anon: bool = False
    prevent_auto_commit: bool = False
    source: str = ""
    visit: str = ""
    timezone: str = ""


def url_of(row: sqlite3.Row) -> str:
    """Return the address of a row, without ``/data``."""
    return f"/prearchive/projects/{row['project'] or UNASSIGNED}/{row['timestamp']}/{row['folder']}"


class Prearchive:
    """Rows in the database, files below a folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._lock = threading.Lock()

    def rows(self, project: str | None = None, tag: str | None = None) -> list[sqlite3.Row]:
        """Return the rows of all projects or one, of all studies or one."""
        return self._database.rows(
            "SELECT * FROM prearchive WHERE (?1 IS NULL OR coalesce(project, 'Unassigned') = ?1)"
            " AND (?2 IS NULL OR tag = ?2) ORDER BY pk",
            *(project, tag),
        )

    def find(self, project: str, timestamp: str, folder: str) -> sqlite3.Row | None:
        """Return the row of an address."""
        return self._database.row(
            "SELECT * FROM prearchive WHERE coalesce(project, 'Unassigned') = ? AND timestamp = ?"
            " AND folder = ?",
            *(project, timestamp, folder),
        )

    def get(self, pk: int) -> sqlite3.Row | None:
        """Return a row by its number."""
        return self._database.row("SELECT * FROM prearchive WHERE pk = ?", pk)

    def open(self, identity: Identity, *, anew: bool = False) -> int:
        """Return the row that files of a session go to: one in reception, one reopened, or a new one."""
        with self._lock:
            rows = self._database.rows(
                "SELECT pk, status FROM prearchive WHERE project IS ? AND tag = ? AND name = ?"
                " ORDER BY pk DESC",
                *(identity.project, identity.study_uid, identity.label),
            )
            row = next((one for one in rows if one["status"] not in _CLOSED), None)
            if row is None or anew:
                return self._insert(identity)
            building = row["status"] in {"BUILDING", "_BUILDING"}
            self.set_status(row["pk"], "RECEIVING_INTERRUPT" if building else "RECEIVING")
            return int(row["pk"])

    def _insert(self, identity: Identity) -> int:
        now = time.time()
        stamp = datetime.fromtimestamp(now, UTC)
        while True:
            timestamp = stamp.strftime("%Y%m%d_%H%M%S") + f"{stamp.microsecond // 1000:03d}"
            if not self._database.row("SELECT 1 FROM prearchive WHERE timestamp = ?", timestamp):
                break
            now += 0.001
            stamp = datetime.fromtimestamp(now, UTC)
        return self._database.run(
            "INSERT INTO prearchive (project, timestamp, folder, name, subject, tag, status, lastmod,"
            " uploaded, autoarchive, prevent_anon, prevent_auto_commit, source, visit, timezone)"
            " VALUES (?, ?, ?, ?, ?, ?, 'RECEIVING', ?, ?, ?, ?, ?, ?, ?, ?)",
            *(identity.project, timestamp, identity.label, identity.label, identity.subject),
            *(identity.study_uid, now, now, identity.autoarchive, identity.prevent_anon),
            *(identity.prevent_auto_commit, identity.source, identity.visit, identity.timezone),
        )

    def folder_of(self, row: sqlite3.Row) -> Path:
        """Return where the files of a row lie."""
        project, timestamp, folder = row["project"] or UNASSIGNED, row["timestamp"], row["folder"]
        return self._folder.joinpath(str(project), str(timestamp), str(folder))

    def add(self, pk: int, header: Header, file: Path) -> Path:
        """Move a file into a row's folder; one of the same name there is replaced."""
        row = self.get(pk)
        assert row is not None
        scan = self._scan_of(self.folder_of(row) / "SCANS", header)
        target = scan / resource_label(header.sop_class) / header.file_name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)  # noqa: PTH105 - over whatever is there, on every system
        self._database.run("UPDATE prearchive SET lastmod = ? WHERE pk = ?", time.time(), pk)
        return target

    @staticmethod
    def _scan_of(scans: Path, header: Header) -> Path:
        """Return the folder of a series; of two with one number the second gets a name of its own."""
        number, count = scans / header.scan, 0
        while True:
            mark = number / ".series"
            if not number.exists():
                number.mkdir(parents=True)
                mark.write_text(header.series_uid, encoding="ascii")
            if mark.read_text(encoding="ascii") == header.series_uid:
                return number
            count += 1
            number = scans / f"{header.scan}-{in_path(header.modality) or 'OT'}{count}"

    def build(self, pk: int) -> SessionDocument | None:
        """Read a row's files into its session document; the row is READY, or ERROR when there are none."""
        self.set_status(pk, "BUILDING")
        row = self.get(pk)
        assert row is not None
        document = build_document(self.folder_of(row))
        if document is None:
            self.set_status(pk, "ERROR", "No DICOM files were found in the session.")
            return None
        self._database.run("UPDATE prearchive SET document = ? WHERE pk = ?", document.to_json(), pk)
        interrupted = (self.get(pk) or row)["status"] == "RECEIVING_INTERRUPT"
        self.set_status(pk, "RECEIVING" if interrupted else "READY")
        return document

    def document(self, row: sqlite3.Row) -> SessionDocument | None:
        """Return the session document of a row; None when it was not built."""
        return SessionDocument.from_json(row["document"]) if row["document"] else None

    def claim(self, pk: int, status: str, *, unless: Collection[str]) -> bool:
        """Set a row's status unless it has one of some; whether it was set. One caller of many gets it."""
        with self._lock:
            row = self.get(pk)
            if row is None or row["status"] in unless:
                return False
            self.set_status(pk, status)
            return True

    def recover(self) -> None:
        """Build again what was being worked on when the site went down."""
        for row in self.rows():
            if row["status"] in {*_CLOSED, "BUILDING", "_BUILDING"}:
                self.build(row["pk"])

    def set_status(self, pk: int, status: str, log: str = "") -> None:
        """Set a row's status, and say why in its log."""
        line = f"{log}\n" if log else ""
        self._database.run(
            "UPDATE prearchive SET status = ?, log = log || ?, lastmod = ? WHERE pk = ?",
            *(status, line, time.time(), pk),
        )

    def move(self, pk: int, project: str) -> None:
        """Give a row to another project."""
        row = self.get(pk)
        assert row is not None
        source = self.folder_of(row)
        target = self._folder / project / row["timestamp"] / row["folder"]
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.exists():
            shutil.move(source, target)
        self._database.run(
            "UPDATE prearchive SET project = ?, lastmod = ? WHERE pk = ?", project, time.time(), pk
        )

    def forget(self, pk: int) -> None:
        """Delete a row and its files."""
        row = self.get(pk)
        if row is None:
            return
        folder = self.folder_of(row)
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()
        self._database.run("DELETE FROM prearchive WHERE pk = ?", pk)
