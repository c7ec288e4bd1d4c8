"""Whether a folder has exactly the files that a certificate lists."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orthanc_plugins.certificates.certificate import Study


@dataclass(frozen=True)
class Differences:
    """How a folder differs from what is certified; paths are below the study's folder."""

    altered: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.altered or self.missing or self.extra)


def study_folder(folder: Path, study: Study) -> Path:
    """Return the study's own folder: that given, or ``<patient>/<study>`` below it where that is there."""
    below = folder / study.patient / study.uid
    return below if below.is_dir() else folder


def differences(folder: Path, study: Study) -> Differences:
    """Return how the files of a study's folder differ from those certified.

    A link is not followed: what it leads to may be another thing tomorrow. It counts as altered, or as extra.

    Raises
    ------
    OSError
        The folder, or a file in it, cannot be read.
    """
    certified = {file.path: file.sha256 for file in study.files}
    there = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    altered = [
        place for place, sha256 in certified.items() if place in there and _sha256(there[place]) != sha256
    ]
    return Differences(
        tuple(altered), tuple(sorted(certified.keys() - there)), tuple(sorted(there.keys() - certified))
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder that is no folder."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def _sha256(path: Path) -> str | None:
    """Return SHA-256 of a plain file, None where it is none."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
