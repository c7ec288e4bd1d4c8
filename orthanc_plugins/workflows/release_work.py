"""Where one job of de-identification works: a folder that holds originals, and is gone afterwards.

It lies below the data directory, nobody else may look into it, and no name in it says what it holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orthanc_plugins.jobs import RELEASING, JobState

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import JobQueue

_MOST_JOBS = 100_000

type Mark = Literal["fetched", "released", "delivered"]
"""What is written down once a step is done, with what the next ones need."""


def work_root(data: Path) -> Path:
    """Return the folder of all work folders."""
    return data / "deidentification"


@dataclass(frozen=True)
class WorkFolder:
    """The folder of one job."""

    path: Path

    @classmethod
    def of_job(cls, data: Path, job_id: JobId) -> WorkFolder:
        """Return the folder of a job, whether it is there or not."""
        return cls(work_root(data) / _name(job_id))

    @property
    def originals(self) -> Path:
        """Folder of what was fetched."""
        return self.path / "in"

    @property
    def released(self) -> Path:
        """Folder of what may leave."""
        return self.path / "out"

    @property
    def workspace(self) -> Path:
        """Folder of what a destination packs and unpacks."""
        return self.path / "tmp"

    def begin(self) -> None:
        """Begin with an empty folder."""
        self.remove()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700)
        for folder in (self.originals, self.workspace):
            folder.mkdir()

    def mark(self, step: Mark, known: dict[str, Any]) -> None:
        """Write down that a step is done; it is there whole or not at all."""
        partial = self.path / f".{step}.part"
        with partial.open("w", encoding="utf-8") as file:
            json.dump(known, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path / f"{step}.json")

    def marked(self, step: Mark) -> dict[str, Any] | None:
        """Return what was written down of a step, None when it is not done."""
        try:
            known: dict[str, Any] = json.loads((self.path / f"{step}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return known

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        if self.path.exists():
            shutil.rmtree(self.path)


class Sweeping:
    """Removes the folders of jobs that have ended otherwise than by their own last step."""

    def __init__(self, data: Path, queue: JobQueue) -> None:
        self._data = data
        self._queue = queue

    def sweep(self) -> None:
        """Remove the folders that no queued or running job works in."""
        folders = _folders(work_root(self._data))
        if not folders:
            return
        states = [JobState.QUEUED, JobState.RUNNING]
        active = [
            job for kind in RELEASING for job in self._queue.jobs(states=states, kind=kind, limit=_MOST_JOBS)
        ]
        for folder in _idle(folders, {_name(job.job_id) for job in active}):
            shutil.rmtree(folder)


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def _idle(folders: Collection[Path], active: Collection[str]) -> list[Path]:
    return [folder for folder in folders if folder.name not in active]


def _name(job_id: JobId) -> str:
    return hashlib.sha256(job_id.encode()).hexdigest()[:32]
