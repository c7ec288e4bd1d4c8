"""At which address an archive is asked, to notice that its inventory is of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orthanc_plugins.archives.base import ArchiveName

if TYPE_CHECKING:
    from orthanc_plugins.archives.base import Archive

_PORTS = {"http": 80, "https": 443}


def address_of(archive: Archive) -> str | None:
    """Return the address that tells an archive from another, None where none does.

    Orthanc is whichever the suite is loaded in: its workers may well reach it at another address.
    """
    return None if archive.name is ArchiveName.ORTHANC else normalised(archive.url)


def normalised(url: str) -> str:
    """Return an address as all that mean the same are written, without credentials.

    >>> normalised("HTTP://user:secret@Archive:80/dcm4chee-arc/aets/DCM4CHEE/rs/?a=b")
    'http://archive/dcm4chee-arc/aets/DCM4CHEE/rs'
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, _PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
