"""A file that names what a run is about to send, so that what a killed run left behind can be removed.

One line of JSON each: first the run and its archives, then the Study Instance UIDs, before they are sent. The
file is locked while its run lives, and is deleted once nothing of the run is left.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TextIO

from orthanc_plugins.archives.base import ArchiveName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from orthanc_plugins.benchmark.targets import Target

JOURNALS = "journal"
"""Folder of the journals, below that of the results."""

_ENDING = ".jsonl"


class Journal:
    """The journal of a run that begins."""

    def __init__(self, folder: Path, run_id: str, targets: Mapping[ArchiveName, Target]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{run_id}{_ENDING}"
        self._file: TextIO = self._path.open("x", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        archives = {name.value: target.dicomweb for name, target in targets.items()}
        self._write({"run_id": run_id, "archives": archives})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._file.close()

    def note(self, study_uids: Iterable[str]) -> None:
        """Write down studies that are about to be sent, and see that they are on disk."""
        self._write({"studies": list(study_uids)})

    def forget(self) -> None:
        """Delete the journal: nothing of the run is left."""
        self._path.unlink()

    def _write(self, content: Mapping[str, object]) -> None:
        self._file.write(f"{json.dumps(content)}\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@dataclass(frozen=True)
class Leftover:
    """What a run that no longer lives may have left in archives.

    ``archives`` are the roots of their DICOMweb.
    """

    path: Path
    run_id: str
    archives: Mapping[ArchiveName, str]
    study_uids: tuple[str, ...]

    def is_of(self, targets: Mapping[ArchiveName, Target]) -> bool:
        """Return whether these are the archives it is in."""
        return self.archives == {name: target.dicomweb for name, target in targets.items()}


def living(folder: Path) -> frozenset[str]:
    """Return the runs that live now."""
    return frozenset(path.stem for path in _journals(folder) if _is_locked(path))


def leftovers(folder: Path) -> Iterator[Leftover]:
    """Yield what runs that no longer live may have left; a line that was cut off is passed over."""
    for path in _journals(folder):
        if not _is_locked(path):
            yield _read(path)


def _journals(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{_ENDING}"))


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _read(path: Path) -> Leftover:
    archives: dict[ArchiveName, str] = {}
    study_uids: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            content = json.loads(line)
        except ValueError:
            continue
        archives |= {ArchiveName(name): root for name, root in content.get("archives", {}).items()}
        study_uids += content.get("studies", [])
    return Leftover(path, path.stem, archives, tuple(study_uids))
