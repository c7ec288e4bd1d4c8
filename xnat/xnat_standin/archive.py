"""The archive: projects, subjects, experiments, scans and resources; files lie below a folder."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from xnat_standin.database import Database
    from xnat_standin.document import ScanDocument

_PROJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadNameError(Exception):
    """An ID that XNAT does not take."""


class ClashError(Exception):
    """An ID or name that something else has already."""


class DeletedError(Exception):
    """The ID of a project that was there once."""


@dataclass(frozen=True)
class StoredFile:
    """A file of a resource."""

    name: str
    """Its path below the resource's folder."""
    path: Path
    size: int

    @property
    def digest(self) -> str:
        """MD5 of its content, as XNAT's catalogues have it."""
        return hashlib.md5(self.path.read_bytes(), usedforsecurity=False).hexdigest()


def clean_label(text: str) -> str:
    """Return a label with nothing in it that a path would not like.

    >>> clean_label("Doe^Jane 1.2")
    'Doe_Jane_1_2'
    """
    return re.sub(r"[^A-Za-z0-9_-]", "_", text.strip())


class Archive:
    """What is archived."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def create_project(self, project: str, fields: Mapping[str, str], code: int, owner: str) -> None:
        """Add a project.

        Raises
        ------
        BadNameError, ClashError, DeletedError
            The ID is none, is there already, or was.
        """
        if not _PROJECT_ID.fullmatch(project):
            raise BadNameError
        name, secondary = fields.get("name") or project, fields.get("secondary_ID") or project
        for row in self._database.rows("SELECT * FROM projects"):
            if row["id"] == project and row["deleted"]:
                raise DeletedError
            taken = {row["id"].lower(), row["name"].lower(), row["secondary_id"].lower()}
            if not row["deleted"] and taken & {project.lower(), name.lower(), secondary.lower()}:
                raise ClashError
        with self._database.transaction():
            self._database.run(
                "INSERT INTO projects (id, name, secondary_id, description, accessibility, prearchive_code)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                *(project, name, secondary, fields.get("description", "")),
                *(fields.get("accessibility", "private"), code),
            )
            self._database.run("INSERT INTO members VALUES (?, ?, 'Owners')", project, owner)

    def project(self, project: str) -> sqlite3.Row | None:
        """Return a project by its ID."""
        return self._database.row("SELECT * FROM projects WHERE id = ? AND NOT deleted", project)

    def project_named(self, text: str) -> str | None:
        """Return the ID of the project whose ID, title or secondary ID this is, whatever its case."""
        row = self._database.row(
            "SELECT id FROM projects WHERE NOT deleted AND lower(?) IN"
            " (lower(id), lower(name), lower(secondary_id))",
            text,
        )
        return str(row["id"]) if row else None

    def projects(self) -> list[sqlite3.Row]:
        """Return all projects."""
        return self._database.rows("SELECT * FROM projects WHERE NOT deleted ORDER BY id")

    def change_project(self, project: str, column: str, value: str | int) -> None:
        """Change a setting of a project."""
        assert column in {
            *("name", "secondary_id", "description", "accessibility", "prearchive_code", "quarantine_code"),
        }
        self._database.run(f"UPDATE projects SET {column} = ? WHERE id = ?", value, project)  # noqa: S608 - named above

    def role(self, project: str, user: str) -> str | None:
        """Return ``Owners``, ``Members`` or ``Collaborators``; None for who is none of them."""
        row = self._database.row("SELECT role FROM members WHERE project = ? AND user = ?", project, user)
        return str(row["role"]) if row else None

    def set_role(self, project: str, user: str, role: str) -> None:
        """Make a user an owner, member or collaborator of a project."""
        self._database.run("INSERT OR REPLACE INTO members VALUES (?, ?, ?)", project, user, role)

    def members(self, project: str) -> list[sqlite3.Row]:
        """Return who is in a project, and as what."""
        return self._database.rows("SELECT * FROM members WHERE project = ? ORDER BY user", project)

    def delete_project(self, project: str) -> None:
        """Delete a project with all it has; its ID is not given again."""
        for subject in self.subjects(project):
            self.delete_subject(subject)
        self._delete_resources(f"project:{project}")
        self._database.run("UPDATE projects SET deleted = 1 WHERE id = ?", project)
        shutil.rmtree(self._folder / project, ignore_errors=True)

    def subjects(self, project: str) -> list[sqlite3.Row]:
        """Return the subjects of a project."""
        return self._database.rows("SELECT * FROM subjects WHERE project = ? ORDER BY pk", project)

    def subject(self, project: str | None, key: str) -> sqlite3.Row | None:
        """Return a subject by its label, whatever its case, or its ID."""
        return self._database.row(
            "SELECT * FROM subjects WHERE (?1 IS NULL OR project = ?1)"
            " AND (id = ?2 OR (?1 IS NOT NULL AND lower(label) = lower(?2)))",
            *(project, key),
        )

    def create_subject(self, project: str, label: str, fields: Mapping[str, str]) -> str:
        """Return the ID of a new subject."""
        pk = self._database.run(
            "INSERT INTO subjects (project, label, fields) VALUES (?, ?, ?)",
            *(project, label, json.dumps(dict(fields))),
        )
        subject = f"XNAT_S{pk:05d}"
        self._database.run("UPDATE subjects SET id = ? WHERE pk = ?", subject, pk)
        return subject

    def delete_subject(self, subject: sqlite3.Row) -> None:
        """Delete a subject with all it has."""
        for experiment in self.experiments(subject["project"], subject["id"]):
            self.delete_experiment(experiment)
        self._delete_resources(f"subject:{subject['id']}")
        self._database.run("DELETE FROM subjects WHERE pk = ?", subject["pk"])

    def experiments(self, project: str, subject: str | None = None) -> list[sqlite3.Row]:
        """Return the experiments of a project, or of a subject in it."""
        return self._database.rows(
            "SELECT * FROM experiments WHERE project = ?1 AND (?2 IS NULL OR subject = ?2) ORDER BY pk",
            *(project, subject),
        )

    def experiment(self, project: str | None, key: str) -> sqlite3.Row | None:
        """Return an experiment by its ID, or within a project by its label."""
        return self._database.row(
            "SELECT * FROM experiments WHERE (?1 IS NULL OR project = ?1)"
            " AND (id = ?2 OR (?1 IS NOT NULL AND label = ?2))",
            *(project, key),
        )

    def create_experiment(
        self, subject: sqlite3.Row, label: str, xsi_type: str, fields: Mapping[str, str]
    ) -> str:
        """Return the ID of a new experiment."""
        pk = self._database.run(
            "INSERT INTO experiments (project, subject, label, xsi_type, uid, fields)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(subject["project"], subject["id"], label, xsi_type, fields.get("UID", "")),
            json.dumps(dict(fields)),
        )
        experiment = f"XNAT_E{pk:05d}"
        self._database.run("UPDATE experiments SET id = ? WHERE pk = ?", experiment, pk)
        return experiment

    def change_fields(self, table: str, pk: int, fields: Mapping[str, str]) -> None:
        """Change fields of a subject, experiment or scan."""
        assert table in {"subjects", "experiments", "scans"}
        row = self._database.row(f"SELECT fields FROM {table} WHERE pk = ?", pk)  # noqa: S608 - named above
        assert row is not None
        kept = json.dumps(json.loads(row["fields"]) | dict(fields))
        self._database.run(f"UPDATE {table} SET fields = ? WHERE pk = ?", kept, pk)  # noqa: S608 - named above

    def delete_experiment(self, experiment: sqlite3.Row) -> None:
        """Delete an experiment with all it has."""
        for scan in self.scans(experiment["id"]):
            self.delete_scan(scan)
        self._delete_resources(f"experiment:{experiment['id']}")
        self._database.run("DELETE FROM experiments WHERE pk = ?", experiment["pk"])
        shutil.rmtree(self._folder / self.session_folder(experiment), ignore_errors=True)

    @staticmethod
    def session_folder(experiment: sqlite3.Row) -> str:
        """Return where the files of a session lie, below the archive's folder."""
        return f"{experiment['project']}/arc001/{experiment['label']}"

    def scans(self, experiment: str) -> list[sqlite3.Row]:
        """Return the scans of an experiment."""
        return self._database.rows("SELECT * FROM scans WHERE experiment = ? ORDER BY pk", experiment)

    def scan(self, experiment: str, scan: str) -> sqlite3.Row | None:
        """Return a scan by its ID."""
        return self._database.row("SELECT * FROM scans WHERE experiment = ? AND id = ?", experiment, scan)

    def create_scan(self, experiment: str, document: ScanDocument) -> int:
        """Return the number of a new scan."""
        fields = {"type": document.type, "modality": document.modality, "frames": str(document.frames)}
        return self._database.run(
            "INSERT INTO scans (experiment, id, xsi_type, uid, fields) VALUES (?, ?, ?, ?, ?)",
            *(experiment, document.id, document.xsi_type, document.uid, json.dumps(fields)),
        )

    def delete_scan(self, scan: sqlite3.Row) -> None:
        """Delete a scan and its files."""
        self._delete_resources(f"scan:{scan['pk']}")
        self._database.run("DELETE FROM scans WHERE pk = ?", scan["pk"])

    def resources(self, owner: str) -> list[sqlite3.Row]:
        """Return the resources of ``project:…``, ``subject:…``, ``experiment:…`` or ``scan:…``."""
        return self._database.rows("SELECT * FROM resources WHERE owner = ? ORDER BY pk", owner)

    def resource(self, owner: str, key: str) -> sqlite3.Row | None:
        """Return a resource by its label or number."""
        return self._database.row(
            "SELECT * FROM resources WHERE owner = ?1 AND (label = ?2 OR CAST(pk AS TEXT) = ?2)", owner, key
        )

    def create_resource(self, owner: str, label: str, folder: str, fields: Mapping[str, str]) -> int:
        """Return the number of a new resource; its folder is below the archive's."""
        return self._database.run(
            "INSERT INTO resources (owner, label, folder, format, content, tags) VALUES (?, ?, ?, ?, ?, ?)",
            *(owner, label, folder, fields.get("format", ""), fields.get("content", "")),
            fields.get("tags", ""),
        )

    def describe_resource(self, resource: sqlite3.Row, fields: Mapping[str, str]) -> None:
        """Set format, content and tags, those that are given."""
        self._database.run(
            "UPDATE resources SET format = ?, content = ?, tags = ? WHERE pk = ?",
            *(fields.get(name, resource[name]) for name in ("format", "content", "tags")),
            resource["pk"],
        )

    def folder_of(self, resource: sqlite3.Row) -> Path:
        """Return where the files of a resource lie."""
        return self._folder / str(resource["folder"])

    def files(self, resource: sqlite3.Row) -> list[StoredFile]:
        """Return the files of a resource."""
        folder = self.folder_of(resource)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return [StoredFile(path.relative_to(folder).as_posix(), path, path.stat().st_size) for path in paths]

    def delete_resource(self, resource: sqlite3.Row) -> None:
        """Delete a resource and its files."""
        shutil.rmtree(self.folder_of(resource), ignore_errors=True)
        self._database.run("DELETE FROM resources WHERE pk = ?", resource["pk"])

    def _delete_resources(self, owner: str) -> None:
        for resource in self.resources(owner):
            self.delete_resource(resource)
