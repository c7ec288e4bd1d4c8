"""The files of releases: their certificates, kept beside the tables and named by the release alone."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

_RELEASE_ID = re.compile(r"[A-Z2-7]{8,51}")

type ReleaseFile = Literal["certificate.json", "certificate.pdf"]


class ReleaseFiles:
    """The certificates of releases.

    Every method raises StoreError when the disk cannot be used.

    Parameters
    ----------
    data
        The suite's data directory.
    """

    def __init__(self, data: Path) -> None:
        self._root = data / "certificates"

    def path(self, release_id: str, name: ReleaseFile) -> Path | None:
        """Return where a file of a release is, None where there is none."""
        if not _RELEASE_ID.fullmatch(release_id):
            return None
        path = self._root / release_id / name
        return path if path.is_file() else None

    def read(self, release_id: str, name: ReleaseFile) -> bytes | None:
        """Return a file of a release, None when there is none."""
        path = self.path(release_id, name)
        try:
            return None if path is None else path.read_bytes()
        except OSError as error:
            raise _unusable(error) from error

    def keep(self, release_id: str, name: ReleaseFile, content: bytes) -> None:
        """Keep a file in place of one of the same name; it is there whole or not at all, and on disk."""
        if not _RELEASE_ID.fullmatch(release_id):
            raise StoreError("No release has such an identifier.")
        folder = self._root / release_id
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = folder / f".{name}.{os.getpid()}.part"
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(folder / name)
        except OSError as error:
            raise _unusable(error) from error


def _unusable(error: OSError) -> StoreError:
    return StoreError(
        f"A certificate could not be kept or read ({type(error).__name__}, {error.strerror}): check the data "
        "directory, its free space and that it is the suite's own."
    )
