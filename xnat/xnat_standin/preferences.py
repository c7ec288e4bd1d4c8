"""The site's preferences, as far as something here depends on them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xnat_standin.database import Database

_DEFAULTS: dict[str, Any] = {
    "siteId": "XNAT",
    "siteUrl": "",
    "adminEmail": "",
    "initialized": False,
    "requireLogin": True,
    "enableCsrfToken": True,
    "enableSitewideAnonymizationScript": True,
    "sessionXmlRebuilderInterval": 5,
    "sessionXmlRebuilderRepeat": 60000,
    "sessionArchiveTimeoutInterval": 600,
    "sessionTimeout": "15 minutes",
    "concurrentMaxSessions": 1000,
    "aliasTokenTimeout": "2 days",
    "defaultProjectAutoArchiveSetting": 4,
    "uiDefaultCompressedUploaderImporter": "DICOM-zip",
    "receivedFileUser": "admin",
    "preventCrossModalityMerge": True,
    "useSopInstanceUidToUniquelyIdentifyDicom": True,
    "separateSecondaryDicomOnArchive": True,
    "maxFailedLogins": -1,
    "maxFailedLoginsLockoutDuration": "1 hour",
}


class Preferences:
    """What ``/xapi/siteConfig`` shows and changes; a name that is not known is kept, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, Any]:
        """Return all of them."""
        kept = self._database.rows("SELECT name, value FROM preferences")
        return _DEFAULTS | {row["name"]: json.loads(row["value"]) for row in kept}

    def get(self, name: str) -> Any:
        """Return one; None when there is none of this name."""
        row = self._database.row("SELECT value FROM preferences WHERE name = ?", name)
        return json.loads(row["value"]) if row else _DEFAULTS.get(name)

    def is_on(self, name: str) -> bool:
        """Return whether a preference is true."""
        return str(self.get(name)).lower() == "true"

    def change(self, values: Mapping[str, Any]) -> None:
        """Change some of them."""
        with self._database.transaction():
            for name, value in values.items():
                self._database.run(
                    "INSERT OR REPLACE INTO preferences VALUES (?, ?)", name, json.dumps(value)
                )
