"""The file of the signing key: its owner's alone, made whole or not at all, and on disk before use.

What is wrong with a file or folder is a `PermissionError` that says how to mend it.
"""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
_OTHERS, _WRITTEN_BY_OTHERS = 0o077, 0o022


def private_folder(folder: Path) -> None:
    """Make a folder if it is not there, and see that nobody else writes into it.

    Raises
    ------
    OSError
        It cannot be made, or is not private.
    """
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid not in {0, os.geteuid()}:
        raise PermissionError(f"{folder} belongs to another account; give it to the one that runs the suite.")
    if status.st_mode & _WRITTEN_BY_OTHERS:
        raise PermissionError(f"Others may write into {folder}; set its mode to 700.")


def write_once(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet; return whether it was this call that made it.

    A draft is filled first and then given the name, which only one of several processes can do.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    _sync(path.parent)
    return True


def read_private(path: Path, longest: int) -> bytes:
    """Return what is in a private file, at most one byte more than the longest it may be.

    Raises
    ------
    OSError
        There is no such file, it is a link, no plain file, or not private.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(f"{path} is no plain file; put the file itself there, not a link to it.")
        if status.st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to another account; give it to the one that runs it.")
        if status.st_mode & _OTHERS:
            raise PermissionError(
                f"{path} is open to others; set its mode to 600, and think of it as known to them."
            )
        return file.read(longest + 1)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
