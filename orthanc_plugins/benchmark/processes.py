"""The processes of an archive on this machine, as ``/proc`` tells them: who listens on its port."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.benchmark.targets import Target

PROC = Path("/proc")

_LISTEN = "0A"
_PASSED_ON_BY = frozenset({"docker-proxy", "rootlessport", "slirp4netns", "conmon"})
"""What listens in place of a program in a container."""


@dataclass(frozen=True)
class Process:
    """A process; ``began`` tells it from a later one of the same number."""

    pid: int
    name: str
    began: str


@dataclass(frozen=True)
class Found:
    """The processes of an archive, or why there are none to be seen.

    Parameters
    ----------
    archive
        Those that hold the port its DICOMweb listens on; those of the Orthanc behind a stand-in's shim.
    shim
        Those of a stand-in's shim, which is no part of an archive.
    reason
        Why none can be seen, empty when some are.
    """

    archive: tuple[Process, ...] = ()
    shim: tuple[Process, ...] = ()
    reason: str = ""


def find_processes(target: Target, *, is_stand_in: bool, proc: Path = PROC) -> Found:
    """Return the processes of an archive.

    Parameters
    ----------
    target
        The archive.
    is_stand_in
        Whether a shim listens on its port; the Orthanc it speaks with is the archive then.
    proc
        Where the system tells of its processes.
    """
    if not target.is_on_this_machine:
        return Found(reason="not measurable: it is on another machine")
    sockets = list(_sockets(proc))
    listening = {one.inode for one in sockets if one.local_port == target.port}
    holders = _holders(listening, proc)
    if reason := _not_seen(target.port, listening, holders):
        return Found(reason=f"not measurable: {reason}")
    if not is_stand_in:
        return Found(archive=holders)
    behind = _orthanc_behind(holders, sockets, proc)
    if not behind:
        return Found(reason="not measurable: the Orthanc behind the stand-in's shim was not found")
    return Found(archive=behind, shim=holders)


def resident_bytes(processes: tuple[Process, ...], proc: Path = PROC) -> int | None:
    """Return the memory that processes hold now (RSS, together), None when one of them has ended."""
    total = 0
    for process in processes:
        try:
            pages = (proc / str(process.pid) / "statm").read_text().split()[1]
        except OSError:
            return None
        total += int(pages) * os.sysconf("SC_PAGE_SIZE")
    return total


@dataclass(frozen=True)
class OpenFile:
    """A regular file that a process has open: where this process finds it, and what it is called there."""

    path: Path
    shown: Path


def open_files(processes: tuple[Process, ...], proc: Path = PROC) -> Iterator[OpenFile]:
    """Yield the regular files that processes have open, also of those that see another file system."""
    for process in processes:
        root = proc / str(process.pid) / "root"
        try:
            prefix = f"{str(root.readlink()).rstrip('/')}/"
        except OSError:
            continue
        for link in _links(proc / str(process.pid)):
            inside = link.removeprefix(prefix)
            if link.startswith(prefix) and (path := root / inside).is_file():
                yield OpenFile(path, Path("/", inside))


@dataclass(frozen=True)
class _Socket:
    local_port: int
    inode: str


def _sockets(proc: Path) -> Iterator[_Socket]:
    """Yield the TCP sockets of this machine that listen (proc_pid_net(5))."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[3] == _LISTEN:
                yield _Socket(int(columns[1].rpartition(":")[2], 16), columns[9])


def _not_seen(port: int, listening: set[str], holders: tuple[Process, ...]) -> str:
    """Return why the processes that listen on a port are not an archive's, empty when they may be."""
    if not listening:
        return f"no process that can be seen listens on port {port} (it may be in a container)"
    if not holders:
        return f"the process on port {port} belongs to another user; run as root"
    passing = [one.name for one in holders if one.name in _PASSED_ON_BY]
    return f"it is in a container, behind {passing[0]}" if passing else ""


def _holders(inodes: set[str], proc: Path) -> tuple[Process, ...]:
    """Return the processes that have one of these sockets open."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    folders = sorted(proc.glob("[0-9]*"), key=lambda folder: int(folder.name))
    found = (_process(folder) for folder in folders if wanted & set(_links(folder)))
    return tuple(process for process in found if process is not None)


def _links(folder: Path) -> Iterator[str]:
    """Yield what the open descriptors of a process lead to, as far as this user may see them."""
    try:
        descriptors = list((folder / "fd").iterdir())
    except OSError:
        return
    for descriptor in descriptors:
        try:
            yield str(descriptor.readlink())
        except OSError:
            continue


def _process(folder: Path) -> Process | None:
    try:
        name = (folder / "comm").read_text().strip()
        began = (folder / "stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None
    return Process(int(folder.name), name, began)


def _orthanc_behind(shim: tuple[Process, ...], sockets: list[_Socket], proc: Path) -> tuple[Process, ...]:
    """Return the Orthanc that a shim's configuration names, which is the last word of its command."""
    ports = {_port_behind(proc / str(process.pid)) for process in shim}
    listening = {one.inode for one in sockets if one.local_port in ports}
    return tuple(process for process in _holders(listening, proc) if process.name == "Orthanc")


def _port_behind(folder: Path) -> int | None:
    """Return the port of the Orthanc behind a shim, None where its configuration does not tell."""
    try:
        last = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")[-1].decode()
        path = folder / "root" / last.lstrip("/") if last.startswith("/") else folder / "cwd" / last
        return urlsplit(str(json.loads(path.read_text(encoding="utf-8"))["OrthancUrl"])).port
    except (OSError, ValueError, LookupError, TypeError):
        return None
