"""The folder in which a study is made and checked, beside the place it is to go to."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PREFIX = ".unchecked-"
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS})
"""What file systems without locks answer."""


@contextmanager
def staging(destination: Path) -> Iterator[Path]:
    """Have a folder that only its owner can look into, and that is gone afterwards.

    What a run that was killed has left is removed: nobody has checked it.
    """
    destination.mkdir(parents=True, exist_ok=True)
    with _locked(destination, fcntl.LOCK_EX):
        _clear(destination)
        folder = destination / f"{_PREFIX}{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        held = os.open(folder, os.O_RDONLY)
        _lock(held, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        os.close(held)


def _clear(destination: Path) -> None:
    """Remove the folders of runs that are no more: those that run have theirs locked."""
    for folder in destination.glob(f"{_PREFIX}*"):
        try:
            with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB) as is_locked:
                if is_locked:
                    shutil.rmtree(folder)
        except (BlockingIOError, FileNotFoundError):
            continue


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[bool]:
    held = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(held, how)
    finally:
        os.close(held)


def _lock(held: int, how: int) -> bool:
    """Return whether a folder was locked; it is not on a file system without locks."""
    try:
        fcntl.flock(held, how)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True
