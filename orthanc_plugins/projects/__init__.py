"""Projects of de-identification as an installation has them: keys, settings, and whether they can be used.

Public: `Custodian` (what is kept for projects in one folder: keys, registers, the way back, the head of the
audit trail), `Deidentification` (the projects of the settings, and why one cannot be used), `XnatAccess`,
`release_id_of` and `release_id_of_job`, `reading_by`, `SUITE`.

Light, for Orthanc's process.

Decisions
---------
2026-11-30  Keys and registers are made when somebody asks for it (`pacs project create`), opened by whoever
            works with them, and never made anew in place of something lost: every patient would get a second
            pseudonym.
2026-11-30  Whether a project is ready is found out by doing what its job does first, and changes nothing.
"""

from orthanc_plugins.projects.custodian import SUITE, Custodian, reading_by, release_id_of, release_id_of_job
from orthanc_plugins.projects.deidentification import Deidentification
from orthanc_plugins.projects.xnat_access import XnatAccess

__all__ = [
    "SUITE",
    "Custodian",
    "Deidentification",
    "XnatAccess",
    "reading_by",
    "release_id_of",
    "release_id_of_job",
]
