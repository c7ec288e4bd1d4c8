"""What of repairs are patients' data: plans with values, comparisons, and the files from before each change.

Files of their own, below the data directory, which only the suite's user may read; the tables name them by
repair and by digest. A file is on disk before anything that relies on it is done.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from orthanc_plugins.errors import RepairError, RepairNotFound, StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

_OWNER_ONLY = 0o600
_OWNER_ONLY_FOLDER = 0o700
_REPAIR_ID = re.compile(r"[0-9a-f]{8,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

type Document = Literal["plan", "comparison", "after"]
"""The plan, the comparison it was made from, and the one made after it was applied or undone."""


class RepairFiles:
    """The files of repairs.

    Every method raises StoreError when the disk cannot be used, RepairError when a file is damaged.

    Parameters
    ----------
    data
        The suite's data directory.
    """

    def __init__(self, data: Path) -> None:
        self._documents = data / "repairs"
        self._undo = data / "undo"

    def write(self, repair_id: str, name: Document, content: Mapping[str, Any]) -> None:
        """Keep a document, in place of one of the same name."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        with _disk("kept"):
            _write(_folder(self._documents, repair_id) / f"{name}.json", text.encode())

    def read(self, repair_id: str, name: Document) -> dict[str, Any] | None:
        """Return a document, None when there is none."""
        path = _place(self._documents, repair_id) / f"{name}.json"
        with _disk("read"):
            content = path.read_bytes() if path.exists() else None
        if content is None:
            return None
        try:
            document: dict[str, Any] = json.loads(content)
        except ValueError as error:
            raise RepairError(
                f"The {name} of repair {repair_id} is damaged on disk: plan a new one."
            ) from error
        return document

    def keep(self, repair_id: str, content: bytes) -> str:
        """Keep a file from before a change, and return its digest; it is on disk when this returns."""
        digest = hashlib.sha256(content).hexdigest()
        with _disk("kept"):
            path = _folder(self._undo, repair_id) / digest
            if not path.exists():
                _write(path, content)
        return digest

    def kept(self, repair_id: str, digest: str) -> bytes:
        """Return a file that was kept, whole."""
        with _disk("read"):
            content = self._kept(repair_id, digest).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise RepairError(f"A file that repair {repair_id} has kept is damaged on disk: it is not used.")
        return content

    def holds(self, repair_id: str, digest: str) -> bool:
        """Return whether a file that was kept is still there."""
        return self._kept(repair_id, digest).is_file()

    def forget(self, active: Collection[str], before: datetime) -> None:
        """Remove the documents of all repairs but these, as far as nothing was written since a time."""
        _forget(self._documents, active, before)

    def forget_undo(self, active: Collection[str], before: datetime) -> int:
        """Remove what was kept of all repairs but these, likewise; return of how many it was."""
        return _forget(self._undo, active, before)

    def _kept(self, repair_id: str, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise RepairError("A file of a repair has no such name.")
        return _place(self._undo, repair_id) / digest


def _place(root: Path, repair_id: str) -> Path:
    if not _REPAIR_ID.fullmatch(repair_id):
        raise RepairNotFound("No repair has this identifier.")
    return root / repair_id


def _folder(root: Path, repair_id: str) -> Path:
    place = _place(root, repair_id)
    place.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    root.chmod(_OWNER_ONLY_FOLDER)
    return place


def _forget(root: Path, active: Collection[str], before: datetime) -> int:
    removed = 0
    with _disk("removed"):
        for folder in root.iterdir() if root.is_dir() else ():
            if folder.name not in active and folder.stat().st_mtime < before.timestamp():
                shutil.rmtree(folder)
                removed += 1
    return removed


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, and on disk."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _disk(what: str) -> Iterator[None]:
    """Turn the disk's errors into the suite's."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"A file of a repair could not be {what} ({type(error).__name__}, {error.strerror}): check the "
            "data directory, its free space and that it is the suite's own."
        ) from error
