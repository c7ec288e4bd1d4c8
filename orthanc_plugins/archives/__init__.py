"""The archives the suite talks to.

What it is for: one client per kind of archive; each turns its library's errors into ``ArchiveError``
(``ArchiveUnavailable``: try again, ``ArchiveRefused``: do not).

Public: ``OrthancRest`` and its records, all of Orthanc that the suite uses; ``OrthancArchive``, Orthanc by
the protocol of ``base`` that both archives keep to.

Decisions
---------
2026-11: Orthanc is reached by HTTP even from inside its own process: the in-process calls lose the
    status and the text of a failure, and the same client then serves plugin and worker.
2026-11: proxies of the environment are ignored: archives are on the hospital's own network.
"""

from orthanc_plugins.archives.orthanc_archive import OrthancArchive
from orthanc_plugins.archives.orthanc_records import (
    Change,
    Changes,
    InstanceRecord,
    OrthancStatistics,
    SeriesRecord,
    StoredFile,
    StoredInstance,
    StudyRecord,
    UploadOutcome,
)
from orthanc_plugins.archives.orthanc_rest import Order, OrthancRest

__all__ = [
    "Change",
    "Changes",
    "InstanceRecord",
    "Order",
    "OrthancArchive",
    "OrthancRest",
    "OrthancStatistics",
    "SeriesRecord",
    "StoredFile",
    "StoredInstance",
    "StudyRecord",
    "UploadOutcome",
]
