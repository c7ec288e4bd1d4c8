"""Archives of the researchers', where released studies go, as a project's settings tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.dcm4chee import Dcm4cheeArchive
from orthanc_plugins.archives.orthanc_archive import OrthancArchive
from orthanc_plugins.archives.orthanc_rest import OrthancRest
from orthanc_plugins.archives.tokens import BasicCredentials

if TYPE_CHECKING:
    from orthanc_plugins.archives.base import Archive
    from orthanc_plugins.rules import ProjectDestination


def archive_of(choice: ProjectDestination) -> Archive:
    """Return the archive that a project's studies go to, which the caller closes."""
    url = str(choice.url).rstrip("/")
    password = "" if choice.password is None else choice.password.get_secret_value()
    if choice.kind == "orthanc":
        credentials = None if choice.username is None else (choice.username, password)
        rest = OrthancRest(url, timeout_s=choice.timeout_s, credentials=credentials, ca_file=choice.ca_file)
        return OrthancArchive(rest)
    user = None if choice.username is None else BasicCredentials(choice.username, password)
    return Dcm4cheeArchive(url, credentials=user, ca_file=choice.ca_file, timeout_s=choice.timeout_s)
