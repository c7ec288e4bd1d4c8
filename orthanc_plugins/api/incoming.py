"""The files of an upload, and what a zip holds, without ever holding more in memory than one of them.

A zip says of each entry how long it is unpacked, and no more than that is unpacked: what it says can be
held against a limit before anything is read.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING

from orthanc_plugins.zips import DAMAGED, MAGICS, METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UNREADABLE = (*DAMAGED, OSError)
"""What reading a zip raises; of an upload, which is a file here, the disk's faults too."""


class FileRejectedError(Exception):
    """A file is not stored; the text says why, for the one who sent it."""


@dataclass(frozen=True)
class IncomingFile:
    """A file of an upload or of a zip in it.

    Parameters
    ----------
    name
        As given, or its path inside the zip.
    size
        Bytes, unpacked; `read` never gives more.
    read
        Returns the content; raises FileRejectedError when it cannot be had.
    """

    name: str
    size: int
    read: Callable[[], bytes]


def incoming_files(name: str, source: IO[bytes]) -> Iterator[IncomingFile]:
    """Yield a file of an upload, or those inside it when it is a zip; none is read yet."""
    size = source.seek(0, io.SEEK_END)
    if not _is_zip(source):
        yield IncomingFile(name, size, partial(_whole, source))
        return
    try:
        archive = zipfile.ZipFile(source)
    except _UNREADABLE as error:
        reason = f"The zip cannot be opened ({type(error).__name__}): was it sent whole?"
        yield IncomingFile(name, 0, partial(_reject, reason))
        return
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if not entries:
        yield IncomingFile(name, 0, partial(_reject, "The zip holds no file."))
    for entry in entries:
        yield IncomingFile(entry.filename, entry.file_size, partial(_unpacked, archive, entry))


def _is_zip(source: IO[bytes]) -> bool:
    source.seek(0)
    return source.read(4).startswith(MAGICS)


def _whole(source: IO[bytes]) -> bytes:
    source.seek(0)
    content = source.read()
    if not content:
        raise FileRejectedError("The file is empty.")
    return content


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.compress_type not in METHODS:
        raise FileRejectedError("It is packed by another method than deflate: pack it as an ordinary zip.")
    try:
        with archive.open(entry) as packed:
            content = packed.read(entry.file_size)
    except _UNREADABLE as error:
        raise FileRejectedError(
            f"It cannot be unpacked ({type(error).__name__}): damaged or encrypted."
        ) from error
    if not content:
        raise FileRejectedError("The file is empty.")
    if content.startswith(MAGICS):
        raise FileRejectedError("A zip inside a zip is not unpacked: send it by itself.")
    return content


def _reject(reason: str) -> bytes:
    raise FileRejectedError(reason)
