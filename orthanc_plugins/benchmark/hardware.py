"""The conditions of a run: the machine it was done on, and how busy that was."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_KIBIBYTE = 1024
_NOT_TOLD = "not told"
_VIRTUAL = ("vd", "xvd", "nbd", "dm-", "loop")


@dataclass(frozen=True)
class Hardware:
    """The machine the client ran on, and each archive that is on it.

    Parameters
    ----------
    cores
        Those that this process may use.
    memory_bytes
        Of the machine; None where the system does not tell.
    load_before
        Mean number of processes that ran or wanted to, over the last minute, before anything was measured.
    """

    processor: str
    cores: int
    memory_bytes: int | None
    kernel: str
    python: str
    load_before: float


def hardware(proc: Path = Path("/proc")) -> Hardware:
    """Return what this machine is, and its load now."""
    return Hardware(
        processor=_processor(proc),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=_memory_bytes(proc),
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load_before=round(os.getloadavg()[0], 2),
    )


def disk_of(folder: Path, sys_block: Path = Path("/sys/dev/block")) -> str:
    """Return what disk a folder is on, as far as the system tells: its device, model and kind."""
    try:
        device = folder.stat().st_dev
        major, minor = os.major(device), os.minor(device)
        place = (sys_block / f"{major}:{minor}").resolve(strict=True)
    except OSError:
        return _NOT_TOLD
    for block in (place, place.parent):  # of a partition, the disk stands one above
        try:
            turning = (block / "queue" / "rotational").read_text().strip()
        except OSError:
            continue
        model = _read(block / "device" / "model")
        kind = "hard disk" if turning == "1" else "SSD"
        if block.name.startswith(_VIRTUAL):
            kind = "virtual disk"  # the system takes it for a hard disk, whatever is behind it
        return ", ".join(filter(None, (f"/dev/{block.name}", model, kind)))
    return _NOT_TOLD


def _processor(proc: Path) -> str:
    names = _values(_read(proc / "cpuinfo").splitlines(), "model name")
    return names[0] if names else platform.processor() or _NOT_TOLD


def _memory_bytes(proc: Path) -> int | None:
    told = _values(_read(proc / "meminfo").splitlines(), "MemTotal")
    return int(told[0].split()[0]) * _KIBIBYTE if told else None


def _values(lines: Iterable[str], key: str) -> list[str]:
    return [
        value.strip() for name, _, value in (line.partition(":") for line in lines) if name.strip() == key
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
