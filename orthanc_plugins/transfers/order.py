"""In which order instances are sent, and after how many the destination's answers are looked at."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orthanc_plugins.archives.base import InstanceEntry

MOST_INSTANCES = 2000
MOST_BYTES = 2 * 10**9
"""So much is sent before the next look; a client makes its requests and associations of it as it sees fit."""

_RANKS = {
    "REG": 1,
    "SEG": 1,
    "M3D": 1,
    "RWV": 1,
    "RTSTRUCT": 1,
    "RTPLAN": 2,
    "RTDOSE": 3,
    "RTRECORD": 3,
    "SR": 4,
    "PR": 5,
    "KO": 6,
}
"""What refers to others comes after them: structures after images, plans after structures, doses after plans
(PS3.3 A.20), reports after what they measure, presentations and selections after all."""


def groups(entries: Sequence[InstanceEntry]) -> Iterator[list[InstanceEntry]]:
    """Yield instances in groups to be sent one after the other: those referred to before those that refer.

    Inside a group series stay together.
    """

    def rank(entry: InstanceEntry) -> int:
        return _RANKS.get(entry.modality, 0)

    ordered = sorted(entries, key=lambda entry: (rank(entry), entry.series_uid))
    for _, group in groupby(ordered, key=rank):
        yield list(group)


def batches(
    entries: Sequence[InstanceEntry], *, most_instances: int = MOST_INSTANCES, most_bytes: int = MOST_BYTES
) -> Iterator[list[InstanceEntry]]:
    """Yield instances by so many, or so many bytes, at a time; each batch has one at least."""
    batch: list[InstanceEntry] = []
    size = 0
    for entry in entries:
        bytes_of_entry = entry.size_bytes or 0
        if batch and (len(batch) >= most_instances or size + bytes_of_entry > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += bytes_of_entry
    if batch:
        yield batch
