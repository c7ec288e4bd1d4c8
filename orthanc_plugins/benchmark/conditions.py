"""The circumstances of each archive: which processes and folder are its own, and what it keeps in them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.hardware import disk_of
from orthanc_plugins.benchmark.measuring import Watches
from orthanc_plugins.benchmark.memory import MemoryWatch
from orthanc_plugins.benchmark.processes import find_processes, resident_bytes
from orthanc_plugins.benchmark.results import ArchiveFacts, DiskUse, MemoryUse
from orthanc_plugins.benchmark.site import Site
from orthanc_plugins.benchmark.storage import MOST_FILES, find_storage
from orthanc_plugins.benchmark.upkeep import studies_with, upkeep_of
from orthanc_plugins.benchmark.verification import differences
from orthanc_plugins.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from orthanc_plugins.benchmark.measuring import RoundMemory
    from orthanc_plugins.benchmark.processes import Process
    from orthanc_plugins.benchmark.storage import Storage
    from orthanc_plugins.benchmark.targets import Target
    from orthanc_plugins.benchmark.upkeep import Counts

_CLOCK_S = 1.0
"""Times of files may lag behind the clock by so much."""
_LEAST_SHARE = 0.3
"""An archive's folder grows by at least so much of what it is sent, also where it compresses."""


@dataclass
class Circumstances:
    """One archive during a run: the site the workloads visit, and everything around it."""

    target: Target
    site: Site = field(init=False)
    watches: Watches = field(init=False)
    left_behind: int | None = field(default=None, init=False)
    cleaning: str = field(default="", init=False)
    _after: Counts = field(default_factory=dict, init=False)
    _disk_use: DiskUse | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.site = Site(self.target, upkeep_of(self.target), time.time() - _CLOCK_S)
        self.description = self.site.upkeep.describe()
        self._before = self.site.upkeep.counts()
        self._found = find_processes(self.target, is_stand_in=self.description.stand_in is not None)
        self.watches = Watches(MemoryWatch(self._found.archive), MemoryWatch(self._found.shim))
        self._idle_bytes = resident_bytes(self._found.archive) if self._found.archive else None
        self._candidates = {
            storage: storage.allocated_bytes() for storage in find_storage(self._found.archive)
        }

    def after_filling(self, large_study: tuple[str, int], all_sent_bytes: int) -> None:
        """Find the folder that has grown, and how much is kept of what was sent.

        Parameters
        ----------
        large_study
            Study Instance UID of the large study, and the bytes of its files.
        all_sent_bytes
            Bytes of all files that were sent.
        """
        os.sync()
        uid, sent_bytes = large_study
        least = _LEAST_SHARE * all_sent_bytes
        began_s = self.site.began_s
        grown = [one for one in self._candidates if one.bytes_since(began_s) >= least]
        self.site.storage = grown[0] if grown else None
        told = self.site.upkeep.stored_bytes(uid)
        self._disk_use = DiskUse(
            sent_bytes, told, all_sent_bytes, self._allocated(self.site.storage), self._why_no_disk(told)
        )

    def _allocated(self, storage: Storage | None) -> int | None:
        return None if storage is None else storage.allocated_bytes() - self._candidates[storage]

    def _why_no_disk(self, told: int | None) -> str:
        reasons = []
        if told is None:
            reasons.append("the archive does not tell how much it keeps of a study")
        if self.site.storage is None:
            seen = self._found.reason.removeprefix("not measurable: ")
            few = f"none with fewer than {MOST_FILES:,} files that it has a file open in has grown"
            reasons.append(f"its folder cannot be seen: {seen or few}")
        return "; ".join(reasons)

    def clean(self, prefix: str, study_uids: Collection[str]) -> None:
        """Remove what the run has sent, and see what is left; a failure is kept, not raised."""
        try:
            self.site.upkeep.remove(prefix, study_uids)
            self.left_behind = len(studies_with(self.site.upkeep.web, prefix))
            self._after = self.site.upkeep.counts()
        except ArchiveError as error:
            self.left_behind, self.cleaning = None, str(error)

    def facts(self, memory: Sequence[RoundMemory], *, with_memory: bool, with_disk: bool) -> ArchiveFacts:
        """Return what is to be known of the archive; the run has ended."""
        storage = self.site.storage
        return ArchiveFacts(
            address=self.target.dicomweb,
            version=self.description.version,
            stand_in=self.description.stand_in,
            dicom=str(self.target.dicom or self.description.dicom or ""),
            on_this_machine=self.target.is_on_this_machine,
            storage="" if storage is None else str(storage.shown),
            disk="" if storage is None else disk_of(storage.folder),
            cold=self._cold(),
            before=self._before,
            after=self._after,
            changed=differences(self._before, self._after),
            left_behind=self.left_behind,
            cleaning=self.cleaning,
            memory=self._memory(memory) if with_memory else None,
            disk_use=self._disk_use if with_disk else None,
        )

    def _cold(self) -> str:
        """Return in words what became of the files' pages in the system's cache."""
        dropped = self.site.dropped
        if not dropped and self.site.storage is not None:
            return "no retrieval was asked"
        if not dropped:
            return (
                "its files stayed in the system's cache as they were: they cannot be seen from here, and "
                "only root can empty a machine's cache"
            )
        if any(one.left_bytes is None for one in dropped):
            return "the system was told to drop its files from its cache; whether it did is not known"
        left = max(one.left_bytes / max(1, one.file_bytes) for one in dropped if one.left_bytes is not None)
        return f"its files were dropped from the system's cache (at most {100 * left:.1f} % stayed)"

    def _memory(self, rounds: Sequence[RoundMemory]) -> MemoryUse:
        own = [one for one in rounds if one.archive is self.target.name and one.peak_bytes is not None]
        peaks = tuple(one.peak_bytes for one in own if one.peak_bytes is not None)
        counted = tuple(one.peak_bytes for one in own if one.round > 0 and one.peak_bytes is not None)
        shims = [one.shim_bytes for one in own if one.shim_bytes is not None]
        ended = "not measurable: its processes ended meanwhile" if self._found.archive and not peaks else ""
        return MemoryUse(
            processes=_shown(self._found.archive),
            idle_bytes=self._idle_bytes,
            peak_bytes=max(peaks, default=None),
            rounds=counted,
            shim=_shown(self._found.shim),
            shim_peak_bytes=max(shims, default=None),
            reason=self._found.reason or ended,
        )


def circumstances_of(targets: Mapping[ArchiveName, Target]) -> dict[ArchiveName, Circumstances]:
    """Return the circumstances of both archives, before anything is sent.

    Raises
    ------
    ArchiveError
        One does not answer, or refuses.
    """
    return {name: Circumstances(targets[name]) for name in ArchiveName}


def _shown(processes: tuple[Process, ...]) -> tuple[str, ...]:
    return tuple(f"{process.name} (pid {process.pid})" for process in processes)
