"""Anonymisation scripts of the site and of projects, and their application to files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from xnat_standin.dicomedit.language import DicomEditError, RejectedError
from xnat_standin.dicomedit.script import Script

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from xnat_standin.database import Database
    from xnat_standin.preferences import Preferences

SITE = "site"
"""The scope of the site's script; others are named for their project, with ``project:`` before it."""
DEFAULT_SITE_SCRIPT = """\
version "6.1"
project != "Unassigned" ? (0008,1030) := project
(0010,0010) := subject
(0010,0020) := session
"""
"""What XNAT ships: a relabelling, no de-identification."""


def project_scope(project: str) -> str:
    """Return the scope of a project's script."""
    return f"project:{project}"


class Scripts:
    """The scripts, each version kept with its number, and whether they are on."""

    def __init__(self, database: Database, preferences: Preferences, supported: tuple[int, int]) -> None:
        self._database = database
        self._preferences = preferences
        self._supported = supported
        if self.newest(SITE) is None:
            self.store(SITE, DEFAULT_SITE_SCRIPT, "admin")

    def store(self, scope: str, body: str, user: str) -> int:
        """Keep a script as the newest of its scope; its number (the configuration's id)."""
        return self._database.run(
            "INSERT INTO scripts (scope, body, user, created) VALUES (?, ?, ?, ?)",
            *(scope, body, user, time.time()),
        )

    def newest(self, scope: str) -> sqlite3.Row | None:
        """Return the script of a scope."""
        return self._database.row("SELECT * FROM scripts WHERE scope = ? ORDER BY id DESC", scope)

    def is_enabled(self, scope: str) -> bool:
        """Return whether a scope's script is on; a project's is off until it is switched on."""
        if scope == SITE:
            return self._preferences.is_on("enableSitewideAnonymizationScript")
        row = self._database.row("SELECT enabled FROM script_status WHERE scope = ?", scope)
        return bool(row and row["enabled"])

    def enable(self, scope: str, *, enabled: bool) -> None:
        """Switch a scope's script on or off."""
        if scope == SITE:
            self._preferences.change({"enableSitewideAnonymizationScript": enabled})
        else:
            self._database.run("INSERT OR REPLACE INTO script_status VALUES (?, ?)", scope, enabled)

    def apply(self, scope: str, path: Path, variables: dict[str, str]) -> bool:
        """Change a file as a scope's script says, when it is on; False when the script drops the file.

        Raises
        ------
        DicomEditError
            The script cannot be read or carried out; the file is as it was.
        """
        script = self.newest(scope) if self.is_enabled(scope) else None
        if script is None:
            return True
        dataset = dcmread(path)
        try:
            Script(script["body"], self._supported).apply(dataset, variables)
        except RejectedError:
            return False
        _record(dataset, script["id"])
        try:
            dataset.save_as(path, enforce_file_format=True)
        except (ValueError, TypeError, AttributeError) as error:
            raise DicomEditError(
                f"what the script leaves is no DICOM file ({type(error).__name__})"
            ) from None
        return True


def _record(dataset: Dataset, number: int) -> None:
    """Add to DeidentificationMethodCodeSequence (0012,0064) which script has run."""
    item = Dataset()
    item.CodeValue = str(number)
    item.CodingSchemeDesignator = "XNAT"
    item.CodingSchemeVersion = "1.0"
    item.CodeMeaning = "XNAT DicomEdit 6 Script"
    before = list(dataset.get("DeidentificationMethodCodeSequence") or [])
    dataset.DeidentificationMethodCodeSequence = Sequence([*before, item])
