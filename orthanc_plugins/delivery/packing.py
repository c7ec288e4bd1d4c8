"""Released files packed into ZIPs that say nothing but their content."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ReleaseRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orthanc_plugins.delivery.parcel import ParcelFile

MOST_FILES = 500
"""So many files a ZIP has at most: more in one request outlast logins and proxies."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PIECE = 1 << 20


def zips_of(files: Sequence[ParcelFile], folder: Path, *, most: int = MOST_FILES) -> Iterator[Path]:
    """Yield ZIPs of the files, one at a time: it is deleted when the next one is asked for.

    Files are called by numbers, and have no time of their own.

    Raises
    ------
    ReleaseRefused
        A file is not the one that was released any more.
    """
    for begin in range(0, len(files), most):
        zipped = folder / "study.zip"
        try:
            with zipfile.ZipFile(zipped, "w", zipfile.ZIP_STORED) as out:
                for number, file in enumerate(files[begin : begin + most], 1):
                    _pack(out, f"{number:06d}.dcm", file)
            yield zipped
        finally:
            zipped.unlink(missing_ok=True)


def content_of(file: ParcelFile) -> bytes:
    """Return the bytes of a file, which must be those that were released.

    Raises
    ------
    ReleaseRefused
        They are not.
    """
    content = file.path.read_bytes()
    _check(file, hashlib.sha256(content).hexdigest())
    return content


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(out: zipfile.ZipFile, name: str, file: ParcelFile) -> None:
    _check(file, sha256_of(file.path))
    info = zipfile.ZipInfo(name, _EPOCH)
    info.file_size = file.path.stat().st_size
    with file.path.open("rb") as content, out.open(info, "w") as packed:
        shutil.copyfileobj(content, packed, _PIECE)


def _check(file: ParcelFile, digest: str) -> None:
    if digest != file.sha256:
        raise ReleaseRefused(
            f"The file of object {file.sop_instance_uid} is not the one that was released: nothing of it was "
            "sent."
        )
