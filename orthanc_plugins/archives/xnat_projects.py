"""XNAT's projects, and the anonymisation scripts of project and site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.xnat_http import ARCHIVE, XnatRequest, path_of
from orthanc_plugins.archives.xnat_records import XnatScript
from orthanc_plugins.errors import ArchiveRefused, NotFound

if TYPE_CHECKING:
    from orthanc_plugins.archives.xnat_http import XnatHttp

_MANUAL = "0"
"""PrearchiveCode: nothing is archived by itself, so nothing half-sent is."""
_FORBIDDEN = 403


class XnatProjects:
    """Projects over one connection; every method raises ArchiveUnavailable, NotFound or ArchiveRefused."""

    def __init__(self, http: XnatHttp) -> None:
        self._http = http

    def exists(self, project: str) -> bool:
        """Return whether the suite's user sees a project."""
        try:
            self._http.text(path_of("data", "projects", project), {"format": "json"})
        except NotFound:
            return False
        return True

    def ensure(self, project: str) -> None:
        """Have a project: private, and archiving nothing by itself. One that is there is left as it is."""
        if self.exists(project):
            return
        path = path_of("data", "projects", project)
        self._http.ask(XnatRequest("PUT", path, {"accessibility": "private"}))
        self._http.ask(XnatRequest("PUT", f"{path}/accessibility/private"))
        self._http.ask(XnatRequest("PUT", f"{path}/prearchive_code/{_MANUAL}"))

    def script(self, project: str) -> XnatScript:
        """Return a project's script and whether it is on."""
        enabled = self._enabled(path_of("xapi", "anonymize", "projects", project, "enabled"))
        return self._script(path_of("data", "config", "edit", "projects", project, "image", "dicom"), enabled)

    def site_script(self) -> XnatScript | None:
        """Return the site's script and whether it is on; None where only administrators may know."""
        try:
            enabled = self._enabled("/xapi/anonymize/site/enabled")
            return self._script("/data/config/edit/image/dicom", enabled)
        except ArchiveRefused as error:
            if error.status == _FORBIDDEN:
                return None
            raise

    def ensure_script(self, project: str, body: str) -> XnatScript:
        """Give a project a script unless it has it, switch it on, and return it as it is read back.

        Raises
        ------
        ArchiveRefused
            What is read back is another one, or off; or the suite's user does not own the project.
        """
        there = self.script(project)
        path = path_of("xapi", "anonymize", "projects", project)
        if not _same(there.body, body):
            self._http.ask(XnatRequest("PUT", path, body=body.encode(), content_type="text/plain"))
        if not _same(there.body, body) or not there.enabled:
            switch = XnatRequest(
                "PUT", f"{path}/enabled", {"enable": "true"}, content_type="application/json"
            )
            self._http.ask(switch)
            there = self.script(project)
        if not (there.enabled and there.number and _same(there.body, body)):
            raise ArchiveRefused(
                f"XNAT does not keep the anonymisation script of project {project}, or not switched on: look "
                "at the project's settings there.",
                archive=ARCHIVE,
            )
        return there

    def _enabled(self, path: str) -> bool:
        return self._http.json(path) is True

    def _script(self, path: str, enabled: bool) -> XnatScript:
        """Return a script with its number, which only the older interface tells."""
        try:
            rows = self._http.rows(f"{path}/script")
        except NotFound:
            rows = []
        if not rows:
            return XnatScript("", "", enabled=False)
        return XnatScript(rows[0].get("id", ""), rows[0].get("script", ""), enabled)


def _same(one: str, other: str) -> bool:
    """Return whether two scripts are one but for how lines end."""
    return one.split() == other.split()
