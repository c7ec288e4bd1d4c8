"""Where released studies of a project go, opened as the settings say."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_plugins.archives.dicom_peer import DicomPeer
from orthanc_plugins.archives.researchers import archive_of
from orthanc_plugins.delivery import ArchiveDestination, FolderDestination, XnatDestination
from orthanc_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives.xnat import Xnat
    from orthanc_plugins.delivery import Destination
    from orthanc_plugins.projects import XnatAccess
    from orthanc_plugins.rules import DeidentificationProject
    from orthanc_plugins.services import Services

_SCRIPT = Path(__file__).resolve().parents[2] / "xnat" / "project-script.das"
_CALLING_AET = "PACS_SUITE"


@contextmanager
def open_destination(
    services: Services, project: DeidentificationProject, workspace: Path
) -> Iterator[Destination]:
    """Yield where the studies of a project go; ``workspace`` is where their files are packed and unpacked.

    Raises
    ------
    ConfigurationError
        It is XNAT, and nobody has told where that is, or the suite's script for it is not there.
    """
    choice = project.destination
    if choice.kind == "folder" and choice.folder is not None:
        yield FolderDestination(choice.folder)
    elif choice.xnat_project is not None:
        access = services.deidentification.xnat
        if access is None:
            raise ConfigurationError(
                "The project's studies go to XNAT: set Xnat.Url and who the suite is there."
            )
        with access.opened() as xnat:
            yield _session(xnat, access, choice.xnat_project, workspace)
    else:
        archive = archive_of(choice)
        try:
            yield ArchiveDestination(archive, project.name, workspace=workspace)
        finally:
            archive.close()


def _session(xnat: Xnat, access: XnatAccess, project: str, workspace: Path) -> XnatDestination:
    receiver = None
    if access.transport == "c-store":
        receiver = DicomPeer(
            access.dicom_host, access.dicom_port, access.aet, _CALLING_AET, None, access.timeout_s
        )
    return XnatDestination(
        xnat,
        project,
        transport=access.transport,
        receiver=receiver,
        script=_script() if access.install_script else None,
        workspace=workspace,
    )


def _script() -> str:
    try:
        return _SCRIPT.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"Xnat.InstallScript wants the suite's script, and {_SCRIPT} cannot be read: restore it."
        ) from error
