"""What an upload holds: files out of ZIP and TAR, one in the other if need be, or a single file."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DEEPEST = 3


class UnpackError(Exception):
    """An upload that is damaged."""


def unpack(upload: Path, folder: Path, depth: int = 0) -> list[Path]:
    """Return the files of an upload, unpacked into a folder; names inside it are not used.

    Raises
    ------
    UnpackError
        An archive cannot be read to its end.
    """
    found: list[Path] = []
    try:
        for number, content in enumerate(_members(upload)):
            target = folder / f"{depth}-{number}"
            with target.open("wb") as out:
                shutil.copyfileobj(content, out)
            if depth < _DEEPEST and is_packed(target):
                inner = folder / f"{depth}-{number}.d"
                inner.mkdir()
                found += unpack(target, inner, depth + 1)
            else:
                found.append(target)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise UnpackError(type(error).__name__) from error
    return found


def is_packed(path: Path) -> bool:
    """Return whether a file is a ZIP or TAR."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def _members(upload: Path) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(upload):
        with zipfile.ZipFile(upload) as packed:
            for info in packed.infolist():
                if not info.is_dir():
                    with packed.open(info) as content:
                        yield content
    elif tarfile.is_tarfile(upload):
        with tarfile.open(upload) as packed_tar:
            for member in packed_tar:
                content_of = packed_tar.extractfile(member) if member.isfile() else None
                if content_of is not None:
                    yield content_of
    else:
        with upload.open("rb") as content:
            yield content
