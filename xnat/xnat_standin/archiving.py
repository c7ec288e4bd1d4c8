"""From the prearchive into the archive: what is checked, merged, anonymised and moved."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from xnat_standin.answers import RefusedError, bad_request, conflict, forbidden, not_found
from xnat_standin.archive import clean_label
from xnat_standin.dicomedit.language import DicomEditError
from xnat_standin.scripts import project_scope

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from xnat_standin.archive import Archive
    from xnat_standin.document import ScanDocument, SessionDocument
    from xnat_standin.faults import Faults
    from xnat_standin.prearchive import Prearchive
    from xnat_standin.preferences import Preferences
    from xnat_standin.scripts import Scripts

_BUSY = {"ARCHIVING", "_ARCHIVING", "MOVING", "DELETING", "BUILDING"}
_FAIL, _CONFLICT, _WARNING = "FAIL", "CONFLICT", "WARNING"


@dataclass(frozen=True)
class Wanted:
    """Where a session is to be archived and what may be overwritten; None is as the prearchive has it."""

    project: str | None = None
    subject: str | None = None
    session: str | None = None
    overwrite: str = "none"
    overwrite_files: bool = False

    @property
    def replaces(self) -> bool:
        """Whether a session that is there may be replaced."""
        return self.overwrite in {"delete", "override"}


@dataclass(frozen=True)
class Problem:
    """What speaks against archiving, as ``validate-archive`` tells it."""

    code: int
    type: str
    message: str


@dataclass(frozen=True)
class _Goal:
    """Where a session goes."""

    project: str
    subject_label: str
    label: str
    subject: sqlite3.Row | None
    experiment: sqlite3.Row | None


@dataclass(frozen=True)
class Parts:
    """What archiving works with."""

    archive: Archive
    prearchive: Prearchive
    scripts: Scripts
    preferences: Preferences
    faults: Faults


class Archiver:
    """Archives one session of the prearchive after the other."""

    def __init__(self, parts: Parts, timeout_s: float) -> None:
        self._parts = parts
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(4, "archiving")

    def close(self) -> None:
        """Wait for what is being archived."""
        self._pool.shutdown()

    def archive(self, row: sqlite3.Row, wanted: Wanted) -> str:
        """Return the address of the archived session, without ``/data``.

        Raises
        ------
        RefusedError
            403: it is being worked on. 409: it does not fit what is there. 500: a script failed, or it takes
            longer than the site's limit; it then goes on.
        """
        if not row["document"]:
            self._parts.prearchive.build(row["pk"])
        if not self._parts.prearchive.claim(row["pk"], "ARCHIVING", unless=_BUSY):
            raise forbidden("Operation already in progress on this prearchive entry.")
        work = self._pool.submit(self._archived, row["pk"], wanted)
        try:
            return work.result(self._timeout_s)
        except TimeoutError:
            seconds = f"{self._timeout_s:.0f}"
            raise RefusedError(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "The archive operation did not complete within the configured timeout interval"
                f" ({seconds} s).",
            ) from None

    def problems(self, row: sqlite3.Row, wanted: Wanted) -> list[Problem]:
        """Return what speaks against archiving a row."""
        document = self._parts.prearchive.document(row) or self._parts.prearchive.build(row["pk"])
        if document is None:
            return [Problem(13, _FAIL, "Unable to parse the session.")]
        try:
            goal = self._goal(row, wanted)
        except RefusedError as refused:
            return [Problem(3, _FAIL, refused.message)]
        found = self._against(goal, document, self._files(row), wanted)
        if goal.subject is None:
            found.append(Problem(12, _WARNING, "Archiving will create a new subject."))
        return found

    def _archived(self, pk: int, wanted: Wanted) -> str:
        if slow := self._parts.faults.take("slow_archive"):
            time.sleep(slow.delay_s)
        try:
            with self._lock:
                return self._carry_out(pk, wanted)
        except RefusedError as refused:
            status = "CONFLICT" if refused.status == HTTPStatus.CONFLICT else "ERROR"
            self._parts.prearchive.set_status(pk, status, refused.message)
            raise

    def _carry_out(self, pk: int, wanted: Wanted) -> str:
        row = self._parts.prearchive.get(pk)
        if row is None:
            raise not_found("The prearchive session is gone.")
        document = self._parts.prearchive.document(row)
        if document is None:
            raise bad_request("Unable to parse the session.")
        goal = self._goal(row, wanted)
        for problem in self._against(goal, document, self._files(row), wanted):
            if problem.type != _WARNING:
                raise conflict(problem.message)
        self._anonymise(row, goal)
        experiment = self._experiment(goal, document, wanted)
        self._move(row, experiment, document)
        self._spoil(experiment)
        self._parts.prearchive.forget(pk)
        subject = self._parts.archive.subject(None, experiment["subject"])
        label = subject["label"] if subject else goal.subject_label
        return f"/archive/projects/{goal.project}/subjects/{label}/experiments/{experiment['label']}"

    def _goal(self, row: sqlite3.Row, wanted: Wanted) -> _Goal:
        project = wanted.project or row["project"]
        if not project or self._parts.archive.project(project) is None:
            raise not_found("The session has no project that exists.")
        subject = clean_label(wanted.subject or row["subject"])
        label = clean_label(wanted.session or row["name"])
        if not subject or not label:
            raise bad_request("The session has no subject or no label.")
        return _Goal(
            project,
            subject,
            label,
            self._parts.archive.subject(project, subject),
            self._parts.archive.experiment(project, label),
        )

    def _against(
        self, goal: _Goal, document: SessionDocument, files: list[Path], wanted: Wanted
    ) -> list[Problem]:
        """Return what speaks against a merge; nothing does when there is no session of this label yet."""
        there = goal.experiment
        if there is None:
            return []
        found = []
        if goal.subject is None or there["subject"] != goal.subject["id"]:
            found.append(Problem(4, _FAIL, "Invalid modification of session subject via archive process."))
        if self._parts.preferences.is_on("preventCrossModalityMerge") and (
            there["xsi_type"] != document.xsi_type
        ):
            found.append(Problem(19, _FAIL, "Invalid modification of session modality via archive process."))
        if wanted.overwrite in {"", "none"}:
            found.append(Problem(1, _CONFLICT, "Session already exists, retry with overwrite enabled"))
        if there["uid"] and there["uid"] != document.uid and not wanted.replaces:
            found.append(Problem(5, _CONFLICT, "Invalid modification of session UID via archive process."))
        if not wanted.overwrite_files and not wanted.replaces and self._has_same(there, document, files):
            found.append(Problem(14, _CONFLICT, "Session already exists with matching files."))
        return found

    def _has_same(self, there: sqlite3.Row, document: SessionDocument, files: list[Path]) -> bool:
        """Return whether a file of the same scan, resource and name is archived."""
        archive = self._parts.archive
        kept = {
            (scan["uid"], resource["label"], file.name)
            for scan in archive.scans(there["id"])
            for resource in archive.resources(f"scan:{scan['pk']}")
            for file in archive.files(resource)
        }
        uids = {scan.id: scan.uid for scan in document.scans}
        return any(
            (uids.get(path.parents[1].name, ""), path.parent.name, path.name) in kept for path in files
        )

    def _files(self, row: sqlite3.Row) -> list[Path]:
        return sorted((self._parts.prearchive.folder_of(row) / "SCANS").rglob("*.dcm"))

    def _anonymise(self, row: sqlite3.Row, goal: _Goal) -> None:
        """Let the project's script change the files; what the session document says stays."""
        if row["prevent_anon"]:
            return
        variables = {"project": goal.project, "subject": goal.subject_label, "session": goal.label}
        files = self._files(row)
        for path in files:
            try:
                if not self._parts.scripts.apply(project_scope(goal.project), path, variables):
                    path.unlink()
            except DicomEditError as error:
                raise RefusedError(
                    HTTPStatus.INTERNAL_SERVER_ERROR, f"Anonymization failed: {error}"
                ) from error
        if files and not any(path.exists() for path in files):
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "All instances were rejected.")

    def _experiment(self, goal: _Goal, document: SessionDocument, wanted: Wanted) -> sqlite3.Row:
        """Return the experiment that takes the files: the one that is there, emptied when it is replaced."""
        archive = self._parts.archive
        if goal.experiment is not None and not wanted.replaces:
            return goal.experiment
        if goal.experiment is not None:
            archive.delete_experiment(goal.experiment)
        if goal.subject is None:
            archive.create_subject(goal.project, goal.subject_label, {})
        subject = archive.subject(goal.project, goal.subject_label)
        assert subject is not None
        fields = {
            "UID": document.uid,
            "date": document.date,
            "time": document.time,
            "dcmPatientId": document.dcm_patient_id,
            "dcmPatientName": document.dcm_patient_name,
        }
        archive.create_experiment(subject, goal.label, document.xsi_type, fields)
        experiment = archive.experiment(goal.project, goal.label)
        assert experiment is not None
        return experiment

    def _move(self, row: sqlite3.Row, experiment: sqlite3.Row, document: SessionDocument) -> None:
        scans = self._parts.prearchive.folder_of(row) / "SCANS"
        for one in document.scans:
            scan = self._scan(experiment, one)
            for source in sorted(path for path in (scans / one.id).iterdir() if path.is_dir()):
                self._move_resource(experiment, scan, source)

    def _scan(self, experiment: sqlite3.Row, document: ScanDocument) -> sqlite3.Row:
        """Return the scan of a series; another series of the same number is given a name of its own."""
        archive, name, count = self._parts.archive, document.id, 0
        while (there := archive.scan(experiment["id"], name)) is not None:
            if there["uid"] == document.uid:
                return there
            count += 1
            name = f"{document.id}-{document.modality or 'OT'}{count}"
        archive.create_scan(experiment["id"], replace(document, id=name))
        scan = archive.scan(experiment["id"], name)
        assert scan is not None
        return scan

    def _move_resource(self, experiment: sqlite3.Row, scan: sqlite3.Row, source: Path) -> None:
        archive, owner = self._parts.archive, f"scan:{scan['pk']}"
        if archive.resource(owner, source.name) is None:
            folder = f"{archive.session_folder(experiment)}/SCANS/{scan['id']}/{source.name}"
            archive.create_resource(owner, source.name, folder, {"format": "DICOM", "content": "RAW"})
        resource = archive.resource(owner, source.name)
        assert resource is not None
        target = archive.folder_of(resource)
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.glob("*.dcm")):
            os.replace(path, target / path.name)  # noqa: PTH105 - over whatever is there, on every system

    def _spoil(self, experiment: sqlite3.Row) -> None:
        """Lose or change files when a fault asks for it."""
        archive = self._parts.archive
        paths = [
            file.path
            for scan in archive.scans(experiment["id"])
            for resource in archive.resources(f"scan:{scan['pk']}")
            for file in archive.files(resource)
        ]
        if drop := self._parts.faults.take("drop"):
            for path in paths[: drop.count]:
                path.unlink()
            paths = paths[drop.count :]
        if alter := self._parts.faults.take("alter"):
            for path in paths[: alter.count]:
                content = path.read_bytes()
                path.write_bytes(content[:-1] + bytes([content[-1] ^ 0xFF]))
