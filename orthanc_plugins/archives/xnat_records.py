"""What XNAT tells of its projects, its prearchive and its sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_IN_WORK = frozenset({"BUILDING", "ARCHIVING", "MOVING", "DELETING", "SEPARATING"})
_RECEIVING = frozenset({"RECEIVING", "RECEIVING_INTERRUPT"})
_FAILED = frozenset({"ERROR", "CONFLICT"})


@dataclass(frozen=True)
class XnatScript:
    """An anonymisation script of a project or of the site.

    Parameters
    ----------
    number
        The configuration's id, which XNAT writes into each object that the script has changed; empty where
        there is no script.
    """

    number: str
    body: str
    enabled: bool


@dataclass(frozen=True)
class WaitingSession:
    """A session of the prearchive: sent, and not archived.

    Parameters
    ----------
    path
        Where it is found, such as ``/prearchive/projects/P/20261130_101500123/S1``.
    study_uid
        Of its objects as they were received.
    changed
        When it last changed, as XNAT writes it; only good to be held against itself.
    """

    project: str
    label: str
    path: str
    study_uid: str
    status: str
    changed: str

    @property
    def is_in_work(self) -> bool:
        """Whether XNAT does something with it now, or is going to."""
        return self.status.startswith(("_", "QUEUED")) or self.status in _IN_WORK

    @property
    def is_receiving(self) -> bool:
        """Whether more may come, as far as XNAT knows."""
        return self.status in _RECEIVING

    @property
    def is_ready(self) -> bool:
        """Whether it can be archived."""
        return self.status == "READY"

    @property
    def has_failed(self) -> bool:
        """Whether it cannot be archived as it is; its log tells why."""
        return self.status in _FAILED


@dataclass(frozen=True)
class XnatSession:
    """A session in the archive.

    ``accession`` is XNAT's own ID of it (``XNAT_E00001``), ``subject`` that of its subject. ``study_uid`` is
    empty for one that was made without images.
    """

    accession: str
    project: str
    subject: str
    label: str
    study_uid: str
    kind: str


@dataclass(frozen=True)
class XnatScan:
    """A scan of a session: a series, in general."""

    scan: str
    kind: str
    series_uid: str


@dataclass(frozen=True)
class DownloadedFile:
    """A file out of a session's ZIP.

    Parameters
    ----------
    path
        Where it is now, under a name that XNAT has not chosen.
    name
        XNAT's own: ``E/scans/2-TYPE/resources/DICOM/files/x.dcm``.
    """

    path: Path
    name: str

    @property
    def resource(self) -> str:
        """The label of the resource that it is in, empty where the name tells none."""
        parts = self.name.split("/")
        return parts[parts.index("resources") + 1] if "resources" in parts[:-1] else ""
