"""Where comparisons are kept below the exports directory, and how they go with their structure sets."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.identifiers import JobId, SopInstanceUid

ROOM = "comparisons"
_HASH_LETTERS = 16


def comparison_path(uids: tuple[SopInstanceUid, SopInstanceUid], job_id: JobId) -> PurePosixPath:
    """Return the file of a comparison of two structure sets, relative to the exports directory."""
    return PurePosixPath(ROOM, f"{uids[0]}_{uids[1]}_{job_id[-_HASH_LETTERS:]}.json")


def remove_comparisons(exports: Path, uid: SopInstanceUid) -> None:
    """Remove all comparisons of a structure set."""
    for path in (exports / ROOM).glob(f"*{uid}_*.json"):
        if uid in path.stem.split("_"):
            path.unlink(missing_ok=True)
