"""ZIPs of files, unpacked for a while into a folder that only its owner looks into.

A ZIP is taken whole or not at all, and piece by piece: never more than a piece of it is in memory.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ZipRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_ENTRIES = 100_000
"""A ZIP of more files is refused."""

MOST_RATIO = 200
FREE_BYTES = 1 << 30
"""What unpacks to so many times its size is refused, unless it is no more than this."""

MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
"""Beginnings of a ZIP, of an empty one and of one in several parts."""
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Unpacked piece by piece; a few bytes packed by other methods can become gigabytes at one stroke."""
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What zipfile raises for a ZIP that is damaged, encrypted, or packed in a way it does not know."""
_ENCRYPTED = 0x1
_PIECE = 1 << 20
_LONGEST_NAME = 255
_LINK, _KINDS = 0o120000, 0o170000


def is_zip(path: Path) -> bool:
    """Return whether a path is a file that begins as a ZIP does, whatever it is called."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4).startswith(MAGICS)


@contextmanager
def unpacked(zipped: Path) -> Iterator[Path]:
    """Yield a folder that has the files of a ZIP, and the ZIP's own name; afterwards it is gone.

    It lies where the system keeps files for a while (``TMPDIR``).

    Raises
    ------
    ZipRefused
        The ZIP is damaged, encrypted, holds another ZIP or a link, leads out of the folder, or grows too
        large; nothing of it is left.
    OSError
        It cannot be read, or unpacked where there is no space.
    """
    with tempfile.TemporaryDirectory(prefix="pacs-zip-") as root:
        folder = Path(root) / zipped.name
        folder.mkdir()
        try:
            with zipfile.ZipFile(zipped) as packed:
                entries = [entry for entry in packed.infolist() if not entry.is_dir()]
                _check(zipped, entries, shutil.disk_usage(root).free)
                for entry in entries:
                    _unpack(zipped, packed, entry, folder)
        except DAMAGED as error:
            raise _refused(zipped, f"it is damaged ({type(error).__name__}): was it copied whole?") from None
        yield folder


def _check(zipped: Path, entries: Sequence[zipfile.ZipInfo], free: int) -> None:
    """Refuse what is not to be unpacked, by what the ZIP says of itself: no more than that is unpacked."""
    if not entries:
        raise _refused(zipped, "it holds no file.")
    if len(entries) > MOST_ENTRIES:
        raise _refused(zipped, f"it holds {len(entries)} files, and {MOST_ENTRIES} are the most.")
    if len({entry.filename for entry in entries}) < len(entries):
        raise _refused(zipped, "two files in it have one name.")
    for number, entry in enumerate(entries, 1):
        if reason := _fault_of(entry):
            raise _refused(zipped, f"file {number} in it {reason}")
    size = sum(entry.file_size for entry in entries)
    if size > max(FREE_BYTES, MOST_RATIO * zipped.stat().st_size):
        raise _refused(zipped, f"it unpacks to {size} bytes, more than {MOST_RATIO} times its own.")
    if size > free:
        raise _refused(
            zipped,
            f"it unpacks to {size} bytes, and {free} are free: make room, or set TMPDIR to another folder.",
        )


def _fault_of(entry: zipfile.ZipInfo) -> str:
    """Return why an entry is not unpacked, empty for nothing."""
    parts = PurePosixPath(entry.filename).parts
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted: unpack it yourself, and give the folder."
    if entry.compress_type not in METHODS:
        return "is packed by another method than deflate: pack it as an ordinary ZIP."
    if entry.external_attr >> 16 & _KINDS == _LINK:
        return "is a link: pack the files themselves."
    if not parts or parts[0] == "/" or ".." in parts or "\\" in entry.filename or ":" in parts[0]:
        return "has a name that leads out of it: pack it anew."
    if any(len(part.encode("utf-8", "surrogateescape")) > _LONGEST_NAME for part in parts):
        return f"has a name of more than {_LONGEST_NAME} bytes: pack it anew."
    return ""


def _unpack(zipped: Path, packed: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    place = folder / PurePosixPath(entry.filename)
    place.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(entry) as content, place.open("xb") as out:
        piece = content.read(_PIECE)
        if piece.startswith(MAGICS):
            raise _refused(zipped, "it holds another ZIP: unpack that, and give it by itself.")
        while piece:
            out.write(piece)
            piece = content.read(_PIECE)


def _refused(zipped: Path, reason: str) -> ZipRefused:
    return ZipRefused(f"{zipped} is not unpacked: {reason}")
