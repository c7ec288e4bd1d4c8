"""One process at a time writes a trail, and what the system refuses is told as an error of the trail."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orthanc_plugins.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READING, WRITING = fcntl.LOCK_SH, fcntl.LOCK_EX


@contextmanager
def locked(folder: Path, how: int) -> Iterator[None]:
    """Have nobody else write the trail inside the block, and with `WRITING` nobody read it either.

    Raises
    ------
    AuditError
        The folder is not there, or not to be written.
    """
    with told("locked"):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(folder / "trail.lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Raise AuditError in place of what the system says inside the block."""
    try:
        yield
    except OSError as error:
        raise AuditError(f"The audit trail cannot be {what}: {error}") from error
