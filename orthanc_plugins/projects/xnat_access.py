"""How XNAT is reached, as the settings say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.archives import BasicCredentials
from orthanc_plugins.archives.sessions import HttpOptions
from orthanc_plugins.archives.xnat import Xnat
from orthanc_plugins.archives.xnat_http import XnatHttp

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class XnatAccess:
    """How XNAT is reached: ``user`` and ``secret`` are a name and password, or those of an alias token."""

    url: str
    user: str
    secret: str = field(repr=False)
    ca_file: Path | None = None
    timeout_s: float = 60.0
    transport: Literal["import", "c-store"] = "import"
    aet: str = "XNAT"
    dicom_host: str = ""
    dicom_port: int = 8104
    install_script: bool = False

    def opened(self) -> Xnat:
        """Return XNAT, where nobody is logged in yet; leaving it as a context logs out."""
        options = HttpOptions(ca_file=self.ca_file, timeout_s=self.timeout_s)
        return Xnat(XnatHttp(self.url, BasicCredentials(self.user, self.secret), options))
