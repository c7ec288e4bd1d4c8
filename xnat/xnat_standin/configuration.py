"""How the stand-in is started: its ports, its folder, and which XNAT it plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Configuration:
    """The options of ``python -m xnat_standin``.

    Parameters
    ----------
    port
        Where the REST API listens, on 127.0.0.1.
    data
        Folder of all it keeps; made when it is not there.
    dicom_port
        Where C-STORE arrives, on 127.0.0.1; None is without a receiver.
    admin_password
        Password of ``admin`` at the first start; a later one is kept.
    initialised
        Whether the first start leaves a configured site; False is the state before its setup.
    version
        The version it tells.
    dicom_edit
        The newest DicomEdit it reads: 6.3 with XNAT 1.8.0, 6.6 with 1.8.10 and newer.
    idle_s
        Seconds without a new file after which a session in reception is built; XNAT has 300.
    session_timeout_s
        Seconds of idleness after which a login ends.
    archive_timeout_s
        Seconds after which the archive service answers 500 and goes on; XNAT has 600.
    """

    port: int
    data: Path
    dicom_port: int | None = None
    admin_password: str = "admin"  # noqa: S105 - XNAT's own, at a first start; a deployment gives a file
    initialised: bool = True
    version: str = "1.9.3"
    dicom_edit: tuple[int, int] = (6, 6)
    idle_s: float = 300.0
    session_timeout_s: float = 900.0
    archive_timeout_s: float = 600.0

    @property
    def build(self) -> Path:
        """Where what is coming in lies until it is stored."""
        return self.data / "build"

    @property
    def archive(self) -> Path:
        """Where archived files lie."""
        return self.data / "archive"

    @property
    def prearchive(self) -> Path:
        """Where files of the prearchive lie."""
        return self.data / "prearchive"
