"""The files of a trail: lines that are only ever added, one file after another, each named by its first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.private_files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 1 << 16
_ADDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Tail:
    """The end of a trail: its last whole line, and how much a crash left of one more."""

    segment: Path | None
    whole_bytes: int
    torn_bytes: int
    last_line: bytes | None


def segments(folder: Path) -> list[Path]:
    """Return the files of a trail, the oldest first."""
    return sorted(folder.glob("trail-*.jsonl"))


def segment_path(folder: Path, first_sequence: int) -> Path:
    """Return the file that begins with a record."""
    return folder / f"trail-{first_sequence:012}.jsonl"


def whole_lines(segment: Path) -> Iterator[bytes]:
    """Yield the lines of a file with their ends; what a crash tore off at its end is left out."""
    with segment.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line


def tail(folder: Path) -> Tail:
    """Return the end of a trail."""
    newest: Path | None = None
    whole_bytes = torn_bytes = 0
    for segment in reversed(segments(folder)):
        last_line, whole, torn = _end(segment)
        if newest is None:
            newest, whole_bytes, torn_bytes = segment, whole, torn
        if last_line is not None:
            return Tail(newest, whole_bytes, torn_bytes, last_line)
    return Tail(newest, whole_bytes, torn_bytes, None)


def add(segment: Path, line: bytes) -> None:
    """Add a line to a file, on disk when this returns; a new file is its owner's alone."""
    is_new = not segment.exists()
    descriptor = os.open(segment, _ADDING, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(line)
        file.flush()
        os.fsync(descriptor)
    if is_new:
        sync_folder(segment.parent)


def cut(segment: Path, whole_bytes: int) -> None:
    """Remove what a crash left after the last whole line."""
    with segment.open("r+b") as file:
        file.truncate(whole_bytes)
        os.fsync(file.fileno())


def _end(segment: Path) -> tuple[bytes | None, int, int]:
    """Return the last whole line of a file, where it ends, and how many bytes follow; read from the end."""
    with segment.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        read = b""
        start = size
        while start > 0 and read.count(b"\n") < 2:  # noqa: PLR2004 - ends of two lines
            step = min(_BLOCK, start)
            start -= step
            file.seek(start)
            read = file.read(step) + read
    end = read.rfind(b"\n") + 1
    line = read[read.rfind(b"\n", 0, end - 1) + 1 : end] if end else None
    return line, start + end if end else 0, len(read) - end
