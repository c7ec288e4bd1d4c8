"""Files that only the suite's account can read: made whole or not at all, and on disk before use.

What is wrong with a file or folder is a `PermissionError` that says how to mend it.
"""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_OTHERS = 0o077
_WRITTEN_BY_OTHERS = 0o022


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

    Two processes that write at once get one file: a draft is filled first and then given the name, which
    only one of them can do.
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
    sync_folder(path.parent)
    return True


def write_over(path: Path, content: bytes) -> None:
    """Write a small file in place of another; a crash leaves the one or the other, whole."""
    draft = path.with_name(f".{path.name}.draft")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
    sync_folder(path.parent)


def read_private(path: Path, longest: int) -> bytes:
    """Return what is in a private file, at most one byte more than the longest it may be.

    Raises
    ------
    OSError
        There is no such file, it is a link, no plain file, or not private.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _check(path, os.fstat(descriptor))
        return file.read(longest + 1)


def check_private(path: Path) -> None:
    """See that a file is plain, ours and closed to others, without opening it.

    SQLite's locks on a file end when any descriptor of it is closed, so a database is not opened for this.

    Raises
    ------
    OSError
        It is not.
    """
    _check(path, path.lstat())


def destroy(path: Path) -> None:
    """Overwrite a file, remove it and what drafts a crash may have left of it; none is no error.

    Where the file system keeps copies (snapshots, flash memory), overwriting reaches the newest alone.
    """
    for victim in (path, *path.parent.glob(f".{path.name}.*")):
        _overwrite(victim)
        victim.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See that the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PermissionError(f"{path} is no plain file; put the file itself there, not a link to it.")
    if status.st_uid != os.geteuid():
        raise PermissionError(f"{path} belongs to another account; give it to the one that runs the suite.")
    if status.st_mode & _OTHERS:
        raise PermissionError(
            f"{path} is open to others; set its mode to 600, and think of it as known to them."
        )


def _overwrite(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(bytes(os.fstat(descriptor).st_size))
        file.flush()
        os.fsync(descriptor)
