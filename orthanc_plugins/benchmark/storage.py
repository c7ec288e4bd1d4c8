"""An archive's files on this machine: how much room they take, and out of the system's cache with them."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_plugins.benchmark.processes import open_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.benchmark.processes import Process

MOST_FILES = 200_000
"""A folder with more files is not walked through: that would take minutes, again and again."""

_BLOCK_BYTES = 512
_CACHESTAT = 451
"""Number of the system call cachestat (Linux 6.5), the same on all machines."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class _CacheRange(ctypes.Structure):
    _fields_ = (("off", ctypes.c_uint64), ("len", ctypes.c_uint64))


class _CacheState(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in ("cached", "dirty", "writeback", "evicted", "recently_evicted")
    )


@dataclass(frozen=True)
class Dropped:
    """How much of some files was in the system's cache before and after it was to be dropped.

    ``left_bytes`` is None where the system does not tell.
    """

    file_bytes: int
    left_bytes: int | None


@dataclass(frozen=True)
class Storage:
    """The folder an archive keeps its files in: where it is found here, and what the archive calls it."""

    folder: Path
    shown: Path

    def allocated_bytes(self) -> int:
        """Return how much room all files take on disk, in whole blocks."""
        return sum(status.st_blocks * _BLOCK_BYTES for _, status in _files(self.folder))

    def bytes_since(self, moment_s: float) -> int:
        """Return the length of all files that were written since a moment (seconds since 1970)."""
        return sum(status.st_size for _, status in _files(self.folder) if status.st_mtime >= moment_s)

    def drop_from_cache(self, moment_s: float) -> Dropped:
        """Write out the files that were written since a moment, and let the system forget their pages.

        Only clean pages can be dropped, hence the first. It needs no rights beyond reading the files.
        """
        os.sync()
        file_bytes, left_bytes = 0, 0
        told = True
        for path, status in _files(self.folder):
            if status.st_mtime < moment_s:
                continue
            left = _drop(path)
            file_bytes += status.st_size
            told = told and left is not None
            left_bytes += left or 0
        return Dropped(file_bytes, left_bytes if told else None)


def find_storage(processes: tuple[Process, ...]) -> list[Storage]:
    """Return the folders that may be the storage of these processes, those deepest down first.

    They are those of files the processes have open, such as an index; which of them it is shows once
    something was stored.
    """
    folders = {file.path.parent: file.shown.parent for file in open_files(processes)}
    found = [Storage(folder, shown) for folder, shown in folders.items() if _is_walkable(folder, shown)]
    return sorted(found, key=lambda storage: (-len(storage.shown.parts), storage.shown))


def _is_walkable(folder: Path, shown: Path) -> bool:
    """Return whether a folder can be read and is of a size that can be walked through."""
    if shown == Path("/") or not os.access(folder, os.R_OK | os.X_OK):
        return False
    return all(number < MOST_FILES for number, _ in enumerate(_files(folder)))


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield all regular files below a folder; what goes meanwhile is passed over."""
    waiting = [str(folder)]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                yield entry.path, status


def _drop(path: str) -> int | None:
    """Drop a file from the cache and return how many bytes of it stayed, None when that is not known."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return _cached_bytes(descriptor)
    finally:
        os.close(descriptor)


def _cached_bytes(descriptor: int) -> int | None:
    everything, state = _CacheRange(0, 0), _CacheState()
    call = ctypes.CDLL(None, use_errno=True).syscall
    failed = call(
        ctypes.c_long(_CACHESTAT), descriptor, ctypes.byref(everything), ctypes.byref(state), ctypes.c_uint(0)
    )
    return None if failed else int(state.cached) * _PAGE_BYTES
