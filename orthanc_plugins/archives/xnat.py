"""XNAT, as the suite uses it: its projects and scripts, its import and prearchive, its sessions.

Read of XNAT 1.8 to 1.10; where versions differ, the way that all of them have is taken.

Decisions
---------
2026-11-30  An import is sent once, and archiving is asked for once: a proxy answers 504 after 100 seconds,
            and XNAT itself 500 after 600, while the work goes on. Who asked looks what is there, and only
            then does anything again.
2026-11-30  Always ``dest=/prearchive/projects/P``, then the archive service: without ``dest`` a session stays
            in reception for five minutes, and into the archive directly it takes longer than proxies wait.
2026-11-30  A refusal is told in XNAT's words only where these are known to hold no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from orthanc_plugins.archives.xnat_http import ARCHIVE
from orthanc_plugins.archives.xnat_prearchive import XnatPrearchive
from orthanc_plugins.archives.xnat_projects import XnatProjects
from orthanc_plugins.archives.xnat_sessions import XnatSessions
from orthanc_plugins.errors import ArchiveRefused

if TYPE_CHECKING:
    from orthanc_plugins.archives.xnat_http import XnatHttp


class Xnat:
    """One XNAT; may be used by several threads. Leaving it as a context logs out.

    Parameters
    ----------
    http
        The connection to its site, as one user.
    """

    def __init__(self, http: XnatHttp) -> None:
        self.http = http
        self.projects = XnatProjects(self.http)
        self.prearchive = XnatPrearchive(self.http)
        self.sessions = XnatSessions(self.http)

    @property
    def url(self) -> str:
        """Root of the site."""
        return self.http.url

    def version(self) -> str:
        """Return which XNAT it is, such as ``1.9.3``."""
        told = self.http.json("/xapi/siteConfig/buildInfo")
        version = told.get("version") if isinstance(told, dict) else None
        if not isinstance(version, str):
            raise ArchiveRefused(
                "XNAT tells no version of itself: check its address in the settings.", archive=ARCHIVE
            )
        return version

    def close(self) -> None:
        """Log out."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
