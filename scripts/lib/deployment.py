"""One running suite as the scripts and the tests see it: where it is, and what is beside it.

Only the standard library, and no more of Python than 3.10, as in ``render``.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Workers = Literal["embedded", "external"]

REPOSITORY = Path(__file__).resolve().parents[2]
INSIDE = Path("/usr/local/pacs")
"""Where the runtime shows the Python packages and OHIF (``enter.sh``)."""

_LONGEST_SOCKET_PATH = 100
"""Linux allows 107 bytes (unix(7)); supervisor appends its process id while it starts."""


class DeploymentError(Exception):
    """The suite cannot be deployed as asked; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the servers listen."""

    front: int = 8001
    orthanc: int = 8042
    dicom: int = 4242
    ohif: int = 5173
    dcm4chee: int = 8080
    dcm4chee_dicom: int = 11112
    dcm4chee_orthanc: int = 8043
    xnat: int = 8090
    xnat_dicom: int = 8104


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One running suite: where it keeps its state, where it listens, what differs from what is committed.

    Parameters
    ----------
    data
        Folder of everything the suite writes: storage, results, logs, and in ``run`` the rendered files.
    ports
        Where the servers listen.
    workers
        Who starts the worker: Orthanc (``embedded``) or supervisor (``external``).
    orthanc
        Merged over the committed configuration of Orthanc, section by section.
    stand_in, xnat_stand_in
        Whether a stand-in plays DCM4CHEE, and XNAT.
    dcm4chee_url, xnat_url
        DICOMweb root of the DCM4CHEE that is there, and root of the XNAT; None when there is none or a
        stand-in plays it.
    """

    data: Path
    ports: Ports = field(default_factory=Ports)
    workers: Workers = "embedded"
    orthanc: Mapping[str, Any] = field(default_factory=dict)
    stand_in: bool = False
    dcm4chee_url: str | None = None
    xnat_stand_in: bool = False
    xnat_url: str | None = None
    repository: Path = REPOSITORY
    python: Path = INSIDE / "venv" / "bin" / "python3"
    ohif: Path = INSIDE / "ohif"
    web_libraries: Path = INSIDE / "web"

    @property
    def run(self) -> Path:
        """Folder of the rendered files."""
        return self.data / "run"

    @property
    def logs(self) -> Path:
        """Folder of the logs, one file for each program."""
        return self.data / "logs"

    @property
    def secrets(self) -> Path:
        """Folder of the passwords that are made at the first start."""
        return self.data / "secrets"

    @property
    def orthanc_json(self) -> Path:
        """Orthanc's configuration, which the worker reads too."""
        return self.run / "orthanc.json"

    @property
    def settings_json(self) -> Path:
        """The same as the settings say now, whether the suite runs with them yet or not."""
        return self.run / "settings.json"

    @property
    def control_socket(self) -> Path:
        """Where supervisor takes commands; elsewhere when the path is too long for a socket."""
        socket = self.run / "supervisor.sock"
        if len(os.fsencode(socket)) <= _LONGEST_SOCKET_PATH:
            return socket
        name = hashlib.sha256(os.fsencode(socket)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"pacs-suite-{name}.sock"
